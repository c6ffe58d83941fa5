//! How long clients may take, and what they may have open at once.

use std::time::{Duration, Instant};

use otlp_relay::failure::Class;
use otlp_relay::protocol::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Rig, http1_request, read_http1, traces};

const SHORT: Duration = Duration::from_millis(150);

async fn rig(http: &str) -> Rig {
    Rig::configured(Protocol::Http, &format!("protocols: {{http: {{{http}}}}}")).await
}

fn request() -> Vec<u8> {
    let body = traces(1, 4);
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}", body.len());
    http1_request(&head, &body)
}

/// A client that sends `bytes`, reads the answers, and then no more, is hung up on when the time is up, and not before.
async fn check_hung_up(rig: &Rig, bytes: &[u8], answers: usize) {
    let mut client = rig.connect().await;
    let began = Instant::now();
    client.write_all(bytes).await.unwrap();
    for _ in 0..answers {
        assert_eq!(read_http1(&mut client).await.status, 200);
    }
    let hung_up = tokio::time::timeout(SHORT * 40, client.read_to_end(&mut Vec::new())).await;
    assert!(hung_up.is_ok(), "still connected");
    assert!(SHORT <= began.elapsed());
}

#[tokio::test]
async fn an_idle_connection_ends_when_the_configuration_says_so() {
    check_hung_up(&rig("idle_timeout: 150ms").await, &request(), 1).await;
    check_hung_up(&rig("read_timeout: 150ms").await, &request(), 1).await;
}

#[tokio::test]
async fn a_head_may_take_as_long_as_the_configuration_says() {
    check_hung_up(&rig("read_header_timeout: 150ms").await, &request()[..20], 0).await;
    check_hung_up(&rig("read_timeout: 150ms").await, &request()[..20], 0).await;
}

#[tokio::test]
async fn a_body_may_take_as_long_as_the_configuration_says() {
    let rig = rig("read_timeout: 150ms").await;
    let mut client = rig.connect().await;
    let request = request();
    client.write_all(&request[..request.len() - 1]).await.unwrap();
    let got = read_http1(&mut client).await;
    assert_eq!(got.status, 503, "{got:?}");
    assert!(got.status().message.contains("read_timeout (150ms)"), "{got:?}");
    assert_eq!(rig.refused.take(), [(Class::BodyInterrupted, Protocol::Http)]);
}

#[tokio::test]
async fn without_keep_alives_a_connection_ends_behind_its_answer() {
    let rig = rig("keep_alives_enabled: false").await;
    let mut client = rig.connect().await;
    client.write_all(&request().repeat(2)).await.unwrap();
    let got = read_http1(&mut client).await;
    assert_eq!((got.status, got.header("connection")), (200, "close"));
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(rig.pipeline.taken().len(), 1);
}

#[tokio::test]
async fn the_streams_of_a_connection_are_bounded_without_any_setting() {
    let rig = Rig::start().await;
    let mut client = rig.connect().await;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "SETTINGS come first");
    let mut settings = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
    client.read_exact(&mut settings).await.unwrap();
    let of = |id: u16| settings.chunks(6).find(|setting| setting[..2] == id.to_be_bytes()).map(|setting| &setting[2..]);
    assert_eq!(of(3), Some(&512_u32.to_be_bytes()[..]), "SETTINGS_MAX_CONCURRENT_STREAMS");
    assert_eq!(of(6), Some(&(64_u32 << 10).to_be_bytes()[..]), "SETTINGS_MAX_HEADER_LIST_SIZE");
}
