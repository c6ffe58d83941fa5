//! Does OTLP/JSON arrive, whatever it leaves as, and is what is wrong with it told in JSON?

use std::sync::Arc;

use http::Method;
use otlp_relay::payload::Payload;

use crate::support::backend::Backend;
use crate::support::client::{Coding, Wire, compress, http_request};
use crate::support::export::{Export, Signal, assert_same_items};
use crate::support::generate;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

const JSON: (&str, &str) = ("content-type", "application/json");

/// `export` as a client of OTLP/JSON writes it.
fn json_of(export: &Export) -> Vec<u8> {
    let signal = otlp_relay::signal::Signal::from_http_path(export.signal().path()).unwrap();
    Payload::parse(signal, export.encode().into()).unwrap().to_json().into()
}

/// JSON is sent to a relay, which sends on over `wire` as `settings` say, in `content_type`.
async fn check_arrives(wire: Wire, settings: &str, content_type: &str) {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(wire, &backend, settings)).await;
    let mut sent = Vec::new();
    for signal in Signal::ALL {
        for (coding, ids) in [(Coding::None, 0..1), (Coding::Gzip, 1..30)] {
            let export = generate::request(signal, "app", ids);
            let body = compress(coding, &json_of(&export));
            let headers = [JSON, ("content-encoding", coding.token())];
            let answer = http_request(Method::POST, relay.ports.http, signal.path(), &headers, body).await;
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, r#"{"partialSuccess":{}}"#));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            sent.push(export);
        }
    }
    backend.wait_for_items(sent.iter().map(Export::items).sum()).await;
    relay.stop_without_loss().await;
    assert!(backend.records().iter().all(|record| record.headers["content-type"] == content_type));
    assert_same_items(&sent, backend.accepted().iter().map(Arc::as_ref));
}

#[tokio::test]
async fn json_comes_in_and_protobuf_goes_out() {
    check_arrives(Wire::Grpc, "", "application/grpc").await;
    check_arrives(Wire::Http, "", "application/x-protobuf").await;
}

#[tokio::test]
async fn json_comes_in_and_json_goes_out() {
    check_arrives(Wire::Http, "encoding: json, compression: none", "application/json").await;
    check_arrives(Wire::Http, "encoding: json, compression: zstd", "application/json").await;
}

#[tokio::test]
async fn protobuf_comes_in_and_json_goes_out() {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Http, &backend, "encoding: json")).await;
    let mut sent = Vec::new();
    for (wire, coding) in [(Wire::Grpc, Coding::Gzip), (Wire::Http, Coding::None), (Wire::Http, Coding::Gzip)] {
        let mut client = relay.client(wire, coding).await;
        for signal in Signal::ALL {
            let export = generate::request(signal, "app", 0..20);
            client.deliver(&export).await;
            sent.push(export);
        }
    }
    backend.wait_for_items(sent.iter().map(Export::items).sum()).await;
    relay.stop_without_loss().await;
    let records = backend.records();
    assert!(records.iter().all(|record| record.headers["content-type"] == "application/json"));
    assert!(records.iter().all(|record| record.encoding == "gzip"));
    assert_same_items(&sent, backend.accepted().iter().map(Arc::as_ref));
}

#[tokio::test]
async fn what_is_wrong_is_told_in_json() {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{"severityNumber":"LOUD"}]}]}]}"#;
    let answer = http_request(Method::POST, relay.ports.http, "/v1/logs", &[JSON], body).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (400, Some("application/json")));
    let status: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(status["code"], 3);
    let message = status["message"].as_str().expect("a message");
    assert!(message.contains("(resourceLogs[0].scopeLogs[0].logRecords[1].severityNumber)"), "{message}");
    assert!(message.ends_with("SeverityNumber has no value \"LOUD\""), "{message}");
    relay.wait_for_line(&["refused a request", "malformed_request", "LOUD"]).await;
    let ended = relay.stop_without_loss().await;
    assert_eq!((ended.delivered, backend.records().len()), (0, 0), "{}", ended.log);
}
