//! OTLP/gRPC: framing, statuses, and a client of another make.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use otlp_relay::failure::{Class, Failure, PeerStatus, Retry};
use otlp_relay::flow::Receipt;
use otlp_relay::payload::Encoding;
use otlp_relay::protocol::Protocol;
use otlp_relay::transport::codec;
use otlp_relay::units::Items;
use prost::Message;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic_types::{ErrorDetails, StatusExt};

use crate::support::{Got, INSTANCE, Rig, framed, traces};

/// A call with `headers` and `frames` is refused with `code` and `words`, and counted as `class`.
async fn check_refused(headers: &[(&str, &str)], frames: Vec<u8>, code: Code, class: Class, words: &str) -> Got {
    let rig = Rig::start().await;
    let got = rig.call(headers, frames).await;
    assert_eq!((got.status, got.grpc().code()), (200, code), "{got:?}");
    assert!(got.grpc().message().contains(words), "{:?}", got.grpc());
    assert!(got.body.is_empty());
    assert_eq!(rig.refused.take(), [(class, Protocol::Grpc)]);
    assert!(rig.pipeline.taken().is_empty());
    assert_eq!(rig.budget.used().0, 0);
    got
}

async fn check_malformed(frames: Vec<u8>, words: &str) {
    check_refused(&[], frames, Code::InvalidArgument, Class::MalformedRequest, words).await;
}

async fn check_unimplemented(path: &str, words: &str) {
    let rig = Rig::start().await;
    let status = rig.call_path(path, &[], framed(0, b"")).await.grpc();
    assert_eq!(status.code(), Code::Unimplemented, "{path}");
    assert!(status.message().contains(words), "{status:?}");
}

async fn check_client(encoding: Option<CompressionEncoding>) {
    let (rig, body) = (Rig::start().await, traces(100, 30));
    let mut client = TraceServiceClient::connect(format!("http://{}", rig.address)).await.unwrap();
    if let Some(encoding) = encoding {
        client = client.send_compressed(encoding).accept_compressed(encoding);
    }
    for _ in 0..3 {
        let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        let response = client.export(request).await.unwrap().into_inner();
        assert_eq!(response.partial_success, Some(Default::default()), "always there, as the Collector has it");
    }
    assert_eq!(rig.pipeline.take_bodies(), [&body[..]; 3]);
    assert_eq!(rig.budget.used().0, 0);
}

#[tokio::test]
async fn a_success_is_one_message_and_a_status() {
    let rig = Rig::start().await;
    let got = rig.call(&[], framed(0, &traces(3, 4))).await;
    assert_eq!((got.status, &got.body[..]), (200, &[0, 0, 0, 0, 2, 0x0a, 0x00][..]));
    assert_eq!(got.header("content-type"), "application/grpc");
    assert_eq!(got.trailers.get("grpc-status").unwrap(), "0");
    assert_eq!(rig.pipeline.take_bodies(), [traces(3, 4)]);
    assert_eq!(rig.budget.used().0, 0);
}

#[tokio::test]
async fn a_tonic_client_is_understood_with_every_compression() {
    check_client(None).await;
    check_client(Some(CompressionEncoding::Gzip)).await;
    check_client(Some(CompressionEncoding::Zstd)).await;
}

