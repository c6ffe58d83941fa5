//! Is everything counted that was taken, once, whatever it came as, and is what a sink remembers bounded?

use http::Method;

use crate::scene::{Sink, number, numbered};
use crate::support::client::{self, Client, Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate;

const NUMBERED: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

#[tokio::test]
async fn requests_items_and_bytes_are_counted_by_signal_over_every_wire_and_coding() {
    let sink = Sink::start(&[]).await;
    let (mut requests, mut bytes) = (0, 0);
    let grpc = Coding::ALL.map(|coding| (Wire::Grpc, coding));
    let http = Coding::ALL.into_iter().chain(Coding::HTTP_ONLY).map(|coding| (Wire::Http, coding));
    for (wire, coding) in grpc.into_iter().chain(http) {
        let mut client = Client::connect(wire, sink.port(wire), coding).await;
        for signal in Signal::ALL {
            let export = generate::request(signal, "app", 0..7);
            client.deliver(&export).await;
            bytes += export.encode().len() as u64;
        }
        requests += 1;
    }
    let status = sink.get("/api/status").await;
    for signal in Signal::ALL {
        let of = |name: &str| number(&status, &format!("/signals/{}/{name}", signal.name()));
        assert_eq!((of("requests"), of("items")), (requests, requests * 7), "{status}");
    }
    assert_eq!(number(&status, "/total/bytes"), bytes);
    assert_eq!(number(&status, "/requests_by_protocol/grpc"), 3 * 4);
    assert_eq!(status["runs"], serde_json::json!([]), "what names no run is only counted");
}

#[tokio::test]
async fn duplicates_and_gaps_are_counted_by_run_and_signal() {
    let sink = Sink::start(&[]).await;
    for signal in NUMBERED {
        for wire in [Wire::Grpc, Wire::Http] {
            let run = format!("{wire:?}");
            let mut client = sink.client(wire).await;
            // 10 to 19 twice, 30 to 34 never.
            for places in [0..20, 10..30, 35..40] {
                client.deliver(&numbered(signal, &run, places)).await;
            }
            assert_eq!(sink.run(&run, signal).await, [45, 35, 10, 5], "{signal:?} over {run}");
        }
    }
    assert_eq!(client::get(sink.admin, "/api/runs/other").await.status, 404);
    assert_eq!(sink.post("/api/reset", "").await.status, 200);
    assert_eq!((sink.items().await, client::get(sink.admin, "/api/runs/Grpc").await.status.as_u16()), (0, 404));
}

#[tokio::test]
async fn json_is_told_apart_too() {
    let sink = Sink::start(&[]).await;
    let json = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"attributes": [{"key": "otlp_relay.load.sequence", "value": {"intValue": "1"}}]}]}],
        "resource": {"attributes": [{"key": "otlp_relay.load.run", "value": {"stringValue": "a b"}}]}}]}"#;
    let headers = [("content-type", "application/json")];
    let answer = client::http_request(Method::POST, sink.http, "/v1/logs", &headers, json).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(sink.run("a%20b", Signal::Logs).await, [1, 1, 0, 1]);
}

#[tokio::test]
async fn what_is_remembered_is_bounded_and_the_bound_is_told() {
    let sink = Sink::start(&[]).await;
    let mut client = sink.client(Wire::Grpc).await;
    for run in 0..300 {
        client.deliver(&numbered(Signal::Logs, &format!("run {run:03}"), 0..1)).await;
    }
    let status = sink.get("/api/status").await;
    let most = number(&status, "/bounds/runs");
    assert_eq!(status["runs"].as_array().map(Vec::len), Some(most as usize));
    assert_eq!((number(&status, "/untracked_items"), number(&status, "/total/items")), (300 - most, 300));
    // A sequence number that no run has is counted, and is no gap of four billion.
    client.deliver(&numbered(Signal::Logs, "run 000", 1 << 40..(1 << 40) + 1)).await;
    assert_eq!(sink.run("run%20000", Signal::Logs).await, [1, 1, 0, 0]);
    let end = sink.stop().await;
    assert!(end.stdout.contains("not told apart"), "{}", end.stdout);
}

#[tokio::test]
async fn the_end_is_one_json_object_where_that_is_asked_for() {
    let sink = Sink::start(&["--json", "--interval", "50ms"]).await;
    sink.client(Wire::Http).await.deliver(&numbered(Signal::Traces, "a", 0..3)).await;
    let end = sink.stop().await;
    let report: serde_json::Value = serde_json::from_str(&end.stdout).expect("one object");
    assert_eq!((number(&report, "/total/items"), number(&report, "/runs/0/signals/traces/distinct")), (3, 3));
}
