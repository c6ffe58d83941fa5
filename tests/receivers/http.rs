//! OTLP/HTTP, row by row of the Collector's table.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use otlp_relay::failure::{Class, Failure, PeerStatus, Retry};
use otlp_relay::flow::Receipt;
use otlp_relay::payload::Encoding;
use otlp_relay::protocol::Protocol;
use otlp_relay::transport::codec;
use otlp_relay::units::Items;
use prost::Message;
use tokio::io::AsyncWriteExt;
use tonic::Code;

use crate::support::{Rig, check_accounted_for, http1_request, read_http1, traces};

const SUCCESS: &[u8] = &[0x0a, 0x00];

/// A request of `head` without a body is answered `status` with `text`, and counted as `class` where it was meant as an
/// export.
async fn check_text(head: &str, status: u16, text: &str, class: Option<Class>) {
    let rig = Rig::start().await;
    let got = rig.http1(head, b"").await;
    assert_eq!((got.status, &got.body[..]), (status, text.as_bytes()), "{head}");
    assert!(got.header("content-type").starts_with("text/plain"), "{got:?}");
    let counted: Vec<_> = class.into_iter().map(|class| (class, Protocol::Http)).collect();
    assert_eq!(rig.refused.take(), counted, "{head}");
}

/// A traces request with `headers` and `body` arrives as `expected`.
async fn check_accepted(headers: &str, body: &[u8], expected: &[u8]) {
    let rig = Rig::start().await;
    let got = rig.post(headers, body).await;
    assert_eq!((got.status, &got.body[..]), (200, SUCCESS), "{headers} {got:?}");
    assert_eq!(got.header("content-type"), "application/x-protobuf");
    assert_eq!(rig.pipeline.take_bodies(), [expected], "{headers}");
    assert_eq!(rig.budget.used().0, 0, "what was held is given back");
}

/// A traces request with `headers` and `body` is refused, and counted as `class`.
async fn check_refused(headers: &str, body: &[u8], status: u16, code: Code, class: Class, words: &str) {
    let rig = Rig::start().await;
    let got = rig.post(headers, body).await;
    assert_eq!(got.status, status, "{headers} {got:?}");
    assert_eq!(got.status().code, code as i32, "{headers}");
    assert!(got.status().message.contains(words), "{:?}", got.status());
    assert_eq!(rig.refused.take(), [(class, Protocol::Http)], "{headers}");
    assert!(rig.pipeline.taken().is_empty());
    assert_eq!(rig.budget.used().0, 0);
}

/// A pipeline that fails with `failure` is answered `status`, with this Retry-After.
async fn check_failure(failure: fn() -> Failure, status: u16, retry_after: &str) {
    let rig = Rig::answering(move || Err(failure())).await;
    let got = rig.post("", &traces(1, 4)).await;
    assert_eq!((got.status, got.header("retry-after")), (status, retry_after), "{:?}", failure());
    assert_eq!(got.status().message, failure().cause());
    assert!(rig.refused.take().is_empty(), "the pipeline counts its own failures");
}

fn said(code: Code) -> Failure {
    Failure::new(Class::ServerErrorOther, "the backend says no").said_by_peer(PeerStatus {
        code,
        message: "no".into(),
        details: Bytes::new(),
    })
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let not_found = "404 page not found\n";
    for path in ["/", "/v1/tracez", "/v1development/profiles"] {
        check_text(&format!("POST {path} HTTP/1.1\r\nContent-Length: 0"), 404, not_found, None).await;
    }
    let astray = Some(Class::PeerUnknownPath);
    for path in ["/v1/traces/", "/v1/traces/v1/traces", "/otlp/v1/metrics"] {
        check_text(&format!("POST {path} HTTP/1.1\r\nContent-Length: 0"), 404, not_found, astray).await;
    }
    let zipkin = "POST /api/v2/spans HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0";
    check_text(zipkin, 404, not_found, astray).await;
    check_text("GET /v1/traces/x HTTP/1.1", 404, not_found, None).await;
}

#[tokio::test]
async fn only_post_is_allowed() {
    for method in ["GET", "PUT", "OPTIONS"] {
        let head = format!("{method} /v1/traces HTTP/1.1");
        check_text(&head, 405, "405 method not allowed, supported: [POST]", None).await;
    }
}

#[tokio::test]
async fn only_protobuf_and_json_are_taken() {
    let unsupported = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
    let head = "POST /v1/traces HTTP/1.1\r\nContent-Length: 0";
    let foreign = Some(Class::PeerUnknownContentType);
    check_text(head, 415, unsupported, foreign).await;
    for content_type in ["text/plain", "application/x-protobuf2", "application/jsonl", "application/grpc"] {
        check_text(&format!("{head}\r\nContent-Type: {content_type}"), 415, unsupported, foreign).await;
    }
}

