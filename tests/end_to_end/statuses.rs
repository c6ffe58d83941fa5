//! Is a request that is wrong in itself refused with the status that tells its sender what is wrong?

use http::Method;
use prost::Message;
use tonic::Code;

use crate::support::backend::Backend;
use crate::support::client::{self, Coding, HttpAnswer, Wire, compress, grpc_call, http_request};
use crate::support::export::Signal;
use crate::support::generate;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// A tag that needs more bytes than there are.
const MALFORMED: &[u8] = &[0x0a, 0x7f, 0x01];
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const MIB: usize = 1 << 20;

/// A relay with a traces and a logs pipeline to a backend that must not get anything.
async fn relay() -> (Backend, Relay) {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "")
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_grpc]")
        .pipeline("logs", "receivers: [otlp], exporters: [otlp_grpc]");
    let relay = Relay::start(&setup).await;
    (backend, relay)
}

/// A refused request leaves no trace behind the relay.
async fn nothing_arrived((backend, relay): (Backend, Relay)) {
    let ended = relay.stop_without_loss().await;
    assert_eq!((ended.delivered, backend.records().len()), (0, 0), "{}", ended.log);
}

async fn check_grpc(relay: &Relay, method: &str, headers: &[(&str, &str)], message: &[u8], expected: Code) {
    let answer = grpc_call(relay.ports.grpc, method, headers, message).await;
    assert_eq!(answer.status, 200, "gRPC answers in its trailers: {answer:?}");
    assert_eq!(answer.header("grpc-status"), Some((expected as i32).to_string().as_str()), "{answer:?}");
}

#[tokio::test]
async fn grpc_requests_that_are_wrong_are_refused_with_their_code() {
    let (backend, relay) = relay().await;
    let traces = Signal::Traces.method();
    check_grpc(&relay, traces, &[], MALFORMED, Code::InvalidArgument).await;
    check_grpc(&relay, traces, &[("grpc-encoding", "gzip")], b"no gzip", Code::InvalidArgument).await;
    check_grpc(&relay, traces, &[("grpc-encoding", "br")], b"?", Code::Unimplemented).await;
    check_grpc(&relay, Signal::Metrics.method(), &[], &[], Code::Unimplemented).await;
    check_grpc(&relay, "/a.b.C/D", &[], &[], Code::Unimplemented).await;
    check_grpc(&relay, traces, &[], &[], Code::Ok).await;
    nothing_arrived((backend, relay)).await;
}

#[tokio::test]
async fn grpc_requests_that_are_too_large_say_resource_exhausted() {
    let (backend, relay) = relay().await;
    let traces = Signal::Traces.method();
    check_grpc(&relay, traces, &[], &vec![0; 5 * MIB], Code::ResourceExhausted).await;
    for coding in [Coding::Gzip, Coding::Zstd] {
        let bomb = compress(coding, &vec![0; 64 * MIB]);
        check_grpc(&relay, traces, &[("grpc-encoding", coding.token())], &bomb, Code::ResourceExhausted).await;
    }
    nothing_arrived((backend, relay)).await;
}

async fn post(relay: &Relay, path: &str, headers: &[(&str, &str)], body: impl Into<bytes::Bytes>) -> HttpAnswer {
    http_request(Method::POST, relay.ports.http, path, headers, body).await
}

/// An error in the sender's own encoding: a `google.rpc.Status`.
fn check_error(answer: &HttpAnswer, status: u16, code: Code) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/x-protobuf"), "{answer:?}");
    let body = tonic_types::Status::decode(answer.body.clone()).expect("a google.rpc.Status");
    assert_eq!(body.code, code as i32, "{body:?}");
    assert!(!body.message.is_empty());
}

#[tokio::test]
async fn http_requests_that_are_wrong_are_refused_with_their_status() {
    let (backend, relay) = relay().await;
    let gzip = ("content-encoding", "gzip");
    check_error(&post(&relay, "/v1/traces", &[PROTOBUF], MALFORMED).await, 400, Code::InvalidArgument);
    check_error(&post(&relay, "/v1/traces", &[PROTOBUF, gzip], "no gzip").await, 400, Code::InvalidArgument);
    let unknown = ("content-encoding", "br");
    check_error(&post(&relay, "/v1/traces", &[PROTOBUF, unknown], "?").await, 400, Code::InvalidArgument);
    for path in ["/v1/metrics", "/v1/traces/", "/", "/v1development/profiles"] {
        assert_eq!(post(&relay, path, &[PROTOBUF], "").await.status, 404, "{path}");
    }
    for headers in [&[("content-type", "text/plain")][..], &[]] {
        assert_eq!(post(&relay, "/v1/traces", headers, "").await.status, 415);
    }
    assert_eq!(client::get(relay.ports.http, "/v1/traces").await.status, 405);
    nothing_arrived((backend, relay)).await;
}

#[tokio::test]
async fn http_requests_that_are_too_large_say_413() {
    let (backend, relay) = relay().await;
    let large = post(&relay, "/v1/traces", &[PROTOBUF], vec![0; 21 * MIB]).await;
    assert_eq!(large.status, 413, "{}", large.text());
    for coding in [Coding::Gzip, Coding::Zstd].into_iter().chain(Coding::HTTP_ONLY) {
        let bomb = compress(coding, &vec![0; 64 * MIB]);
        let answer = post(&relay, "/v1/logs", &[PROTOBUF, ("content-encoding", coding.token())], bomb).await;
        assert_eq!(answer.status, 413, "{coding:?}: {}", answer.text());
    }
    nothing_arrived((backend, relay)).await;
}

#[tokio::test]
async fn the_configured_limits_hold() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let (grpc, http) = (setup.ports.grpc, setup.ports.http);
    let relay = Relay::start(&setup.receiver("otlp", grpc, http, ", max_request_body_size: 2000")).await;
    let small = generate::lean_spans("app", 0..1).encode();
    assert!(small.len() < 2000);
    let large = generate::lean_spans("app", 0..100).encode();
    assert_eq!(post(&relay, "/v1/traces", &[PROTOBUF], small).await.status, 200);
    assert_eq!(post(&relay, "/v1/traces", &[PROTOBUF], large).await.status, 413);
    backend.wait_for_items(1).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_success_is_an_empty_partial_success() {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    let body = generate::lean_spans("app", 0..1).encode();
    for headers in [&[PROTOBUF][..], &[PROTOBUF, ("content-encoding", "identity")]] {
        let answer = post(&relay, "/v1/traces", headers, body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &[0x0a, 0x00][..]));
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
    }
    let empty = post(&relay, "/v1/traces", &[PROTOBUF], "").await;
    assert_eq!(empty.status, 200, "nothing to forward is no mistake");
    let answer = grpc_call(relay.ports.grpc, Signal::Traces.method(), &[], &body).await;
    assert_eq!(answer.header("grpc-status"), Some("0"));
    assert_eq!(answer.body.as_ref(), [0, 0, 0, 0, 2, 0x0a, 0x00]);
    backend.wait_for_items(3).await;
    relay.stop_without_loss().await;
}