#[tokio::test]
async fn snappy_is_taken_in_the_framed_format_of_grpc() {
    let rig = Rig::start().await;
    let plain = traces(50, 20);
    let frames = codec::compress(Encoding::SnappyFramed, &[Bytes::from(plain.clone())]).unwrap();
    assert_eq!(rig.call(&[("grpc-encoding", "snappy")], framed(1, &frames)).await.grpc().code(), Code::Ok);
    assert_eq!(rig.pipeline.take_bodies(), [&plain[..]]);
    let block = codec::compress(Encoding::Snappy, &[Bytes::from(plain)]).unwrap();
    let status = rig.call(&[("grpc-encoding", "snappy")], framed(1, &block)).await.grpc();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn any_protobuf_content_type_of_grpc_is_taken() {
    for content_type in ["application/grpc+proto", "application/grpc;a=b"] {
        let rig = Rig::start().await;
        let request = http::Request::post(format!(
            "http://{}/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            rig.address
        ));
        let request = request.header("content-type", content_type).body(framed(0, &[0x7a, 0x01, 0x50]).into()).unwrap();
        assert_eq!(rig.http2(request).await.grpc().code(), Code::Ok, "{content_type}");
    }
}

#[tokio::test]
async fn a_message_without_items_is_accepted_and_not_forwarded() {
    let rig = Rig::start().await;
    assert_eq!(rig.call(&[], framed(0, b"")).await.grpc().code(), Code::Ok);
    assert!(rig.pipeline.taken().is_empty());
}

#[tokio::test]
async fn what_is_not_offered_is_unimplemented() {
    let profiles = "opentelemetry.proto.collector.profiles.v1development.ProfilesService";
    check_unimplemented(&format!("/{profiles}/Export"), &format!("unknown service {profiles}")).await;
    check_unimplemented("/a.B/C", "unknown service a.B").await;
    let service = "opentelemetry.proto.collector.trace.v1.TraceService";
    check_unimplemented(&format!("/{service}/Foo"), &format!("unknown method Foo for service {service}")).await;
    check_unimplemented("/", "unknown service").await;
}

#[tokio::test]
async fn bad_frames_are_malformed() {
    let whole = framed(0, &traces(1, 4));
    check_malformed(framed(0, b"\xff\xff\xff"), "").await;
    check_malformed(Vec::new(), "no message").await;
    check_malformed(whole[..3].to_vec(), "ends early").await;
    check_malformed(whole[..whole.len() - 1].to_vec(), "ends early").await;
    check_malformed(whole.repeat(2), "more than one message").await;
    check_malformed(framed(0, b"").repeat(2), "more than one message").await;
    check_malformed(framed(2, b""), "unexpected payload format 2").await;
    check_malformed(framed(1, &traces(1, 4)), "compressed flag set with identity").await;
}

#[tokio::test]
async fn a_corrupt_compressed_message_is_malformed() {
    let headers = [("grpc-encoding", "gzip")];
    let frames = framed(1, b"not gzip");
    check_refused(&headers, frames, Code::InvalidArgument, Class::MalformedRequest, "invalid gzip").await;
}

#[tokio::test]
async fn an_unknown_compression_is_unimplemented_and_the_known_ones_are_named() {
    let words = "Decompressor is not installed for grpc-encoding \"foo\"";
    let frames = framed(1, b"whatever");
    let class = Class::UnsupportedEncoding;
    let got = check_refused(&[("grpc-encoding", "foo")], frames, Code::Unimplemented, class, words).await;
    assert_eq!(got.header("grpc-accept-encoding"), "identity,gzip,snappy,zstd");
}

#[tokio::test]
async fn a_message_that_is_not_compressed_may_come_with_an_encoding() {
    let rig = Rig::start().await;
    assert_eq!(rig.call(&[("grpc-encoding", "gzip")], framed(0, &traces(1, 4))).await.grpc().code(), Code::Ok);
    assert_eq!(rig.call(&[("grpc-timeout", "1n")], framed(0, &traces(1, 4))).await.grpc().code(), Code::Ok);
}

#[tokio::test]
async fn an_oversize_message_is_refused_for_good() {
    let size = (4 << 20) + 1;
    let words = format!("grpc: received message larger than max ({size} vs. 4194304)");
    let class = Class::RequestTooLarge;
    let got = check_refused(&[], framed(0, &vec![0; size]), Code::ResourceExhausted, class, &words).await;
    assert!(got.grpc().details().is_empty(), "a RetryInfo would have it sent again for ever");

    let bomb = codec::compress(Encoding::Gzip, &[Bytes::from(vec![0; 5 << 20])]).unwrap();
    let words = "grpc: received message after decompression larger than max 4194304";
    let headers = [("grpc-encoding", "gzip")];
    check_refused(&headers, framed(1, &bomb), Code::ResourceExhausted, class, words).await;
}

#[tokio::test]
async fn the_relays_own_export_is_refused() {
    let headers = [("otlp-relay-instance", INSTANCE)];
    let words = "exports to its own receiver";
    check_refused(&headers, framed(0, &traces(1, 4)), Code::InvalidArgument, Class::ExportLoop, words).await;
}

#[tokio::test]
async fn a_partial_success_is_passed_on() {
    let partial = || Ok(Receipt { rejected: Items(3), message: Some(Arc::from("three")), ..Receipt::held() });
    let rig = Rig::answering(partial).await;
    let got = rig.call(&[], framed(0, &traces(1, 4))).await;
    assert_eq!(&got.body[..], framed(0, b"\x0a\x09\x08\x03\x12\x05three"));
}

#[tokio::test]
async fn a_peers_status_is_passed_on_with_its_details() {
    let failure = || {
        let details = ErrorDetails::with_quota_failure_violation("all", "gone");
        let status = tonic::Status::with_error_details(Code::ResourceExhausted, "quota: 100 %", details);
        Failure::new(Class::ResourceExhausted, "the backend answers: quota: 100 %\u{e9}").said_by_peer(PeerStatus {
            code: status.code(),
            message: status.message().to_owned(),
            details: Bytes::copy_from_slice(status.details()),
        })
    };
    let rig = Rig::answering(move || Err(failure())).await;
    let status = rig.call(&[], framed(0, &traces(1, 4))).await.grpc();
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, failure().cause().as_str()));
    assert_eq!(status.get_details_quota_failure().unwrap().violations[0].subject, "all");
    assert!(status.get_details_retry_info().is_none());
}

#[tokio::test]
async fn a_sender_is_told_how_long_to_wait() {
    let rig = Rig::answering(|| Err(Failure::new(Class::QueueFull, "sending queue is full"))).await;
    let status = rig.call(&[], framed(0, &traces(1, 4))).await.grpc();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "sending queue is full"));
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));

    let never = || Failure::new(Class::QueueFull, "sending queue is full").retry_when(Retry::Never);
    let rig = Rig::answering(move || Err(never())).await;
    assert!(rig.call(&[], framed(0, &traces(1, 4))).await.grpc().get_details_retry_info().is_none());
}

#[tokio::test]
async fn a_very_long_cause_is_cut() {
    let rig = Rig::answering(|| Err(Failure::new(Class::InvalidData, "é".repeat(50_000)))).await;
    let status = rig.call(&[], framed(0, &traces(1, 4))).await.grpc();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().len() < 2100 && status.message().ends_with('…'));
}

#[tokio::test]
async fn a_panic_in_a_stage_is_an_internal_error_that_is_not_retried() {
    let rig = Rig::answering(|| panic!("a bug")).await;
    assert_eq!(rig.call(&[], framed(0, &traces(1, 4))).await.grpc().code(), Code::Internal);
    assert_eq!(rig.post("", &traces(1, 4)).await.status, 500);
}
