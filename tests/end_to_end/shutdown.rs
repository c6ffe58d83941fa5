//! Does a stop end in time, with everything accepted delivered or counted?

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Client, Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::relay::{Ended, Relay};
use crate::support::setup::Setup;

/// Spans of one request under load.
const SIZE: u64 = 10;

#[tokio::test]
async fn a_stop_under_load_delivers_what_was_accepted() {
    let backend = Backend::start();
    backend.always(Answer::Slow(Duration::from_millis(30)));
    let (acknowledged, ended) = stop_under_load(&backend, "").await;
    check_accounts(&backend, &acknowledged, &ended);
    assert_eq!(ended.lost, 0, "30 ms for each request leave time enough: {}", ended.log);
}

/// Ten requests at a time, a second each: the queue cannot be emptied in the second that is left.
#[tokio::test]
async fn a_stop_with_too_little_time_counts_what_is_lost() {
    let backend = Backend::start();
    backend.always(Answer::Slow(Duration::from_millis(900)));
    let (acknowledged, ended) = stop_under_load(&backend, "shutdown_timeout").await;
    check_accounts(&backend, &acknowledged, &ended);
    assert!(ended.lost > 0, "{}", ended.log);
}

#[tokio::test]
async fn a_stop_with_a_batch_half_full_sends_it() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "").processor("batch", "timeout: 60s, send_batch_size: 8192");
    let relay = Relay::start(&setup).await;
    relay.client(Wire::Http, Coding::None).await.deliver(&lean_spans("app", 0..7)).await;
    let ended = relay.stop_without_loss().await;
    assert_eq!(ended.delivered, 7);
    assert_eq!(backend.accepted_ids(Signal::Traces), (0..7).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stop_while_the_backend_hangs_ends_in_time() {
    let backend = Backend::start();
    backend.always(Answer::Hang);
    let setup = Setup::forwarding(Wire::Http, &backend, "timeout: 60s").service("shutdown_timeout", "1s");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..30 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    backend.wait_for_requests(1).await;
    let asked = Instant::now();
    let ended = relay.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(4), "the grace period of 1 s took {:?}", asked.elapsed());
    assert_eq!((ended.delivered, ended.lost), (0, 30), "{}", ended.log);
}

#[tokio::test]
async fn an_interrupt_stops_as_sigterm_does() {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..3)).await;
    relay.signal("INT");
    let ended = relay.end().await;
    assert_eq!((ended.delivered, ended.lost), (3, 0), "{}", ended.log);
}

/// Sends from four connections until the relay refuses; stops it once 200 requests were acknowledged.
async fn stop_under_load(backend: &Backend, short: &str) -> (BTreeSet<u64>, Ended) {
    let mut setup = Setup::forwarding(Wire::Grpc, backend, "sending_queue: {queue_size: 500}");
    if !short.is_empty() {
        setup = setup.service(short, "1s");
    }
    let relay = Relay::start(&setup).await;
    let (progress, mut acknowledged) = tokio::sync::watch::channel(0);
    let mut senders = Vec::new();
    for number in 0..4 {
        let client = relay.client(Wire::Grpc, Coding::None).await;
        senders.push(tokio::spawn(send_until_refused(client, number << 32, progress.clone())));
    }
    acknowledged.wait_for(|count| *count >= 200).await.expect("the senders run");
    let ended = relay.stop().await;
    let mut ids = BTreeSet::new();
    for sender in senders {
        ids.append(&mut sender.await.expect("a sender"));
    }
    (ids, ended)
}

/// The ids that were acknowledged. A full queue is no reason to stop, a connection that ended is.
async fn send_until_refused(
    mut client: Client,
    first: u64,
    progress: tokio::sync::watch::Sender<u64>,
) -> BTreeSet<u64> {
    let mut ids = BTreeSet::new();
    for start in (first..first + 1_000_000).step_by(SIZE as usize) {
        match client.send(&lean_spans("app", start..start + SIZE)).await {
            Ok(_) => {
                ids.extend(start..start + SIZE);
                progress.send_modify(|count| *count += 1);
            }
            Err(refusal) if format!("{refusal:?}").contains("queue") => {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Err(_) => break,
        }
    }
    ids
}

/// Every acknowledged item is at the backend, or among those that the last line counts.
fn check_accounts(backend: &Backend, acknowledged: &BTreeSet<u64>, ended: &Ended) {
    let arrived: BTreeSet<u64> = backend.accepted_ids(Signal::Traces).into_iter().collect();
    let missing = acknowledged.difference(&arrived).count() as u64;
    assert!(missing <= ended.lost + ended.kept, "{missing} items are missing, {} are counted", ended.lost);
    assert!(ended.delivered <= arrived.len() as u64, "{} delivered, {} arrived", ended.delivered, arrived.len());
    let counted = ended.delivered + ended.lost + ended.kept;
    assert!(counted >= acknowledged.len() as u64, "{counted} counted of {} acknowledged", acknowledged.len());
}
