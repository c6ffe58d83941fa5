//! Paths, encodings and headers that a configuration asks for.

use bytes::Bytes;
use otlp_relay::failure::Class;
use otlp_relay::payload::Encoding;
use otlp_relay::protocol::Protocol;
use otlp_relay::transport::codec;
use tonic::Code;

use crate::support::{Got, Rig, framed, traces};

async fn rig(http: &str) -> Rig {
    Rig::configured(Protocol::Http, &format!("protocols: {{http: {{{http}}}}}")).await
}

async fn post_to(rig: &Rig, path: &str) -> Got {
    let body = traces(1, 4);
    let head =
        format!("POST {path} HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}", body.len());
    rig.http1(&head, &body).await
}

/// Whether a body that is compressed so is taken, and how it is refused otherwise.
async fn check_encoding(rig: &Rig, encoding: Option<Encoding>, taken: bool) {
    let plain = traces(20, 10);
    let name = encoding.map_or("", codec::name);
    let body = encoding
        .map_or(plain.clone(), |encoding| codec::compress(encoding, &[Bytes::from(plain.clone())]).unwrap().to_vec());
    let got = rig.post(&format!("Content-Encoding: {name}"), &body).await;
    if taken {
        assert_eq!(got.status, 200, "{name} {got:?}");
        assert_eq!(rig.pipeline.take_bodies(), [&plain[..]]);
    } else {
        assert_eq!((got.status, got.status().code), (400, Code::InvalidArgument as i32), "{name}");
        assert_eq!(got.status().message, format!("unsupported Content-Encoding: {name}"));
        assert_eq!(rig.refused.take(), [(Class::UnsupportedEncoding, Protocol::Http)]);
    }
}

#[tokio::test]
async fn a_signal_is_taken_on_the_path_that_is_asked_for_and_no_other() {
    let rig = rig("traces_url_path: otlp/t%20r, logs_url_path: /v1/traces").await;
    assert_eq!(post_to(&rig, "/otlp/t%20r").await.status, 200);
    assert_eq!(rig.pipeline.taken()[0].signal().name(), "traces");
    assert_eq!(post_to(&rig, "/v1/logs").await.status, 404);
    assert_eq!(post_to(&rig, "/otlp/t%20r/").await.status, 404);
    assert_eq!(post_to(&rig, "/v1/traces").await.status, 400, "logs are no traces");
}

#[tokio::test]
async fn only_the_encodings_that_are_listed_are_taken() {
    let rig = rig("compression_algorithms: [zstd, lz4]").await;
    check_encoding(&rig, Some(Encoding::Zstd), true).await;
    check_encoding(&rig, Some(Encoding::Lz4), true).await;
    check_encoding(&rig, Some(Encoding::Gzip), false).await;
    check_encoding(&rig, None, false).await;
    let plain = self::rig("compression_algorithms: ['']").await;
    check_encoding(&plain, None, true).await;
    check_encoding(&plain, Some(Encoding::Gzip), false).await;
}

#[tokio::test]
async fn with_no_encodings_the_header_is_not_looked_at() {
    let rig = rig("compression_algorithms: []").await;
    let plain = traces(1, 4);
    assert_eq!(rig.post("Content-Encoding: gzip", &plain).await.status, 200);
    assert_eq!(rig.pipeline.take_bodies(), [plain]);
}

#[tokio::test]
async fn response_headers_are_on_every_answer_and_replace_none() {
    let rig = rig("response_headers: {X-Served-By: relay, Content-Type: text/html}").await;
    let refused = rig.post("Content-Encoding: br", b"").await;
    for (got, status) in [(rig.post("", &traces(1, 4)).await, 200), (refused, 400)] {
        assert_eq!((got.status, got.header("x-served-by")), (status, "relay"));
        assert_eq!(got.header("content-type"), "application/x-protobuf");
    }
    assert_eq!(post_to(&rig, "/nowhere").await.header("x-served-by"), "relay");
    assert_eq!(rig.call(&[], framed(0, &traces(1, 4))).await.header("x-served-by"), "", "gRPC has no such key");
}
