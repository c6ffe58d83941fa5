//! Does another configuration take over while data flows, without a request failing or an item being lost?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Client, Coding, Wire, http_request};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

const UPDATED: &str = "Config updated";
const REFUSED: &str = "the relay goes on with the one before";

/// Sends spans one after another until it is told to stop; answers how many were accepted. None may be refused.
async fn send_until(stop: Arc<AtomicBool>, mut client: Client, from: u64) -> u64 {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        client.deliver(&lean_spans("app", from + sent..from + sent + 1)).await;
        sent += 1;
    }
    sent
}

#[tokio::test]
async fn reloads_under_load_fail_no_request_and_lose_no_item() {
    const RELOADS: usize = 200;
    const APART: u64 = 1_000_000;
    let backend = Backend::start();
    // A slow machine must not fill the queue.
    let plain = Setup::forwarding(Wire::Grpc, &backend, "timeout: 5s, sending_queue: {queue_size: 1000000}");
    let batched = plain.clone().processor("batch", "timeout: 10ms, send_batch_size: 50");
    let other = Setup::forwarding(Wire::Http, &backend, "timeout: 6s, sending_queue: {queue_size: 1000000}")
        .in_place_of(&plain);
    let bad = plain.text().replace("exporters: [otlp_grpc]", "exporters: [nowhere]");
    let texts = [batched.text(), bad, other.text(), plain.text()];
    let relay = Relay::start(&plain).await;

    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = Vec::new();
    for (index, wire) in [Wire::Grpc, Wire::Http, Wire::Grpc, Wire::Http].into_iter().enumerate() {
        let client = relay.client(wire, Coding::None).await;
        senders.push((index as u64 * APART, tokio::spawn(send_until(Arc::clone(&stop), client, index as u64 * APART))));
    }
    let files = relay.open_files();
    let mut resident = 0;
    for round in 0..RELOADS {
        let words = if round % texts.len() == 1 { REFUSED } else { UPDATED };
        relay.reload(&texts[round % texts.len()], words).await;
        if round == RELOADS / 4 {
            resident = relay.resident_bytes();
        }
    }
    let resident_after = relay.resident_bytes();
    let files_after = relay.open_files();
    stop.store(true, Ordering::Relaxed);
    let mut expected = Vec::new();
    for (from, sender) in senders {
        let sent = sender.await.expect("no request fails");
        assert!(sent > RELOADS as u64 / 2, "there was load: {sent}");
        expected.extend(from..from + sent);
    }
    backend.wait_for_items(expected.len() as u64).await;
    assert_eq!(relay.stop_without_loss().await.delivered, expected.len() as u64);
    assert_eq!(backend.accepted_ids(Signal::Traces), expected, "each span once");
    assert!(files_after <= files + 20, "{files} open files before, {files_after} after");
    let (mib, mib_after) = (resident >> 20, resident_after >> 20);
    assert!(mib_after <= mib + 16, "{mib} MiB after a quarter of the reloads, {mib_after} MiB after all");
}

#[tokio::test]
async fn what_waits_for_a_dead_backend_goes_to_the_one_of_the_new_configuration() {
    let (dead, alive) = (Backend::absent(), Backend::start());
    let setup = Setup::forwarding(Wire::Grpc, &dead, "retry_on_failure: {initial_interval: 60s, max_interval: 60s}");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..30 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    relay.wait_for_line(&["export failed", "connection_refused"]).await;
    relay.reload(&Setup::forwarding(Wire::Grpc, &alive, "").in_place_of(&setup).text(), UPDATED).await;
    alive.wait_for_items(30).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 30);
    assert_eq!(alive.accepted_ids(Signal::Traces), (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_receiver_moves_and_the_requests_in_hand_are_answered() {
    let backend = Backend::start();
    backend.always(Answer::Slow(Duration::from_millis(300)));
    let setup = Setup::forwarding(Wire::Grpc, &backend, "sending_queue: {enabled: false}");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Http, Coding::None).await;
    let in_hand = tokio::spawn(async move { client.deliver(&lean_spans("app", 0..1)).await });
    backend.wait_for_requests(1).await;
    let (grpc, http) = (free_port(), free_port());
    relay.reload(&setup.clone().receiver("otlp", grpc, http, "").text(), UPDATED).await;
    in_hand.await.expect("answered");
    let mut moved = Client::connect(Wire::Grpc, grpc, Coding::None).await;
    moved.deliver(&lean_spans("app", 1..2)).await;
    let old = tokio::net::TcpStream::connect(("127.0.0.1", setup.ports.http)).await;
    assert!(old.is_err(), "nothing listens on the old port");
    assert_eq!(relay.stop_without_loss().await.delivered, 2);
}

#[tokio::test]
async fn a_port_that_is_taken_leaves_everything_as_it_was() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let relay = Relay::start(&setup).await;
    let taken = setup.clone().receiver("otlp", backend.port(Wire::Grpc), free_port(), "");
    relay.reload(&taken.text(), REFUSED).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 1);
}

#[tokio::test]
async fn a_reload_is_asked_for_over_the_zpages_address_from_this_machine_only() {
    let backend = Backend::start();
    let port = free_port();
    let with_zpages = |setup: &Setup| {
        setup
            .text()
            .replacen(
                "extensions:\n",
                &format!("extensions:\n  zpages: {{endpoint: '127.0.0.1:{port}'}}\n  pprof:\n"),
                1,
            )
            .replace("extensions: [health_check]", "extensions: [health_check, zpages, pprof]")
    };
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let relay = Relay::start(&setup).await;
    relay.reload(&with_zpages(&setup), UPDATED).await;

    let post = |headers: &'static [(&'static str, &'static str)]| async move {
        let answer = http_request(Method::POST, port, "/reload", headers, "").await;
        (answer.status.as_u16(), answer.text())
    };
    assert_eq!(post(&[("host", "localhost")]).await, (200, "reloaded\n".to_owned()));
    assert_eq!(post(&[("host", "evil.example")]).await.0, 403, "a name that points here");
    assert_eq!(post(&[("host", "localhost"), ("origin", "http://evil.example")]).await.0, 403, "a page of the web");
    assert_eq!(http_request(Method::GET, port, "/reload", &[("host", "localhost")], "").await.status, 405);

    relay.rewrite(&with_zpages(&setup).replace("exporters: [otlp_grpc]", "exporters: [nowhere]"));
    let (status, why) = post(&[("host", "localhost")]).await;
    assert_eq!(status, 400);
    assert!(why.contains("references exporter \"nowhere\" which is not configured"), "{why}");
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 1);
}
