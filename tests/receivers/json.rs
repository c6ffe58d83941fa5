//! OTLP/JSON: taken in every form, and answered in JSON whatever happens.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use otlp_relay::failure::{Class, Failure, PeerStatus, Retry};
use otlp_relay::flow::Receipt;
use otlp_relay::payload::{Encoding, Payload};
use otlp_relay::protocol::Protocol;
use otlp_relay::receivers::otlp::MessageLimits;
use otlp_relay::signal::Signal;
use otlp_relay::transport::codec;
use otlp_relay::units::{ByteCount, Items};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{Got, Rig, traces};

const SPAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"GET /","kind":2}]}]}]}"#;

async fn post(rig: &Rig, headers: &str, body: impl AsRef<[u8]>) -> Got {
    post_to(rig, Signal::Traces, headers, body).await
}

async fn post_to(rig: &Rig, signal: Signal, headers: &str, body: impl AsRef<[u8]>) -> Got {
    let (path, body) = (signal.facts().http_path, body.as_ref());
    let head = format!(
        "POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}",
        body.len()
    );
    rig.http1(&head, body).await
}

#[track_caller]
fn json_of(got: &Got) -> Value {
    assert_eq!(got.header("content-type"), "application/json", "{got:?}");
    serde_json::from_slice(&got.body).unwrap()
}

/// What the one payload of `rig` holds is accounted for, and what it costs beside that; the JSON no more.
#[track_caller]
fn check_accounted(rig: &Rig, payload: &Payload) {
    let (used, held) = (rig.budget.used(), payload.held());
    assert!(held < used && used < held + ByteCount(1000), "{held} {used}");
}

/// `body` is refused with a JSON status, and counted as `class`.
async fn check_refused(headers: &str, body: &[u8], status: u16, class: Class, words: &str) {
    let rig = Rig::start().await;
    let got = post(&rig, headers, body).await;
    assert_eq!(got.status, status, "{headers} {got:?}");
    let answer = json_of(&got);
    assert!(answer["message"].as_str().unwrap().contains(words), "{answer}");
    assert!(answer["code"].as_i64().unwrap() > 0, "{answer}");
    assert_eq!(rig.refused.take(), [(class, Protocol::Http)], "{headers}");
    assert!(rig.pipeline.taken().is_empty());
    assert_eq!(rig.budget.used().0, 0);
}

#[tokio::test]
async fn a_request_of_every_signal_becomes_protobuf() {
    for (signal, body) in [
        (Signal::Traces, SPAN),
        (Signal::Metrics, r#"{"resource_metrics":[{"scope_metrics":[{"metrics":[{"gauge":{"data_points":[{}]}}]}]}]}"#),
        (Signal::Logs, r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#),
    ] {
        let rig = Rig::start().await;
        let got = post_to(&rig, signal, "", body).await;
        assert_eq!((got.status, json_of(&got)), (200, json!({"partialSuccess": {}})));
        let taken = rig.pipeline.take_bodies();
        assert_eq!(taken, [Payload::from_json(signal, body.as_bytes()).unwrap().to_bytes()], "{signal}");
        assert_eq!(rig.budget.used().0, 0, "what was held is given back");
    }
}

#[tokio::test]
async fn the_content_type_may_have_parameters_and_any_case() {
    let rig = Rig::start().await;
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/json;"] {
        let head =
            format!("POST /v1/traces HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {}", SPAN.len());
        let got = rig.http1(&head, SPAN.as_bytes()).await;
        assert_eq!((got.status, json_of(&got)), (200, json!({"partialSuccess": {}})), "{content_type}");
    }
}

#[tokio::test]
async fn compressed_bodies_are_unpacked_and_do_not_travel_on() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let rig = Rig::start().await;
        let body = codec::compress(encoding, &[Bytes::from_static(SPAN.as_bytes())]).unwrap();
        let got = post(&rig, &format!("Content-Encoding: {}", codec::name(encoding)), body).await;
        assert_eq!(got.status, 200, "{got:?}");
        let taken = rig.pipeline.taken();
        assert!(taken[0].encoded().is_none(), "the compressed body is JSON");
        check_accounted(&rig, &taken[0]);
    }
}

