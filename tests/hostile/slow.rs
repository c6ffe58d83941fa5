//! What a client can do by doing little: heads, bodies and handshakes that never come to their end.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::range::{Attack, Range, setup};
use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::net::free_port;
use crate::support::setup::Ports;
use crate::support::tls::Authority;
use crate::wire::{
    DATA, END_HEADERS, HEADERS, call_block, connect, connect_http2, frame, post, push, read_all, statuses,
};

/// All of them.
pub(crate) const SLOW: [(&str, Attack); 6] = [
    ("heads", |ports, until| {
        Box::pin(drip(ports.http, until, b"POST /v1/traces HTTP/1.1\r\nhost: relay\r\nx: ".to_vec()))
    }),
    ("large heads", |ports, until| Box::pin(large_heads(ports, until))),
    ("bodies", |ports, until| Box::pin(drip(ports.http, until, post(&["content-length: 15000000"], &[0; 1000])))),
    ("HTTP/2 heads", |ports, until| Box::pin(slow_http2(ports, until, Vec::new()))),
    ("HTTP/2 bodies", |ports, until| Box::pin(slow_http2(ports, until, body_begun()))),
    ("half-closed", |ports, until| Box::pin(half_closed(ports, until))),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_harm_nobody_else() {
    let range = Range::open().await;
    for (name, attack) in SLOW {
        println!("{name}");
        range.suffer(attack, Duration::from_millis(700)).await;
        range.served_again().await;
    }
    range.close().await;
}

/// What is held by those who send much and never come to the end goes to those who do, as soon as it is scarce.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_hold_memory_without_using_it_give_way() {
    let range = Range::open().await;
    let mut holders = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(range.ports().http).await.unwrap();
        let begun = post(&["content-length: 19000000"], &vec![0; 15_000_000]);
        assert!(push(&mut stream, &begun, Instant::now() + Duration::from_secs(10)).await);
        holders.push(stream);
    }
    let answers = holders.iter_mut().map(|stream| read_all(stream, Duration::from_secs(15)));
    let refused = futures_util::future::join_all(answers).await.iter().filter(|said| statuses(said) == [503]).count();
    // One had no room at once, and at least one of the others gave way; a last one alone is in nobody's way.
    assert!(2 <= refused, "{refused}");
    range.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_do_not_come_to_their_end_are_cut_off() {
    let (authority, backend) = (Authority::new(), Backend::start());
    let (certificate, key) = authority.server_files();
    let tls = free_port();
    let encrypted = format!(", tls: {{cert_file: '{}', key_file: '{}'}}", certificate.display(), key.display());
    let setup = setup(&backend)
        .receiver("otlp/tls", free_port(), tls, &encrypted)
        .pipeline("traces", "receivers: [otlp, otlp/tls], processors: [memory_limiter], exporters: [otlp_grpc]");
    let range = Range::of(&setup, backend).await;
    let mut clients = Vec::new();
    for index in 0..100 {
        let mut stream = connect(tls).await.unwrap();
        // Half of them begin with a record that says that 16 KiB follow.
        let hello: &[u8] = if index % 2 == 0 { b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" } else { b"\x16\x03" };
        assert!(push(&mut stream, hello, Instant::now() + Duration::from_secs(5)).await);
        clients.push(stream);
    }
    for stream in &mut clients {
        let begun = Instant::now();
        read_all(stream, Duration::from_secs(40)).await;
        assert!(begun.elapsed() < Duration::from_secs(39), "still connected");
    }
    range.close().await;
}

/// Many connections that send `begin`, and a byte now and then.
async fn drip(port: u16, until: Instant, begin: Vec<u8>) {
    let mut clients: Vec<TcpStream> = Vec::new();
    while Instant::now() < until {
        if clients.len() < 200
            && let Some(mut stream) = connect(port).await
            && push(&mut stream, &begin, until).await
        {
            clients.push(stream);
        }
        clients.retain(|stream| stream.try_write(b"x").is_ok());
        if clients.len() == 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Heads that stop just before they are too large.
async fn large_heads(ports: Ports, until: Instant) {
    let mut begin = b"POST /v1/traces HTTP/1.1\r\nhost: relay\r\n".to_vec();
    begin.extend_from_slice(format!("x: {}\r\n", "x".repeat(60_000)).as_bytes());
    let mut clients = Vec::new();
    while Instant::now() < until {
        if clients.len() == 200 {
            clients.clear();
        }
        if let Some(mut stream) = connect(ports.http).await {
            let _ = push(&mut stream, &begin, until.min(Instant::now() + Duration::from_millis(200))).await;
            clients.push(stream);
        }
    }
}

/// A call that announces 3 MiB, and begins with 1000 bytes of them.
fn body_begun() -> Vec<u8> {
    let message = [&[0, 0, 0x30, 0, 0][..], &[0x7a; 1000]].concat();
    [frame(HEADERS, END_HEADERS, 1, &call_block(&[])), frame(DATA, 0, 1, &message)].concat()
}

async fn slow_http2(ports: Ports, until: Instant, begin: Vec<u8>) {
    let mut clients = Vec::new();
    while Instant::now() < until {
        if clients.len() == 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        if let Some(mut stream) = connect_http2(ports.grpc, &[]).await {
            let half = [&begin[..], &frame(HEADERS, END_HEADERS, 3, &call_block(&[]))[..20]].concat();
            let _ = push(&mut stream, &half, until).await;
            clients.push(stream);
        }
    }
}

/// Requests whose senders never say more, and never read the answer.
async fn half_closed(ports: Ports, until: Instant) {
    let mut clients = Vec::new();
    while Instant::now() < until {
        for (port, said) in [(ports.http, post(&["content-length: 0"], b"")), (ports.http, Vec::new())] {
            if let Some(mut stream) = connect(port).await {
                let _ = push(&mut stream, &said, until).await;
                let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
                clients.push(stream);
            }
        }
        if 200 < clients.len() {
            clients.clear();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Who has nothing to say makes room on a crowded listener, so that they do not keep others out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_clients_make_room_for_others_when_all_connections_are_taken() {
    let backend = Backend::start();
    let setup = setup(&backend).receiving("max_connections: 20").receiver_key("max_in_flight_mib", "48");
    let range = Range::of(&setup, backend).await;
    let mut idle = Vec::new();
    for _ in 0..25 {
        idle.push(connect(range.ports().http).await.unwrap());
    }
    let begun = Instant::now();
    eventually("a place for one more", || async {
        let mut stream = connect(range.ports().http).await?;
        push(&mut stream, &post(&["content-length: 0", "connection: close"], b""), begun + Duration::from_secs(25))
            .await;
        (statuses(&read_all(&mut stream, Duration::from_secs(25)).await) == [200]).then_some(())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    drop(idle);
    let log = range.close().await;
    assert!(log.contains("all connections of a listener are taken"), "{log}");
}
