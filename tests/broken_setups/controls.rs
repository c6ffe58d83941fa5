//! Set-ups in which nothing is wrong: any complaint is a fault of the relay.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

use crate::stubs::{Stub, accepting, closed_port, http1, response};
use crate::support::client::{Coding, Wire};
use crate::support::eventually;
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::scrape::Metrics;
use crate::support::setup::{QUICK_RETRY, Setup};
use crate::trial::{RUNS, exporting};

/// Sends `requests` one after the other; all must be delivered without a word.
async fn check(setup: impl Fn() -> Setup, environment: &[(&str, &str)], requests: u64) {
    for _ in 0..RUNS {
        let relay = Relay::start_with(&setup(), environment).await;
        let mut client = relay.client(Wire::Grpc, Coding::None).await;
        for sent in 1..=requests {
            client.deliver(&lean_spans("app", 0..1)).await;
            relay.wait_for_metrics("delivered", |metrics| is_delivered(metrics, sent)).await;
        }
        check_quiet(&relay.stop_without_loss().await.log);
    }
}

fn is_delivered(metrics: &Metrics, sent: u64) -> bool {
    metrics.sum("otelcol_exporter_sent_spans", &[]).is_some_and(|sum| sent as f64 <= sum)
}

#[track_caller]
fn check_quiet(log: &str) {
    // That it listens where only its own container reaches it is true of every relay of these tests.
    let complaints = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
    let complaints: Vec<&str> = complaints.filter(|line| !line.contains("bind_loopback_only")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

fn grpc_to(stub: &Stub) -> impl Fn() -> Setup {
    let settings = format!("endpoint: '{}', tls: {{insecure: true}}, {QUICK_RETRY}", stub.address);
    move || exporting("otlp_grpc", &settings)
}

#[tokio::test]
async fn plaintext_grpc() {
    check(grpc_to(&accepting().start().await), &[], 1).await;
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_the_machine_itself() {
    let proxy = format!("http://{}", closed_port());
    check(grpc_to(&accepting().start().await), &[("HTTPS_PROXY", &proxy), ("HTTP_PROXY", &proxy)], 1).await;
}

#[tokio::test]
async fn an_idle_connection_that_is_reset() {
    let resets = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&resets);
    let serve = |stream: TcpStream| async move {
        // Dropping it then resets it.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        if let Some(Ok((_, mut respond))) = connection.accept().await {
            let head = http::Response::builder().header("content-type", "application/grpc").header("grpc-status", "0");
            let _ = respond.send_response(head.body(()).unwrap(), true);
            let _ = tokio::time::timeout(Duration::from_millis(100), connection.accept()).await;
        }
    };
    let stub = Stub::start(move |stream| {
        let count = Arc::clone(&count);
        async move {
            serve(stream).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    for _ in 0..RUNS {
        let relay = Relay::start(&grpc_to(&stub)()).await;
        let mut client = relay.client(Wire::Grpc, Coding::None).await;
        let before = resets.load(Ordering::SeqCst);
        for sent in 1..=3 {
            client.deliver(&lean_spans("app", 0..1)).await;
            relay.wait_for_metrics("delivered", |metrics| is_delivered(metrics, sent)).await;
            let is_reset = || async { (before + sent <= resets.load(Ordering::SeqCst)).then_some(()) };
            eventually("the reset", is_reset).await;
            // The connection is idle, as the name says: nothing shows from outside when the relay has noticed.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        check_quiet(&relay.stop_without_loss().await.log);
    }
}

#[tokio::test]
async fn a_graceful_goaway_after_each_call() {
    let stub = Stub::start(|stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        if let Some(Ok((_, mut respond))) = connection.accept().await {
            let head = http::Response::builder().header("content-type", "application/grpc").header("grpc-status", "0");
            let _ = respond.send_response(head.body(()).unwrap(), true);
            connection.graceful_shutdown();
            while connection.accept().await.is_some() {}
        }
    })
    .await;
    check(grpc_to(&stub), &[], 3).await;
}

#[tokio::test]
async fn a_success_without_a_body_or_a_type() {
    let stub = http1(|_| response(200, &[], "")).await;
    let settings = format!("endpoint: 'http://{}', {QUICK_RETRY}", stub.address);
    check(|| exporting("otlp_http", &settings), &[], 1).await;
}
