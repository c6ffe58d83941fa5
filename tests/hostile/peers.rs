//! What a backend can do to the relay with its answers: nothing is without end, and nobody else waits for it.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::range::{Range, setup};
use crate::support::backend::Backend;
use crate::support::client::Wire;
use crate::support::net::{free_port, local};
use crate::wire::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, SETTINGS, frame, literal};

/// An answer: what is said first, and what is repeated behind it for ever.
struct Answer {
    name: &'static str,
    wire: Wire,
    first: Vec<u8>,
    ever: Vec<u8>,
}

fn http1(name: &'static str, first: &str, ever: &str) -> Answer {
    Answer { name, wire: Wire::Http, first: first.into(), ever: ever.into() }
}

/// Behind the server's settings.
fn http2(name: &'static str, first: Vec<u8>, ever: Vec<u8>) -> Answer {
    Answer { name, wire: Wire::Grpc, first: [frame(SETTINGS, 0, 0, &[]), first].concat(), ever }
}

fn status_200() -> Vec<u8> {
    [&[0x88][..], &literal("content-type", "application/grpc")].concat()
}

fn answers() -> Vec<Answer> {
    let long = "x".repeat(8000);
    let begun = || frame(HEADERS, END_HEADERS, 1, &status_200());
    let broken =
        [status_200(), literal("grpc-status", "14"), literal("grpc-status-details-bin", "!not base64!")].concat();
    vec![
        http1("endless-headers", "HTTP/1.1 200 OK\r\n", &format!("x: {long}\r\n")),
        http1("endless-header", "HTTP/1.1 200 OK\r\nx: ", &long),
        http1("endless-1xx", "", "HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n"),
        http1("endless-100", "", "HTTP/1.1 100 Continue\r\n\r\n"),
        http1("endless-body", "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n\r\n", &long),
        http1("endless-failure", "HTTP/1.1 503 Busy\r\ncontent-type: text/plain\r\n\r\n", &long),
        http1(
            "endless-partial-success",
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 2000000005\r\n\r\n\
             \x0a\x7f\x12\x7f",
            &long,
        ),
        http1(
            "endless-trailers",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            &format!("x: {long}\r\n"),
        ),
        http1("endless-chunk-size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "0"),
        http1("endless-silence", "HTTP/1.1 200 OK\r\n", ""),
        http2("http2-headers", frame(HEADERS, 0, 1, &status_200()), frame(CONTINUATION, 0, 1, &literal("x", &long))),
        http2("http2-empty-continuation", frame(HEADERS, 0, 1, &status_200()), frame(CONTINUATION, 0, 1, &[])),
        http2("http2-data", begun(), frame(DATA, 0, 1, &[0; 8000])),
        http2(
            "http2-message",
            [begun(), frame(DATA, 0, 1, &[0, 0xff, 0xff, 0xff, 0xff])].concat(),
            frame(DATA, 0, 1, &[7; 8000]),
        ),
        http2("http2-empty-data", begun(), frame(DATA, 0, 1, &[])),
        http2(
            "http2-trailers",
            [begun(), frame(HEADERS, END_STREAM, 1, &[])].concat(),
            frame(CONTINUATION, 0, 1, &literal("x", &long)),
        ),
        http2("http2-pings", Vec::new(), frame(PING, 0, 0, &[0; 8])),
        http2("http2-settings", Vec::new(), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255])),
        http2("http2-no-base64", frame(HEADERS, END_HEADERS | END_STREAM, 1, &broken), Vec::new()),
    ]
}

async fn serve(listener: TcpListener, first: Vec<u8>, ever: Vec<u8>, until: Instant) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(tokio::time::timeout_at(until.into(), say(stream, first.clone(), ever.clone())));
    }
}

/// As soon as there is a request, it is answered; what else comes is read and forgotten.
async fn say(mut stream: TcpStream, first: Vec<u8>, ever: Vec<u8>) {
    let _ = stream.read(&mut [0; 4096]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (mut from, mut to) = stream.split();
    let forget = async { while matches!(from.read(&mut [0; 65536]).await, Ok(1..)) {} };
    let talk = async {
        let many = ever.repeat(8);
        let mut open = to.write_all(&first).await.is_ok();
        while open && !many.is_empty() {
            open = to.write_all(&many).await.is_ok();
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(forget, talk);
}

/// Each answer by an exporter of its own, all of them beside one whose backend is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_end_fail_with_a_class_and_harm_nobody_else() {
    let backend = Backend::start();
    let mut setup = setup(&backend);
    let until = Instant::now() + Duration::from_secs(20);
    let mut names = Vec::new();
    for Answer { name, wire, first, ever } in answers() {
        let port = free_port();
        let listener = TcpListener::bind(local(port)).await.unwrap();
        tokio::spawn(serve(listener, first, ever, until));
        let id = format!("{}/{name}", crate::support::setup::exporter_type(wire));
        let terms = "timeout: 1s, compression: none, retry_on_failure: {enabled: false}, \
                     sending_queue: {queue_size: 100000, num_consumers: 1}";
        setup = setup.export_to(&id, wire, port, terms);
        names.push(id);
    }
    let range = Range::of(&setup, backend).await;
    for name in &names {
        let line = range.relay.wait_for_line(&[name, "class="]).await;
        assert!(!line.contains("internal_panic") && !line.contains("class=other"), "{line}");
        range.check_memory();
    }
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        range.check_memory();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    range.close_with_losses().await;
}
