//! What can be wrong with the form of a request: headers of any size and number, two lengths, requests in a row.

use std::time::{Duration, Instant};

use crate::range::{Attack, FOREIGN, Range};
use crate::support::generate::lean_spans;
use crate::support::setup::Ports;
use crate::wire::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, call_block, connect, connect_http2, frame, literal, post, push,
    read_all, statuses,
};

/// All of them.
pub(crate) const FORMS: [(&str, Attack); 3] = [
    ("headers", |ports, until| Box::pin(headers(ports, until))),
    ("rows of requests", |ports, until| Box::pin(rows(ports, until))),
    ("smuggling", |ports, until| Box::pin(smuggling(ports, until))),
];

/// What these bytes, with the connection half-closed behind them, are answered.
async fn say(ports: Ports, bytes: &[u8]) -> Vec<u16> {
    let mut stream = connect(ports.http).await.expect("a connection");
    let _ = push(&mut stream, bytes, Instant::now() + Duration::from_secs(5)).await;
    statuses(&read_all(&mut stream, Duration::from_millis(400)).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_without_measure_are_refused() {
    let range = Range::open().await;
    let ports = range.ports();
    let large = format!("x: {}", "x".repeat(1 << 20));
    assert!(matches!(say(ports, &post(&[&large], b"")).await[..], [] | [431]));
    let many: Vec<String> = (0..10_000).map(|index| format!("x-{index}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(say(ports, &post(&many, b"")).await[..], [] | [431]));
    assert!(matches!(say(ports, &[b"GET /", &vec![b'a'; 1 << 20][..]].concat()).await[..], [] | [414 | 431]));

    let mut stream = connect_http2(ports.grpc, &[]).await.unwrap();
    let mut bytes = frame(HEADERS, END_STREAM, 1, &call_block(&[]));
    for index in 0..100 {
        let flags = if index == 99 { END_HEADERS } else { 0 };
        bytes.extend(frame(CONTINUATION, flags, 1, &literal("x-large", &"x".repeat(10_400))));
    }
    let _ = push(&mut stream, &bytes, Instant::now() + Duration::from_secs(5)).await;
    let said = read_all(&mut stream, Duration::from_millis(500)).await;
    assert!(!said.windows(11).any(|it| it == b"grpc-status"), "{}", said.escape_ascii());
    for (name, attack) in FORMS {
        println!("{name}");
        range.suffer(attack, Duration::from_millis(700)).await;
    }
    range.close().await;
}

/// RFC 9112, section 6.3: who says two things of a body's length is a proxy that was fooled, or fools one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_one_length_and_no_other_hides_behind_it() {
    let range = Range::open().await;
    for (what, request) in smuggled() {
        let answers = say(range.ports(), &request).await;
        // The first may be served or refused, but what hides behind it is no request.
        assert!(answers.len() <= 1, "{what}: {answers:?}");
        if !what.starts_with("both") {
            assert!(matches!(answers[..], [] | [400]), "{what}: {answers:?}");
        }
    }
    range.close().await;
}

fn smuggled() -> Vec<(&'static str, Vec<u8>)> {
    const HIDDEN: &[u8] = b"0\r\n\r\nGET /hidden HTTP/1.1\r\nhost: relay\r\n\r\n";
    let length = format!("content-length: {}", HIDDEN.len());
    let chunked = "transfer-encoding: chunked";
    vec![
        ("both, the length first", post(&[&length, chunked, "connection: close"], HIDDEN)),
        ("both, the length last", post(&[chunked, &length, "connection: close"], HIDDEN)),
        ("two lengths", post(&["content-length: 5", &length], HIDDEN)),
        ("two lengths in one", post(&["content-length: 5, 44"], HIDDEN)),
        ("a signed length", post(&["content-length: +5"], HIDDEN)),
        ("a negative length", post(&["content-length: -5"], HIDDEN)),
        ("a length in hex", post(&["content-length: 0x5"], HIDDEN)),
        ("a length beyond 64 bits", post(&["content-length: 99999999999999999999999"], HIDDEN)),
        ("chunked, but not last", post(&["transfer-encoding: chunked, identity"], HIDDEN)),
        ("a coding that there is not", post(&["transfer-encoding: xchunked"], HIDDEN)),
        ("a folded header", post(&["x: a\r\n b"], HIDDEN)),
        ("a space before the colon", post(&["content-length : 5"], HIDDEN)),
        ("a chunk with a bad size", post(&[chunked], b"zz\r\n")),
        ("a chunk with a size beyond 64 bits", post(&[chunked], b"fffffffffffffffff\r\n")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_a_row_are_answered_in_their_order() {
    let range = Range::open().await;
    let body = lean_spans("row", FOREIGN..FOREIGN + 1).encode();
    let one = post(&[&format!("content-length: {}", body.len())], &body);
    let wrong = post(&["content-length: 1"], &[0xff]);
    let mut stream = connect(range.ports().http).await.unwrap();
    let last = post(&["content-length: 0", "connection: close"], b"");
    let row = (0..200).map(|index| if index % 3 == 0 { &wrong } else { &one }).chain([&last]);
    let row: Vec<u8> = row.flatten().copied().collect();
    assert!(push(&mut stream, &row, Instant::now() + Duration::from_secs(5)).await);
    let answers = statuses(&read_all(&mut stream, Duration::from_secs(5)).await);
    let expected: Vec<u16> = (0..200).map(|index| if index % 3 == 0 { 400 } else { 200 }).chain([200]).collect();
    assert_eq!(answers, expected);
    range.close().await;
}

async fn headers(ports: Ports, until: Instant) {
    let large = post(&[&format!("x: {}", "x".repeat(1 << 20))], b"");
    let many: Vec<String> = (0..10_000).map(|index| format!("x-{index}: 1")).collect();
    let many = post(&many.iter().map(String::as_str).collect::<Vec<_>>(), b"");
    while Instant::now() < until {
        for head in [&large, &many] {
            let Some(mut stream) = connect(ports.http).await else { continue };
            let _ = push(&mut stream, head, until).await;
        }
    }
}

/// Requests as fast as they are taken, whose answers nobody reads.
async fn rows(ports: Ports, until: Instant) {
    let row = post(&["content-length: 0"], b"").repeat(1000);
    let mut clients = Vec::new();
    while Instant::now() < until {
        if 100 < clients.len() {
            clients.clear();
        }
        let Some(mut stream) = connect(ports.http).await else { continue };
        while push(&mut stream, &row, until.min(Instant::now() + Duration::from_millis(50))).await {}
        clients.push(stream);
    }
}

async fn smuggling(ports: Ports, until: Instant) {
    let all = smuggled();
    while Instant::now() < until {
        for (_, request) in &all {
            let Some(mut stream) = connect(ports.http).await else { continue };
            let _ = push(&mut stream, request, until).await;
            read_all(&mut stream, Duration::from_millis(5)).await;
        }
    }
}