#[tokio::test]
async fn the_content_type_may_have_parameters_and_any_case() {
    let (rig, body) = (Rig::start().await, traces(1, 4));
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nContent-Type: Application/X-Protobuf; a=b\r\nContent-Length: {}",
        body.len()
    );
    assert_eq!(rig.http1(&head, &body).await.status, 200);
}

#[tokio::test]
async fn every_signal_is_taken_on_its_own_path() {
    let rig = Rig::start().await;
    for path in ["/v1/traces", "/v1/metrics", "/v1/logs"] {
        // A resource with an unknown field: vacant by its items, but not to be lost.
        let body = [0x0a, 0x03, 0x78, 0x01, 0x50];
        let body = if path == "/v1/traces" { traces(1, 4) } else { [&body[..0], &[0x7a, 0x01, 0x50]].concat() };
        let head =
            format!("POST {path} HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}", body.len());
        assert_eq!(rig.http1(&head, &body).await.status, 200, "{path}");
        assert_eq!(rig.pipeline.take_bodies(), [body], "{path}");
    }
}

#[tokio::test]
async fn compressed_bodies_are_unpacked() {
    let plain = traces(50, 20);
    for encoding in Encoding::ALL {
        let body = codec::compress(encoding, &[Bytes::from(plain.clone())]).unwrap();
        check_accepted(&format!("Content-Encoding: {}", codec::name(encoding)), &body, &plain).await;
    }
    for none in ["identity", "Identity", ""] {
        check_accepted(&format!("Content-Encoding: {none}"), &plain, &plain).await;
    }
}

#[tokio::test]
async fn the_compressed_body_travels_with_the_payload() {
    let rig = Rig::start().await;
    let body = codec::compress(Encoding::Zstd, &[Bytes::from(traces(50, 20))]).unwrap();
    rig.post("Content-Encoding: zstd", &body).await;
    let taken = rig.pipeline.taken();
    assert_eq!(taken[0].encoded().unwrap().body, body);
    check_accounted_for(&rig, &taken[0]);
}

#[tokio::test]
async fn an_unknown_encoding_is_refused() {
    for name in ["foo", "br", "gzip, zstd"] {
        let (headers, words) = (format!("Content-Encoding: {name}"), format!("unsupported Content-Encoding: {name}"));
        check_refused(&headers, &traces(1, 4), 400, Code::InvalidArgument, Class::UnsupportedEncoding, &words).await;
    }
}

#[tokio::test]
async fn a_corrupt_body_is_refused() {
    for (headers, body, words) in [
        ("", &b"\xff\xff\xff"[..], ""),
        ("Content-Encoding: gzip", b"not gzip", "invalid gzip"),
        ("Content-Encoding: gzip", b"", "invalid gzip"),
        ("Content-Encoding: zstd", b"not zstd", "invalid zstd"),
        ("Content-Encoding: snappy", b"not snappy", "invalid snappy"),
        ("Content-Encoding: x-snappy-framed", b"not framed", "invalid x-snappy-framed"),
        ("Content-Encoding: deflate", b"not deflated", "invalid deflate"),
        ("Content-Encoding: lz4", b"not lz4", "invalid lz4"),
    ] {
        check_refused(headers, body, 400, Code::InvalidArgument, Class::MalformedRequest, words).await;
    }
}

#[tokio::test]
async fn the_relays_own_export_is_refused() {
    let headers = format!("otlp-relay-instance: {}", crate::support::INSTANCE);
    let words = "exports to its own receiver";
    check_refused(&headers, &traces(1, 4), 400, Code::InvalidArgument, Class::ExportLoop, words).await;
    check_accepted("otlp-relay-instance: another", &traces(1, 4), &traces(1, 4)).await;
}

#[tokio::test]
async fn a_request_without_items_is_accepted_and_not_forwarded() {
    let rig = Rig::start().await;
    for body in [&b""[..], &[0x0a, 0x00]] {
        let got = rig.post("", body).await;
        assert_eq!((got.status, &got.body[..]), (200, SUCCESS));
    }
    assert!(rig.pipeline.taken().is_empty());
}

#[tokio::test]
async fn a_partial_success_is_passed_on() {
    let partial = || Ok(Receipt { rejected: Items(3), message: Some(Arc::from("three")), ..Receipt::held() });
    let rig = Rig::answering(partial).await;
    let got = rig.post("", &traces(1, 4)).await;
    assert_eq!((got.status, &got.body[..]), (200, &b"\x0a\x09\x08\x03\x12\x05three"[..]));
}

