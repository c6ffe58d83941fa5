//! What a client can do to an HTTP/2 server as fast as it can: resets, continuations, pings, settings, windows.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::net::TcpStream;

use crate::range::{Attack, Range};
use crate::support::client::http2_post;
use crate::support::export::Signal;
use crate::support::setup::Ports;
use crate::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, call_block,
    connect_http2, frame, literal, push, read_all,
};

/// All of them.
pub(crate) const FLOODS: [(&str, Attack); 10] = [
    ("rapid reset", |ports, until| Box::pin(rapid_reset(ports, until))),
    ("resets that the server has to make", |ports, until| Box::pin(made_to_reset(ports, until))),
    ("endless continuation", |ports, until| Box::pin(continuation(ports, until, 16_000))),
    ("empty continuation", |ports, until| Box::pin(continuation(ports, until, 0))),
    ("settings", |ports, until| Box::pin(repeat(ports, until, frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255])))),
    ("pings", |ports, until| Box::pin(repeat(ports, until, frame(PING, 0, 0, &[7; 8])))),
    ("window updates", |ports, until| Box::pin(repeat(ports, until, frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])))),
    ("windows beyond all bounds", |ports, until| {
        Box::pin(repeat(ports, until, frame(WINDOW_UPDATE, 0, 0, &[0x7f, 255, 255, 255])))
    }),
    ("empty data", |ports, until| Box::pin(empty_data(ports, until))),
    ("answers that nobody reads", |ports, until| Box::pin(unread_answers(ports, until))),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_end_with_their_connection_and_harm_nobody_else() {
    let range = Range::open().await;
    for (name, flood) in FLOODS {
        println!("{name}");
        range.suffer(flood, Duration::from_millis(700)).await;
        range.served_again().await;
    }
    range.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_fill_their_windows_at_once_take_no_more_than_there_is_for_all() {
    let range = Range::open().await;
    range.suffer(|ports, until| Box::pin(full_windows(ports, until)), Duration::from_secs(2)).await;
    range.close().await;
}

/// Many clients, each of which sends a whole MiB at once: it waits in the windows until it is read.
async fn full_windows(ports: Ports, until: Instant) {
    // A field that nobody knows, of 1 MiB.
    let body = Bytes::from([&[0x7a, 0x80, 0x80, 0x40][..], &vec![0; 1 << 20]].concat());
    while Instant::now() < until {
        let clients = (0..CROWD).map(|_| {
            tokio::time::timeout_at(until.into(), http2_post(ports.grpc, Signal::Traces.path(), body.clone()))
        });
        for answer in join_all(clients).await.into_iter().flatten() {
            assert!([200, 503].contains(&answer.status.as_u16()), "{answer:?}");
        }
    }
}

/// With windows of 2 MiB each they would fill 150 MiB.
const CROWD: usize = 150;

/// A server that did not bound it would answer for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_resets_without_end_or_sends_headers_without_end_is_hung_up_on() {
    let range = Range::open().await;
    for (name, more) in [("resets", reset_pairs(1, 5000)), ("made resets", broken_streams(1, 5000))] {
        let mut stream = connect_http2(range.ports().grpc, &[]).await.unwrap();
        let _ = push(&mut stream, &more, Instant::now() + Duration::from_secs(5)).await;
        let said = read_all(&mut stream, Duration::from_secs(5)).await;
        // GOAWAY with ENHANCE_YOUR_CALM.
        let calm = said.windows(17).any(|bytes| bytes[3] == 7 && bytes[13..17] == [0, 0, 0, 11]);
        assert!(calm || said.is_empty(), "{name}: {}", said.escape_ascii());
    }
    let mut stream = connect_http2(range.ports().grpc, &[]).await.unwrap();
    let endless = [frame(HEADERS, 0, 1, &call_block(&[])), padding(16_000).repeat(200)].concat();
    let _ = push(&mut stream, &endless, Instant::now() + Duration::from_secs(5)).await;
    read_all(&mut stream, Duration::from_secs(5)).await;
    assert!(!push(&mut stream, &padding(16_000).repeat(200), Instant::now() + Duration::from_secs(5)).await);
    range.close().await;
}

