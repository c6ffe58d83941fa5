//! What clients may not take too much of: size, memory, time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use otlp_relay::failure::Class;
use otlp_relay::payload::Encoding;
use otlp_relay::protocol::Protocol;
use otlp_relay::receivers::otlp::MessageLimits;
use otlp_relay::transport::codec;
use otlp_relay::units::ByteCount;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{Got, Rig, framed, http1_request, read_http1, traces, until};

const SMALL: MessageLimits = MessageLimits { grpc: ByteCount(10_000), http: ByteCount(10_000) };

fn check_too_large(got: &Got, rig: &Rig) {
    assert_eq!((got.status, got.status().code), (413, Code::ResourceExhausted as i32), "{got:?}");
    assert!(got.status().message.starts_with("http: request body too large"), "{got:?}");
    assert_eq!(got.header("retry-after"), "");
    assert_eq!(rig.refused.take(), [(Class::RequestTooLarge, Protocol::Http)]);
}

fn check_no_memory(got: &Got, rig: &Rig) {
    assert_eq!((got.status, got.header("retry-after")), (503, "1"), "{got:?}");
    assert_eq!(got.status().code, Code::Unavailable as i32);
    assert_eq!(rig.refused.take(), [(Class::MemoryLimited, Protocol::Http)]);
    assert_eq!(rig.budget.used(), ByteCount::ZERO);
}

#[tokio::test]
async fn a_declared_oversize_body_is_refused_and_the_client_gets_to_read_it() {
    let rig = Rig::limited(ByteCount::mib(64), SMALL).await;
    check_too_large(&rig.post("", &vec![0; 10_001]).await, &rig);
    check_too_large(&rig.post("", &vec![0; 3 << 20]).await, &rig);
}

#[tokio::test]
async fn a_client_that_asks_first_is_not_made_to_send_an_oversize_body() {
    let rig = Rig::limited(ByteCount::mib(64), SMALL).await;
    let head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nExpect: 100-continue\r\nContent-Length: 99999";
    check_too_large(&rig.http1(head, b"").await, &rig);
}

#[tokio::test]
async fn an_undeclared_oversize_body_is_refused() {
    let rig = Rig::limited(ByteCount::mib(64), SMALL).await;
    let head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked";
    let mut chunks = format!("{:x}\r\n", 20_000).into_bytes();
    chunks.extend_from_slice(&[0; 20_000]);
    chunks.extend_from_slice(b"\r\n0\r\n\r\n");
    check_too_large(&rig.http1(head, &chunks).await, &rig);
}

#[tokio::test]
async fn a_body_that_is_oversize_only_when_it_is_unpacked_is_refused() {
    let rig = Rig::limited(ByteCount::mib(64), SMALL).await;
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let bomb = codec::compress(encoding, &[Bytes::from(vec![0; 8 << 20])]).unwrap();
        let headers = format!("Content-Encoding: {}", codec::name(encoding));
        check_too_large(&rig.post(&headers, &bomb[..bomb.len().min(9_000)]).await, &rig);
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let rig = Rig::limited(ByteCount::mib(64), SMALL).await;
    // One unknown field of the right length.
    let mut body = vec![0x7a, 0x8d, 0x4e];
    body.resize(10_000, 0x20);
    assert_eq!(rig.post("", &body).await.status, 200);
    assert_eq!(rig.call(&[], framed(0, &body)).await.grpc().code(), Code::Ok);
    assert_eq!(rig.pipeline.take_bodies(), [body.clone(), body]);
}

#[tokio::test]
async fn without_memory_the_sender_is_asked_to_come_back() {
    let rig = Rig::limited(ByteCount(100_000), MessageLimits::default()).await;
    check_no_memory(&rig.post("", &vec![0; 200_000]).await, &rig);

    let held = rig.budget.reserve(ByteCount(99_000)).unwrap();
    let status = rig.call(&[], framed(0, &traces(100, 30))).await.grpc();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    assert_eq!(rig.refused.take(), [(Class::MemoryLimited, Protocol::Grpc)]);
    drop(held);
    assert_eq!(rig.call(&[], framed(0, &traces(100, 30))).await.grpc().code(), Code::Ok);
}

#[tokio::test]
async fn a_bomb_takes_no_more_memory_than_the_budget_has() {
    let rig = Rig::limited(ByteCount::mib(1), MessageLimits::default()).await;
    for encoding in Encoding::ALL {
        let bomb = codec::compress(encoding, &[Bytes::from(vec![0; 15 << 20])]).unwrap();
        let headers = format!("Content-Encoding: {}", codec::name(encoding));
        check_no_memory(&rig.post(&headers, &bomb).await, &rig);
    }
}

#[tokio::test]
async fn a_body_takes_memory_as_it_comes_whatever_it_announces() {
    for (length, chunk) in [("Transfer-Encoding: chunked", "4e20\r\n"), ("Content-Length: 9000000", "")] {
        let rig = Rig::limited(ByteCount::mib(10), MessageLimits::default()).await;
        let head = format!("POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\n{length}");
        let mut stream = rig.connect().await;
        let first = [chunk.as_bytes(), &[0; 20_000]].concat();
        stream.write_all(&http1_request(&head, &first)).await.unwrap();
        until("memory is reserved", || ByteCount(20_000) <= rig.budget.used()).await;
        assert!(rig.budget.used() <= ByteCount(80_000), "{length}: {}", rig.budget.used());
        drop(stream);
        until("it is given back", || rig.budget.used() == ByteCount::ZERO).await;
        until("the refusal is counted", || rig.refused.take() == [(Class::BodyInterrupted, Protocol::Http)]).await;
    }
}

