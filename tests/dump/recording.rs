//! What is in a debug dump?

use serde_json::Value;

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::support::tls::{Authority, Clients};
use crate::{assert_without, bytes_of, echo, json, listed, said};

const SECRETS: [&str; 2] = ["planted-token-1", "cookie-of-the-peer"];

fn keeping(setup: Setup, directory: &std::path::Path, settings: &str) -> Setup {
    setup.extension("debug_dump", &format!("directory: '{}', {settings}", directory.display()))
}

async fn records(relay: &Relay, count: f64) {
    relay
        .wait_for_metrics("records", |metrics| {
            metrics.sum("otelcol_relay_debug_dump_records", &[]).is_some_and(|records| count <= records)
        })
        .await;
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value:#}"))
}

#[tokio::test]
async fn a_refusal_is_recorded_whole_and_without_the_secrets_that_the_peer_gives_back() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    let port = echo::serve().await;
    let settings =
        "headers: {authorization: 'Bearer planted-token-1'}, compression: none, sending_queue: {enabled: false}";
    let setup = keeping(Setup::new().export_to("otlp_http", Wire::Http, port, settings), &dump, "");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Http, Coding::None).await;
    assert!(client.send(&generate::request(Signal::Traces, "a", 0..3)).await.is_err());
    records(&relay, 1.0).await;

    let listed = listed(&dump).await;
    assert_eq!(listed.len(), 1);
    assert_eq!((text(&listed[0], "/class"), text(&listed[0], "/family")), ("unauthenticated", "unauthenticated"));
    let path = dump.to_str().unwrap();
    let shown = json(&["dump", "show", path, "--last", "--json"]).await;
    assert_eq!((shown["items"].as_u64(), shown["attempt"].as_u64()), (Some(3), Some(1)));
    assert_eq!(text(&shown, "/signal"), "traces");
    assert_eq!(text(&shown, "/endpoint"), format!("http://127.0.0.1:{port}"));
    assert_eq!(text(&shown, "/peer"), format!("127.0.0.1:{port}"));
    assert_eq!(text(&shown, "/request/line"), "POST /v1/traces");
    assert_eq!(text(&shown, "/response/line"), "401 Unauthorized");
    let field = |head: &str, name: &str| {
        let fields = shown.pointer(&format!("/{head}/headers")).and_then(Value::as_array).unwrap();
        let field = fields.iter().find(|field| field["name"] == name);
        field.unwrap_or_else(|| panic!("{name}: {fields:?}"))["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(field("request", "authorization"), "[REDACTED]");
    assert_eq!(field("request", "content-type"), "application/x-protobuf");
    assert_eq!(field("response", "x-echo"), "[REDACTED]");
    assert_eq!(field("response", "set-cookie"), "[REDACTED]");
    let body = text(&shown, "/response/body");
    assert!(body.starts_with("{\"message\":\"unknown token [REDACTED]\""), "{body}");
    assert_eq!(body.len(), 2048);
    let phases: Vec<&str> = shown["steps"].as_array().unwrap().iter().map(|step| text(step, "/phase")).collect();
    assert!(phases.starts_with(&["connect"]) || phases.starts_with(&["resolve", "connect"]), "{phases:?}");
    assert_eq!(phases.last(), Some(&"response"));
    assert!(shown["payload"]["resourceSpans"].is_array());

    let for_people = said(&["dump", "show", path]).await;
    assert!(for_people.contains("class      unauthenticated (unauthenticated), in"), "{for_people}");
    assert!(for_people.contains("  authorization: [REDACTED]"), "{for_people}");
    let table = said(&["dump", "ls", path, "--class", "unauthenticated", "--since", "1h"]).await;
    assert_eq!(table.lines().count(), 2, "{table}");
    assert_eq!(said(&["dump", "ls", path, "--class", "x509"]).await.lines().count(), 1);
    assert_eq!(said(&["dump", "ls", path, "--exporter", "otlp_grpc"]).await.lines().count(), 1);

    assert_without(&bytes_of(&dump), &SECRETS);
    assert_without(for_people.as_bytes(), &SECRETS);
    relay.stop().await;
}

#[tokio::test]
async fn each_try_is_recorded_with_its_number_until_one_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    let backend = Backend::start();
    backend.once(Answer::Unavailable);
    backend.once(Answer::Unavailable);
    let relay = Relay::start(&keeping(Setup::forwarding(Wire::Grpc, &backend, ""), &dump, "which: all")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&generate::request(Signal::Logs, "a", 0..2)).await;
    backend.wait_for_items(2).await;
    records(&relay, 3.0).await;
    let listed = listed(&dump).await;
    let tries: Vec<(u64, &str)> = listed
        .iter()
        .map(|record| (record["attempt"].as_u64().unwrap(), record["class"].as_str().unwrap_or("-")))
        .collect();
    let [(1, class), (2, again), (3, "-")] = tries[..] else { panic!("{tries:?}") };
    assert_eq!(class, again);
    let shown = json(&["dump", "show", dump.to_str().unwrap(), "1", "--json"]).await;
    let fields = shown.to_string();
    assert!(fields.contains("grpc-status"), "{shown:#}");
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_tls_session_is_recorded_and_so_is_a_handshake_that_fails() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    let authority = Authority::new();
    let backend = Backend::start();
    let port = authority.serve("localhost", backend.grpc, Clients::Anyone).await;
    let exporter = |id: &str, tls: &str| {
        (id.to_owned(), format!("endpoint: 'localhost:{port}', tls: {{{tls}}}, retry_on_failure: {{enabled: false}}"))
    };
    let trusting = exporter("otlp_grpc/trusting", &format!("ca_file: '{}'", authority.ca_file().display()));
    let wary = exporter("otlp_grpc/wary", "");
    let setup = Setup::new().exporter(&trusting.0, &trusting.1).exporter(&wary.0, &wary.1);
    let relay = Relay::start(&keeping(setup, &dump, "which: all")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&generate::request(Signal::Logs, "a", 0..1)).await;
    records(&relay, 2.0).await;
    let path = dump.to_str().unwrap();
    for record in listed(&dump).await {
        let number = record["number"].to_string();
        let shown = json(&["dump", "show", path, &number, "--json"]).await;
        if record["exporter"] == "otlp_grpc/wary" {
            assert_eq!(text(&shown, "/failure/family"), "x509");
            assert_eq!(text(&shown, "/failure/phase"), "tls");
            assert!(shown["response"].is_null() && shown["tls"].is_null());
        } else {
            assert!(shown["failure"].is_null());
            assert_eq!((text(&shown, "/tls/version"), text(&shown, "/tls/alpn")), ("TLSv1_3", "h2"));
            assert_eq!(text(&shown, "/tls/server_name"), "localhost");
        }
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_dump_stays_within_its_bytes_and_the_oldest_go() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    let backend = Backend::start();
    let settings = "which: all, max_bytes: 65536";
    let relay = Relay::start(&keeping(Setup::forwarding(Wire::Grpc, &backend, ""), &dump, settings)).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for round in 0..60_u64 {
        client.deliver(&generate::request(Signal::Traces, "a", round * 40..(round + 1) * 40)).await;
    }
    backend.wait_for_items(60 * 40).await;
    records(&relay, 60.0).await;
    let bytes = bytes_of(&dump).len();
    assert!(bytes <= 65536, "{bytes}");
    let kept = listed(&dump).await;
    assert!(!kept.is_empty() && kept.len() < 60, "{}", kept.len());
    let metrics = relay.metrics().await;
    assert!(65536.0 < metrics.value("otelcol_relay_debug_dump_bytes", &[]));
    assert_eq!(metrics.value("otelcol_relay_debug_dump_dropped_records", &[]), 0.0);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_reload_turns_a_dump_on_and_off_for_the_chains_that_run() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    let backend = Backend::start();
    let without = Setup::forwarding(Wire::Grpc, &backend, "");
    let relay = Relay::start(&without).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&generate::request(Signal::Traces, "a", 0..1)).await;
    backend.wait_for_items(1).await;
    let with = keeping(without.clone(), &dump, "which: all, sample: 2, payload: summary");
    relay.reload(&with.text(), "are recorded").await;
    for id in 1..5 {
        client.deliver(&generate::request(Signal::Traces, "a", id..id + 1)).await;
    }
    records(&relay, 2.0).await;
    backend.wait_for_items(5).await;
    let shown = json(&["dump", "show", dump.to_str().unwrap(), "--json"]).await;
    assert!(text(&shown, "/summary").starts_with("1 spans in "), "{shown:#}");
    assert!(shown["payload"].is_null());
    relay.stop_without_loss().await;
    assert_eq!(listed(&dump).await.len(), 2);
}

#[tokio::test]
async fn the_flag_records_what_fails() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    let backend = Backend::start();
    backend.once(Answer::Unavailable);
    let config = directory.path().join("config.yaml");
    let setup = Setup::forwarding(Wire::Http, &backend, "");
    std::fs::write(&config, setup.text()).unwrap();
    let arguments = ["--config", config.to_str().unwrap(), "--debug-dump", dump.to_str().unwrap()];
    let relay = Relay::start_as(&setup, &arguments).await;
    relay.client(Wire::Http, Coding::None).await.deliver(&generate::request(Signal::Logs, "a", 0..1)).await;
    backend.wait_for_items(1).await;
    relay.stop_without_loss().await;
    assert_eq!(listed(&dump).await.len(), 1);
}
