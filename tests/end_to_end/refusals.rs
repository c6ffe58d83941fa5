//! What does a sender hear when its data cannot be taken, or when it waits for the result?

use std::time::Duration;

use tonic_types::StatusExt;

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Client, Coding, Refusal, Wire};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

#[tokio::test]
async fn a_full_queue_says_unavailable_and_when_to_come_back() {
    let backend = Backend::start();
    backend.always(Answer::Hang);
    let settings = "sending_queue: {queue_size: 2, num_consumers: 1}";
    let setup = Setup::forwarding(Wire::Grpc, &backend, settings).service("shutdown_timeout", "200ms");
    let relay = Relay::start(&setup).await;
    for wire in [Wire::Grpc, Wire::Http] {
        let mut client = relay.client(wire, Coding::None).await;
        let refusal = fill(&mut client).await;
        assert!(refusal.is_retryable(), "{refusal:?}");
        match refusal {
            Refusal::Grpc(status) => {
                assert!(status.message().contains("sending queue is full"), "{status:?}");
                assert!(status.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some()), "{status:?}");
            }
            Refusal::Http(answer) => {
                assert_eq!(answer.status, 503);
                assert!(answer.header("retry-after").is_some_and(|delay| delay.parse::<u64>().is_ok()), "{answer:?}");
            }
            Refusal::Broken(broken) => panic!("{broken:?}"),
        }
    }
    let metrics = relay.metrics().await;
    assert!(metrics.value("otelcol_exporter_enqueue_failed_spans", &[]) >= 2.0);
    assert!(metrics.value("otelcol_receiver_refused_spans", &[]) >= 2.0);
    relay.stop().await;
}

/// Sends until the queue is full.
async fn fill(client: &mut Client) -> Refusal {
    for id in 0..10 {
        if let Err(refusal) = client.send(&lean_spans("app", id..id + 1)).await {
            return refusal;
        }
    }
    panic!("a queue of two took ten requests");
}

#[tokio::test]
async fn a_sender_that_waits_for_the_result_hears_the_backend() {
    check_result("sending_queue: {wait_for_result: true}").await;
}

#[tokio::test]
async fn a_sender_without_a_queue_hears_the_backend() {
    check_result("sending_queue: {enabled: false}").await;
}

async fn check_result(settings: &str) {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        let settings = format!("{settings}, retry_on_failure: {{enabled: false}}");
        let relay = Relay::start(&Setup::forwarding(wire, &backend, &settings)).await;
        let mut client = relay.client(wire, Coding::None).await;
        client.deliver(&lean_spans("app", 0..1)).await;
        assert_eq!(backend.accepted_items(), 1, "the answer came after the delivery");

        backend.once(Answer::Invalid);
        let refusal = client.send(&lean_spans("app", 1..2)).await.expect_err("invalid");
        assert_eq!(code(&refusal), if wire == Wire::Grpc { 3 } else { 400 }, "{refusal:?}");
        backend.once(Answer::Unavailable);
        let refusal = client.send(&lean_spans("app", 2..3)).await.expect_err("unavailable");
        assert_eq!(code(&refusal), if wire == Wire::Grpc { 14 } else { 503 }, "{refusal:?}");
        relay.stop().await;
    }
}

fn code(refusal: &Refusal) -> i32 {
    match refusal {
        Refusal::Grpc(status) => status.code() as i32,
        Refusal::Http(answer) => i32::from(answer.status.as_u16()),
        Refusal::Broken(broken) => panic!("{broken:?}"),
    }
}

/// The queue has room for one; the others wait for it instead of being refused.
#[tokio::test]
async fn with_block_on_overflow_senders_wait_for_room() {
    let backend = Backend::start();
    backend.always(Answer::Slow(Duration::from_millis(20)));
    let settings = "sending_queue: {queue_size: 1, num_consumers: 1, block_on_overflow: true}";
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, settings)).await;
    let mut senders = Vec::new();
    for id in 0..10 {
        let mut client = relay.client(Wire::Grpc, Coding::None).await;
        senders.push(tokio::spawn(async move { client.deliver(&lean_spans("app", id..id + 1)).await }));
    }
    for sender in senders {
        sender.await.expect("taken in the end");
    }
    relay.stop_without_loss().await;
    assert_eq!(backend.accepted_items(), 10);
}