#[tokio::test]
async fn one_receiver_leaves_some_memory_to_the_others_and_its_large_requests_some_to_small_ones() {
    let rig = Rig::limited(ByteCount::mib(16), MessageLimits::default()).await;
    let head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9000000";
    let mut large = rig.connect().await;
    large.write_all(&http1_request(head, &vec![0; 3 << 20])).await.unwrap();
    until("memory is reserved", || ByteCount::mib(3) <= rig.budget.used()).await;
    check_in_flight(&rig.post("", &vec![0; 4 << 20]).await, &rig);
    assert!(rig.budget.used() <= ByteCount::mib(8), "half of it");
    assert_eq!(rig.post("", &traces(100, 30)).await.status, 200);
    drop(large);
}

#[track_caller]
fn check_in_flight(got: &Got, rig: &Rig) {
    assert_eq!((got.status, got.header("retry-after")), (503, "1"), "{got:?}");
    assert_eq!(rig.refused.take(), [(Class::MemoryLimited, Protocol::Http)]);
}

#[tokio::test]
async fn what_a_request_has_in_flight_is_free_again_when_it_is_answered() {
    let text = "max_in_flight_mib: 1, protocols: {http: {endpoint: '127.0.0.1:0'}}";
    let rig = Rig::configured(Protocol::Http, text).await;
    for _ in 0..20 {
        assert_eq!(rig.post("", &traces(2000, 100)).await.status, 200);
    }
    assert!(ByteCount::mib(2) < rig.budget.used(), "what is taken is still held: {}", rig.budget.used());
    check_in_flight(&rig.post("", &traces(10_000, 100)).await, &rig);
}

#[tokio::test]
async fn a_body_that_is_not_framed_as_it_says_is_not_to_be_sent_again() {
    let rig = Rig::start().await;
    for chunks in ["zz\r\n", "fffffffffffffffff\r\n", "1\r\nxy"] {
        let head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked";
        assert_eq!(rig.http1(head, chunks.as_bytes()).await.status, 400, "{chunks}");
        assert_eq!(rig.refused.take(), [(Class::MalformedRequest, Protocol::Http)]);
    }
}

#[tokio::test]
async fn a_probe_of_health_is_no_way_to_send_much() {
    let rig = Rig::start().await;
    let large = framed(0, &vec![0x0a; 20_000]);
    let got = rig.call_path("/grpc.health.v1.Health/Check", &[], large).await;
    assert_eq!(got.grpc().code(), Code::OutOfRange, "{got:?}");
}

#[tokio::test]
async fn a_request_that_is_cut_off_is_not_forwarded() {
    let rig = Rig::start().await;
    let body = traces(3, 4);
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}", body.len());
    let mut stream = rig.connect().await;
    stream.write_all(&http1_request(&head, &body[..body.len() - 1])).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    until("it is counted", || rig.refused.take() == [(Class::BodyInterrupted, Protocol::Http)]).await;
    assert!(rig.pipeline.taken().is_empty());
}

#[tokio::test]
async fn nonsense_and_tls_end_only_their_own_connection() {
    let rig = Rig::start().await;
    for nonsense in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense"]
    {
        let mut stream = rig.connect().await;
        stream.write_all(nonsense).await.unwrap();
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    drop(rig.connect().await);
    assert_eq!(rig.post("", &traces(1, 4)).await.status, 200);
    let mut stream = rig.connect().await;
    stream.write_all(&http1_request("GET /v1/traces HTTP/1.1", b"")).await.unwrap();
    assert_eq!(read_http1(&mut stream).await.status, 405);
}

/// What the pipeline would refuse is not taken into memory first; what is small is read, so that its items are counted.
#[tokio::test]
async fn a_large_request_is_refused_by_what_it_says_of_its_length_where_memory_is_short() {
    let rig = Rig::start().await;
    rig.pipeline.closed.store(true, Ordering::SeqCst);
    // A client that asks first sends nothing of it.
    let head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nExpect: 100-continue\r\nContent-Length: 1000000";
    check_no_memory(&rig.http1(head, b"").await, &rig);
    assert_eq!(rig.post("", &traces(3, 8)).await.status, 200);
    // A gRPC message says its length before anything else.
    let status = rig.call_begun([&[0][..], &1_000_000_u32.to_be_bytes()].concat()).await.grpc();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(status.get_details_retry_info().is_some(), "{status:?}");
    assert_eq!(rig.refused.take(), [(Class::MemoryLimited, Protocol::Grpc)]);
    assert_eq!(rig.call(&[], framed(0, &traces(3, 8))).await.grpc().code(), Code::Ok);
    assert_eq!(rig.pipeline.taken().len(), 2);
}

/// The answer comes behind the body, which is read and dropped: the connection goes on.
#[tokio::test]
async fn a_connection_outlives_a_large_request_that_was_refused() {
    let rig = Rig::start().await;
    rig.pipeline.closed.store(true, Ordering::SeqCst);
    let post = |body: &[u8]| {
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}",
            body.len()
        );
        http1_request(&head, body)
    };
    let mut stream = rig.connect().await;
    stream.write_all(&post(&vec![0; 1_000_000])).await.unwrap();
    check_no_memory(&read_http1(&mut stream).await, &rig);
    stream.write_all(&post(&traces(3, 8))).await.unwrap();
    assert_eq!(read_http1(&mut stream).await.status, 200);
}
