//! Whether the sums are right when several threads use one chain.

use std::sync::Arc;
use std::time::Duration;

use otlp_relay::config::{Overflow, Queue, QueueSizer, Retry};
use otlp_relay::failure::Class;
use otlp_relay::payload::MergeRule;

use crate::batch::rule;
use crate::bench::{Bench, QUEUE, RETRY, Reply, payload};

const SENDERS: u64 = 4;
const REQUESTS: u64 = 500;

/// Each sender sends requests of one to seven records by rules of its own and of all; says how many records that were.
async fn send_all(bench: &Arc<Bench>) -> u64 {
    let shared = rule("shared", 20, Some(30), 5);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let rules = [Arc::clone(&shared), rule(&format!("own {sender}"), 16, Some(16), 5)];
            tokio::spawn(send(Arc::clone(bench), sender, rules))
        })
        .collect();
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    sent
}

async fn send(bench: Arc<Bench>, sender: u64, [shared, own]: [Arc<MergeRule>; 2]) -> u64 {
    let mut sent = 0;
    for request in 0..REQUESTS {
        let size = 1 + (request * 5 + sender) % 7;
        let first = sender * 1_000_000 + sent;
        let payload = payload(first..first + size);
        let payload = match request % 3 {
            0 => payload,
            1 => payload.with_rule(Arc::clone(&shared)),
            _ => payload.with_rule(Arc::clone(&own)),
        };
        bench.send(payload).await.unwrap();
        sent += size;
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn senders_on_several_threads_lose_and_double_nothing() {
    let settings =
        Queue { num_consumers: 3, queue_size: 100, sizer: QueueSizer::Items, overflow: Overflow::Block, ..QUEUE };
    let retry = Retry { initial_interval: Duration::from_millis(1), ..RETRY };
    let bench = Arc::new(Bench::new(Some(retry), Some(settings)));
    bench.backend.next_replies([Reply::Fail(Class::ServerUnavailable); 50]);
    let sent = send_all(&bench).await;
    bench.lifetime.drain(Duration::from_secs(20)).await;
    let mut delivered = bench.backend.delivered().concat();
    assert_eq!(delivered.len() as u64, sent);
    delivered.sort_unstable();
    delivered.dedup();
    assert_eq!(delivered.len() as u64, sent);
    assert_eq!(bench.settled.items(None), sent);
    assert!(bench.backend.most_running() <= 3);
    assert_eq!(bench.entry.level.size(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_abort_counts_what_several_threads_left_behind() {
    let settings = Queue { num_consumers: 3, queue_size: 10_000, ..QUEUE };
    let bench = Arc::new(Bench::new(Some(RETRY), Some(settings)));
    bench.backend.next_replies([Reply::Reject(0); 40]);
    bench.backend.otherwise(Some(Reply::Fail(Class::ServerUnavailable)));
    let sent = send_all(&bench).await;
    bench.lifetime.drain(Duration::from_millis(100)).await;
    let (delivered, dropped) = (bench.settled.items(None), bench.settled.items(Some(Class::ShuttingDown)));
    assert_eq!(delivered + dropped, sent);
    assert!(0 < delivered && 0 < dropped);
    assert_eq!(bench.entry.level.size(), 0);
}
