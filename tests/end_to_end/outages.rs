//! Does data survive a backend that is away, and does the relay wait as long as the backend asks?

use std::time::Duration;

use crate::support::backend::{Answer, Backend, gap};
use crate::support::client::{Client, Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate::{self, lean_spans};
use crate::support::relay::Relay;
use crate::support::setup::Setup;

#[tokio::test]
async fn a_backend_that_starts_late_gets_everything() {
    for wire in [Wire::Grpc, Wire::Http] {
        let mut backend = Backend::absent();
        let relay = Relay::start(&Setup::forwarding(wire, &backend, "")).await;
        let mut client = relay.client(wire, Coding::Gzip).await;
        for signal in Signal::ALL {
            for number in 0..25 {
                client.deliver(&generate::request(signal, "app", number..number + 1)).await;
            }
        }
        relay.wait_for_line(&["connection_refused"]).await;
        // The scenario itself: long enough for several rounds of retries.
        tokio::time::sleep(Duration::from_secs(2)).await;
        backend.run();
        backend.wait_for_items(100).await;
        relay.stop_without_loss().await;
        for signal in Signal::ALL {
            assert_eq!(backend.accepted_ids(signal), (0..25).collect::<Vec<_>>(), "{signal:?} over {wire:?}");
        }
    }
}

/// A request that the backend took but could not answer any more is rightly sent again; nothing else may come twice.
#[tokio::test]
async fn a_backend_that_restarts_loses_nothing() {
    for wire in [Wire::Grpc, Wire::Http] {
        let mut backend = Backend::start();
        backend.always(Answer::Slow(Duration::from_millis(20)));
        let relay = Relay::start(&Setup::forwarding(wire, &backend, "")).await;
        let mut client = relay.client(wire, Coding::None).await;
        for id in 0..300 {
            client.deliver(&lean_spans("app", id..id + 1)).await;
            if id == 100 || id == 200 {
                backend.wait_for_items(id / 2).await;
                backend.stop();
                relay.wait_for_line(&["connection_refused"]).await;
                backend.run();
            }
        }
        relay.stop_without_loss().await;
        let mut ids = backend.accepted_ids(Signal::Traces);
        let twice = ids.windows(2).filter(|pair| pair[0] == pair[1]).count();
        ids.dedup();
        assert_eq!(ids, (0..300).collect::<Vec<_>>());
        assert!(twice <= 20, "{twice} items came twice, more than were in flight at two restarts");
    }
}

#[tokio::test]
async fn a_backend_that_is_unavailable_for_a_while_gets_everything_once() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        backend.always(Answer::Unavailable);
        let relay = Relay::start(&Setup::forwarding(wire, &backend, "")).await;
        let mut client = relay.client(wire, Coding::None).await;
        for id in 0..50 {
            client.deliver(&lean_spans("app", id..id + 1)).await;
        }
        backend.wait_for_requests(60).await;
        backend.always(Answer::Accept);
        backend.wait_for_items(50).await;
        relay.stop_without_loss().await;
        assert_eq!(backend.accepted_ids(Signal::Traces), (0..50).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn retry_info_is_waited_for() {
    let delay = Duration::from_millis(700);
    check_throttle(Wire::Grpc, Answer::Throttle(delay), delay).await;
}

#[tokio::test]
async fn retry_info_makes_resource_exhausted_retryable() {
    let delay = Duration::from_millis(600);
    check_throttle(Wire::Grpc, Answer::RateLimit(delay), delay).await;
}

#[tokio::test]
async fn retry_after_of_503_is_waited_for() {
    let delay = Duration::from_secs(1);
    check_throttle(Wire::Http, Answer::Throttle(delay), delay).await;
}

#[tokio::test]
async fn retry_after_of_429_is_waited_for() {
    let delay = Duration::from_secs(1);
    check_throttle(Wire::Http, Answer::RateLimit(delay), delay).await;
}

/// Retries alone would come after 50 ms.
async fn check_throttle(wire: Wire, answer: Answer, delay: Duration) {
    let backend = Backend::start();
    backend.once(answer.clone());
    backend.once(answer);
    let relay = Relay::start(&Setup::forwarding(wire, &backend, "")).await;
    relay.client(wire, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
    backend.wait_for_items(5).await;
    relay.stop_without_loss().await;
    let records = backend.records();
    assert_eq!(records.len(), 3);
    for pair in records.windows(2) {
        let waited = gap(&pair[0], &pair[1]);
        assert!(waited >= delay, "sent after {waited:?}, before the {delay:?} that the backend asked for");
        assert!(waited < delay * 3, "sent only after {waited:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_no_retry_mends_is_not_retried() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        backend.once(Answer::Invalid);
        let relay = Relay::start(&Setup::forwarding(wire, &backend, "")).await;
        let mut client = relay.client(wire, Coding::None).await;
        client.deliver(&lean_spans("app", 0..1)).await;
        backend.wait_for_requests(1).await;
        client.deliver(&lean_spans("app", 5..7)).await;
        backend.wait_for_items(2).await;
        let ended = relay.stop().await;
        assert_eq!((ended.delivered, ended.lost), (2, 1), "{}", ended.log);
        assert_eq!(backend.records().len(), 2);
    }
}

#[tokio::test]
async fn a_refusal_that_the_configuration_calls_retryable_is_retried() {
    for (wire, code) in [(Wire::Grpc, "invalid_argument"), (Wire::Http, "400")] {
        let backend = Backend::start();
        backend.once(Answer::Invalid);
        backend.once(Answer::Invalid);
        let retry = format!("retry_on_failure: {{initial_interval: 50ms, retryable_status_codes: [{code}]}}");
        let relay = Relay::start(&Setup::forwarding(wire, &backend, &retry)).await;
        relay.client(wire, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
        backend.wait_for_items(5).await;
        assert_eq!(relay.stop_without_loss().await.delivered, 5);
        assert_eq!(backend.records().len(), 3);
    }
}

#[tokio::test]
async fn an_exporter_that_refuses_connections_never_delays_the_other() {
    check_neighbour(Backend::absent(), Fate::Counted).await;
}

#[tokio::test]
async fn an_exporter_that_hangs_never_delays_the_other() {
    let hanging = Backend::start();
    hanging.always(Answer::Hang);
    check_neighbour(hanging, Fate::Counted).await;
}

/// Without queues the sender waits for both; the healthy backend must not.
#[tokio::test]
async fn without_queues_an_exporter_that_hangs_never_delays_the_other() {
    let hanging = Backend::start();
    hanging.always(Answer::Hang);
    check_neighbour(hanging, Fate::ToldToSenders).await;
}

/// What becomes of the data of the dead exporter at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It was queued, so the senders think that all is well.
    Counted,
    /// There is no queue: the senders still wait, and are refused.
    ToldToSenders,
}

async fn check_neighbour(dead: Backend, fate: Fate) {
    let healthy = Backend::start();
    let settings = if fate == Fate::Counted { "" } else { "sending_queue: {enabled: false}" };
    let setup = Setup::new()
        .export_to("otlp_grpc/dead", Wire::Grpc, dead.grpc, settings)
        .export_to("otlp_grpc/healthy", Wire::Grpc, healthy.grpc, settings)
        .service("shutdown_timeout", "500ms");
    let relay = Relay::start(&setup).await;
    let mut senders = Vec::new();
    for id in 0..20 {
        let mut client: Client = relay.client(Wire::Grpc, Coding::None).await;
        senders.push(tokio::spawn(async move { client.send(&lean_spans("app", id..id + 1)).await.is_ok() }));
    }
    let arrived = tokio::time::timeout(Duration::from_secs(4), healthy.wait_for_items(20)).await;
    assert!(arrived.is_ok(), "only {} of 20 arrived at the healthy backend", healthy.accepted_items());
    assert_eq!(healthy.accepted_ids(Signal::Traces), (0..20).collect::<Vec<_>>());

    let ended = relay.stop().await;
    assert_eq!(ended.lost, if fate == Fate::Counted { 20 } else { 0 }, "{}", ended.log);
    for sender in senders {
        assert_eq!(sender.await.expect("a sender"), fate == Fate::Counted, "what the sender was told");
    }
}