#[tokio::test]
async fn codes_become_http_statuses() {
    check_failure(|| said(Code::Cancelled), 503, "").await;
    check_failure(|| said(Code::DeadlineExceeded), 503, "").await;
    check_failure(|| said(Code::Aborted), 503, "").await;
    check_failure(|| said(Code::OutOfRange), 503, "").await;
    check_failure(|| said(Code::Unavailable), 503, "").await;
    check_failure(|| said(Code::DataLoss), 503, "").await;
    check_failure(|| said(Code::ResourceExhausted), 429, "").await;
    check_failure(|| said(Code::InvalidArgument), 400, "").await;
    check_failure(|| said(Code::Unauthenticated), 401, "").await;
    check_failure(|| said(Code::PermissionDenied), 403, "").await;
    check_failure(|| said(Code::Unimplemented), 404, "").await;
    check_failure(|| said(Code::Unknown), 500, "").await;
    check_failure(|| said(Code::Internal), 500, "").await;
    check_failure(|| said(Code::NotFound), 500, "").await;
    check_failure(|| said(Code::AlreadyExists), 500, "").await;
    check_failure(|| said(Code::FailedPrecondition), 500, "").await;
    check_failure(|| said(Code::Ok), 500, "").await;
}

#[tokio::test]
async fn a_sender_is_told_how_long_to_wait() {
    check_failure(|| Failure::new(Class::QueueFull, "sending queue is full"), 503, "1").await;
    let after = |millis| move || said(Code::ResourceExhausted).retry_when(Retry::After(Duration::from_millis(millis)));
    check_failure(|| after_millis(200), 429, "1").await;
    check_failure(|| after_millis(2001), 429, "3").await;
    let rig = Rig::answering(move || Err(after(2500)())).await;
    let details = rig.post("", &traces(1, 4)).await.status().details;
    let info = tonic_types::pb::RetryInfo::decode(&details[0].value[..]).unwrap();
    let delay = info.retry_delay.unwrap();
    assert_eq!((details.len(), delay.seconds, delay.nanos), (1, 2, 500_000_000));
}

fn after_millis(millis: u64) -> Failure {
    said(Code::ResourceExhausted).retry_when(Retry::After(Duration::from_millis(millis)))
}

#[tokio::test]
async fn a_chunked_body_is_taken() {
    let (rig, body) = (Rig::start().await, traces(3, 4));
    let head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked";
    let (first, second) = body.split_at(10);
    let mut chunks = format!("{:x}\r\n", first.len()).into_bytes();
    chunks.extend_from_slice(first);
    chunks.extend_from_slice(format!("\r\n{:x}\r\n", second.len()).as_bytes());
    chunks.extend_from_slice(second);
    chunks.extend_from_slice(b"\r\n0\r\n\r\n");
    assert_eq!(rig.http1(head, &chunks).await.status, 200);
    assert_eq!(rig.pipeline.take_bodies(), [body]);
}

#[tokio::test]
async fn a_client_may_ask_before_it_sends() {
    let (rig, body) = (Rig::start().await, traces(3, 4));
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nExpect: 100-continue\r\nContent-Length: {}",
        body.len()
    );
    let mut stream = rig.connect().await;
    stream.write_all(&http1_request(&head, b"")).await.unwrap();
    assert_eq!(read_http1(&mut stream).await.status, 100);
    stream.write_all(&body).await.unwrap();
    assert_eq!(read_http1(&mut stream).await.status, 200);
    assert_eq!(rig.pipeline.take_bodies(), [body]);
}

#[tokio::test]
async fn a_connection_takes_several_requests_and_pipelined_ones() {
    let (rig, body) = (Rig::start().await, traces(3, 4));
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}", body.len());
    let request = http1_request(&head, &body);
    let mut stream = rig.connect().await;
    for burst in [1, 1, 3] {
        stream.write_all(&request.repeat(burst)).await.unwrap();
        for _ in 0..burst {
            assert_eq!(read_http1(&mut stream).await.status, 200);
        }
    }
    assert_eq!(rig.pipeline.taken().len(), 5);
}

#[tokio::test]
async fn http_2_is_spoken_too() {
    let (rig, body) = (Rig::start().await, traces(3, 4));
    let request = Request::post(format!("http://{}/v1/traces", rig.address))
        .header("content-type", "application/x-protobuf")
        .body(Full::from(body.clone()))
        .unwrap();
    let got = rig.http2(request).await;
    assert_eq!((got.status, &got.body[..]), (200, SUCCESS));
    assert_eq!(rig.pipeline.take_bodies(), [body]);
}