fn reset_pairs(first: u32, count: u32) -> Vec<u8> {
    let block = call_block(&[]);
    let pair = |stream| [frame(HEADERS, END_HEADERS, stream, &block), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])];
    (0..count).flat_map(|index| pair(first + 2 * index).concat()).collect()
}

/// Streams that break the protocol, for which the server has to reset them: CVE-2025-8671.
fn broken_streams(first: u32, count: u32) -> Vec<u8> {
    let block = call_block(&[]);
    let broken =
        |stream| [frame(HEADERS, END_HEADERS, stream, &block), frame(WINDOW_UPDATE, 0, stream, &[0x7f, 255, 255, 255])];
    (0..count).flat_map(|index| broken(first + 2 * index).concat()).collect()
}

async fn rapid_reset(ports: Ports, until: Instant) {
    keep_flooding(ports, until, |round| reset_pairs(1 + round * 400, 200)).await;
}

async fn made_to_reset(ports: Ports, until: Instant) {
    keep_flooding(ports, until, |round| broken_streams(1 + round * 400, 200)).await;
}

/// Connects and sends rounds of bytes until it is hung up on, again and again.
async fn keep_flooding(ports: Ports, until: Instant, round: impl Fn(u32) -> Vec<u8>) {
    while Instant::now() < until {
        let Some(mut stream) = connect_http2(ports.grpc, &[]).await else { continue };
        let mut number = 0;
        while Instant::now() < until && push(&mut stream, &round(number), until).await {
            drain(&stream);
            number += 1;
        }
    }
}

/// Takes what has come, so that the flood goes on.
fn drain(stream: &TcpStream) {
    while matches!(stream.try_read(&mut [0; 4096]), Ok(1..)) {}
}

fn padding(length: usize) -> Vec<u8> {
    let header = if length == 0 { Vec::new() } else { literal("x-padding", &"x".repeat(length)) };
    frame(CONTINUATION, 0, 1, &header)
}

async fn continuation(ports: Ports, until: Instant, length: usize) {
    let more = padding(length).repeat(if length == 0 { 1000 } else { 10 });
    keep_flooding(ports, until, |round| match round {
        0 => frame(HEADERS, 0, 1, &call_block(&[])),
        _ => more.clone(),
    })
    .await;
}

/// The same frame, without reading what it is answered.
async fn repeat(ports: Ports, until: Instant, frame: Vec<u8>) {
    let many = frame.repeat(1000);
    while Instant::now() < until {
        let Some(mut stream) = connect_http2(ports.grpc, &[]).await else { continue };
        while push(&mut stream, &many, until).await {}
    }
}

async fn empty_data(ports: Ports, until: Instant) {
    let more = frame(DATA, 0, 1, &[]).repeat(1000);
    keep_flooding(ports, until, |round| match round {
        0 => frame(HEADERS, END_HEADERS, 1, &call_block(&[])),
        _ => more.clone(),
    })
    .await;
}

/// Many requests whose answers have no window to go to, and of which nothing is read.
async fn unread_answers(ports: Ports, until: Instant) {
    let block = call_block(&[]);
    let request =
        |stream| [frame(HEADERS, END_HEADERS, stream, &block), frame(DATA, END_STREAM, stream, &[0; 5])].concat();
    while Instant::now() < until {
        let mut held = Vec::new();
        for _ in 0..20 {
            let Some(mut stream) = connect_http2(ports.grpc, &[(4, 0)]).await else { continue };
            let many: Vec<u8> = (0..2000).flat_map(|index| request(1 + 2 * index)).collect();
            let patience = until.min(Instant::now() + Duration::from_millis(100));
            let _ = push(&mut stream, &many, patience).await;
            held.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