#[tokio::test]
async fn a_large_body_is_taken() {
    let spans = vec![r#"{"name":"GET /","spanId":"eee19b7ec3c1b174"}"#; 30_000].join(",");
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    let rig = Rig::start().await;
    assert_eq!(post(&rig, "", body).await.status, 200);
    let taken = rig.pipeline.taken();
    assert_eq!(taken[0].items(), Items(30_000));
    check_accounted(&rig, &taken[0]);
}

#[tokio::test]
async fn a_malformed_body_is_refused_with_its_place() {
    let malformed = Class::MalformedRequest;
    let span = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abc"}]}]}]}"#;
    check_refused("", span.as_bytes(), 400, malformed, "(resourceSpans[0].scopeSpans[0].spans[0].traceId)").await;
    check_refused("", b"", 400, malformed, "the body is empty").await;
    check_refused("", b"{", 400, malformed, "the JSON ends early").await;
    check_refused("", b"[]", 400, malformed, "expected an object").await;
    check_refused("", &traces(1, 4), 400, malformed, "not an OTLP/JSON traces request: at line").await;
    check_refused("Content-Encoding: gzip", b"{}", 400, malformed, "invalid gzip").await;
    check_refused("Content-Encoding: br", b"{}", 400, Class::UnsupportedEncoding, "unsupported Content-Encoding: br")
        .await;
    let own = format!("otlp-relay-instance: {}", crate::support::INSTANCE);
    check_refused(&own, SPAN.as_bytes(), 400, Class::ExportLoop, "exports to its own receiver").await;
}

#[tokio::test]
async fn memory_bounds_what_json_becomes() {
    let zeros = "0,".repeat(40_000);
    let body = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{zeros}0]}}]}}}}]}}]}}]}}"#
    );
    let rig = Rig::limited(ByteCount(200_000), MessageLimits::default()).await;
    let got = post_to(&rig, Signal::Metrics, "", body).await;
    assert_eq!((got.status, json_of(&got)["code"].as_i64()), (503, Some(14)), "{got:?}");
    assert_eq!(rig.refused.take(), [(Class::MemoryLimited, Protocol::Http)]);
    assert_eq!(rig.budget.used().0, 0);
}

#[tokio::test]
async fn a_request_without_items_is_accepted_and_not_forwarded() {
    let rig = Rig::start().await;
    for body in ["{}", "null", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans":[{"newField":1}]}"#] {
        let got = post(&rig, "", body).await;
        assert_eq!((got.status, json_of(&got)), (200, json!({"partialSuccess": {}})), "{body}");
    }
    assert!(rig.pipeline.taken().is_empty());
}

#[tokio::test]
async fn a_partial_success_is_passed_on() {
    let partial = || Ok(Receipt { rejected: Items(3), message: Some(Arc::from("three")), ..Receipt::held() });
    let rig = Rig::answering(partial).await;
    let got = post(&rig, "", SPAN).await;
    let expected = json!({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "three"}});
    assert_eq!((got.status, json_of(&got)), (200, expected));
}

#[tokio::test]
async fn a_failure_of_the_pipeline_is_told_in_json() {
    let said = || {
        let peer = PeerStatus { code: Code::ResourceExhausted, message: "no".into(), details: Bytes::new() };
        Failure::new(Class::ServerErrorOther, "the backend says no")
            .said_by_peer(peer)
            .retry_when(Retry::After(Duration::from_millis(2500)))
    };
    let rig = Rig::answering(move || Err(said())).await;
    let got = post(&rig, "", SPAN).await;
    assert_eq!((got.status, got.header("retry-after")), (429, "3"));
    let retry_info = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"});
    assert_eq!(json_of(&got), json!({"code": 8, "message": "the backend says no", "details": [retry_info]}));
}
