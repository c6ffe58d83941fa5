//! How payloads are joined and cut, and whether everything in them arrives.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use otlp_relay::config::{Acknowledge, BatchSizer, Queue, QueueBatch};
use otlp_relay::delivery::Trigger;
use otlp_relay::failure::Class;
use otlp_relay::payload::{MergeRule, Payload, Sizer};
use otlp_relay::signal::Signal;
use otlp_relay::units::Items;
use proptest::prelude::*;
use tokio::time::Instant;

use crate::bench::{Bench, QUEUE, Reply, class, payload};

/// A rule by items; the timeout is in milliseconds.
pub(crate) fn rule(owner: &str, min_size: u64, max_size: Option<u64>, timeout: u64) -> Arc<MergeRule> {
    let timeout = Duration::from_millis(timeout);
    Arc::new(MergeRule {
        owner: owner.into(),
        sizer: Sizer::Items,
        min_size,
        max_size,
        timeout,
        metadata_keys: Vec::new(),
    })
}

fn sizes(requests: &[Vec<u64>]) -> Vec<usize> {
    requests.iter().map(Vec::len).collect()
}

/// Sends `count` payloads of `each` records through `batch` 512/512: everything arrives once, in the fewest requests.
async fn check_exact(count: u64, each: u64) {
    let bench = Bench::new(None, Some(Queue { queue_size: count, ..QUEUE }));
    let rule = rule("p", 512, Some(512), 200);
    for index in 0..count {
        let payload = payload(index * each..(index + 1) * each).with_rule(Arc::clone(&rule));
        bench.send(payload).await.unwrap();
    }
    let total = count * each;
    let requests = bench.backend.until_items(total as usize).await;
    assert!(sizes(&requests).iter().all(|size| *size <= 512));
    let mut delivered = requests.concat();
    delivered.sort_unstable();
    assert_eq!(delivered, (0..total).collect::<Vec<_>>());
    assert_eq!(bench.settled.items(None), total);
    assert_eq!(requests.len() as u64, total.div_ceil(512));
}

#[tokio::test]
async fn a_hundred_thousand_small_requests_arrive_in_full_batches() {
    check_exact(100_000, 1).await;
}

#[tokio::test]
async fn large_requests_arrive_in_full_batches() {
    check_exact(20, 5000).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_when_its_time_is_up() {
    let bench = Bench::new(None, Some(QUEUE));
    let rule = rule("p", 10, None, 200);
    let start = Instant::now();
    bench.send(payload(0..3).with_rule(Arc::clone(&rule))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    bench.send(payload(3..5).with_rule(Arc::clone(&rule))).await.unwrap();
    assert_eq!(sizes(&bench.backend.until_items(5).await), [5]);
    let took = start.elapsed().as_millis();
    assert!((200..210).contains(&took), "{took} ms from the first payload");
    assert_eq!(bench.batches(), [("p".to_owned(), 5, Trigger::Timeout)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_cut_waits_for_more() {
    let bench = Bench::new(None, Some(QUEUE));
    let rule = rule("p", 10, Some(10), 200);
    let start = Instant::now();
    bench.send(payload(0..25).with_rule(Arc::clone(&rule))).await.unwrap();
    bench.backend.until_items(20).await;
    assert!(start.elapsed() < Duration::from_millis(10));
    bench.send(payload(25..27).with_rule(Arc::clone(&rule))).await.unwrap();
    let requests = bench.backend.until_items(27).await;
    assert_eq!(sizes(&requests), [10, 10, 7]);
    assert_eq!(requests.concat(), (0..27).collect::<Vec<_>>());
    let triggers: Vec<_> = bench.batches().into_iter().map(|(_, _, trigger)| trigger).collect();
    assert_eq!(triggers, [Trigger::Size, Trigger::Size, Trigger::Timeout]);
}

#[tokio::test(start_paused = true)]
async fn without_a_size_or_a_timeout_nothing_waits() {
    for rule in [rule("p", 0, Some(2), 200), rule("p", 10, Some(2), 0)] {
        let bench = Bench::new(None, Some(QUEUE));
        let start = Instant::now();
        bench.send(payload(0..3).with_rule(rule)).await.unwrap();
        assert_eq!(sizes(&bench.backend.until_items(3).await), [2, 1]);
        assert!(start.elapsed() < Duration::from_millis(10));
    }
}

#[tokio::test(start_paused = true)]
async fn two_pipelines_keep_their_own_rules() {
    let bench = Bench::new(None, Some(QUEUE));
    let (small, large) = (rule("small", 4, Some(4), 200), rule("large", 10, Some(10), 200));
    for id in 0..20 {
        bench.send(payload([id]).with_rule(Arc::clone(&small))).await.unwrap();
        bench.send(payload([100 + id]).with_rule(Arc::clone(&large))).await.unwrap();
    }
    let requests = bench.backend.until_items(40).await;
    for request in &requests {
        let expected = if request[0] < 100 { 4 } else { 10 };
        assert_eq!(request.len(), expected);
        assert!(request.iter().all(|id| (*id < 100) == (request[0] < 100)), "{request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_exporters_rule_goes_before_the_pipelines() {
    let flush_timeout = Duration::from_secs(5);
    let batch = QueueBatch {
        flush_timeout,
        min_size: 6,
        max_size: Some(9),
        sizer: BatchSizer::Items,
        metadata_keys: Vec::new(),
    };
    let bench = Bench::new(None, Some(Queue { batch: Some(batch), ..QUEUE }));
    for id in 0..6 {
        bench.send(payload([id]).with_rule(rule("p", 100, Some(4), 100))).await.unwrap();
    }
    assert_eq!(sizes(&bench.backend.until_items(4).await), [4], "the smaller limit holds");
    let start = Instant::now();
    for id in 0..7 {
        bench.send(payload([id])).await.unwrap();
    }
    assert_eq!(sizes(&bench.backend.until_items(10).await), [4, 6], "nothing of the pipeline is in it");
    bench.backend.until_items(13).await;
    assert!(flush_timeout - Duration::from_millis(1) <= start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn batches_by_bytes_keep_their_limit() {
    let max = payload(0..10).len().0;
    let batch = QueueBatch {
        flush_timeout: Duration::from_millis(200),
        min_size: max,
        max_size: Some(max),
        sizer: BatchSizer::Bytes,
        metadata_keys: Vec::new(),
    };
    let bench = Bench::new(None, Some(Queue { batch: Some(batch), ..QUEUE }));
    for index in 0..10 {
        bench.send(payload(index * 25..(index + 1) * 25)).await.unwrap();
    }
    let requests = bench.backend.until_items(250).await;
    let mut delivered = requests.concat();
    delivered.sort_unstable();
    assert_eq!(delivered, (0..250).collect::<Vec<_>>());
    assert!(requests.iter().all(|request| payload(request.iter().copied()).len().0 <= max));
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_everyone_in_a_batch_hears_its_outcome() {
    for (replies, expected) in
        [(vec![], None), (vec![Reply::Fail(Class::PermissionDenied)], Some(Class::PermissionDenied))]
    {
        let bench = Bench::new(None, None);
        bench.backend.next_replies(replies);
        let mut senders = Vec::new();
        for id in 0..3 {
            senders.push(bench.send_aside(payload([id]).with_rule(rule("p", 3, None, 60_000))).await);
        }
        for sender in senders {
            assert_eq!(class(&sender.await.unwrap()), expected);
        }
        assert_eq!(bench.settled.outcomes(), [(3, expected)]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_nobody_waits_for_the_timeout_of_the_pipeline() {
    let bench = Bench::new(None, None);
    let begun = Instant::now();
    bench.send(payload([1]).with_rule(rule("p", 8, None, 10_000))).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn rejected_items_are_counted_once_and_nobody_is_blamed_for_those_of_others() {
    for (senders, told) in [(1, 2), (3, 0)] {
        let bench = Bench::new(None, None);
        bench.backend.next_replies([Reply::Reject(2)]);
        let mut answers = Vec::new();
        for id in 0..senders {
            answers.push(bench.send_aside(payload([id]).with_rule(rule("p", senders, None, 60_000))).await);
        }
        for answer in answers {
            let receipt = answer.await.unwrap().unwrap();
            assert_eq!(receipt.rejected, Items(told));
            assert!(receipt.message.unwrap().ends_with("too old"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_cut_fails_when_one_of_its_pieces_does() {
    let bench = Bench::new(None, Some(Queue { acknowledge: Acknowledge::WhenExported, num_consumers: 1, ..QUEUE }));
    bench.backend.next_replies([Reply::Fail(Class::PermissionDenied), Reply::Fail(Class::ServerUnavailable)]);
    let outcome = bench.send(payload(0..9).with_rule(rule("p", 3, Some(3), 200))).await;
    assert_eq!(class(&outcome), Some(Class::ServerUnavailable), "the one that may be tried again is preferred");
    assert_eq!(sizes(&bench.backend.delivered()), [3]);
    assert_eq!(bench.entry.level.size(), 0);
}

/// As in the Collector, whose queue gets what its batch processor has gathered as one request.
#[tokio::test(start_paused = true)]
async fn a_queue_of_requests_counts_what_is_gathered_as_one_request() {
    let bench = Bench::new(None, Some(Queue { queue_size: 2, ..QUEUE }));
    bench.backend.close();
    for _ in 0..18 {
        assert_eq!(class(&bench.send(payload([1]).with_rule(rule("p", 9, None, 200))).await), None);
    }
    assert_eq!(bench.entry.level.size(), 2);
    let one_more = bench.send(payload([1]).with_rule(rule("p", 9, None, 200))).await;
    assert_eq!(class(&one_more), Some(Class::QueueFull));
    bench.backend.open();
    bench.backend.until_items(18).await;
}

#[tokio::test(start_paused = true)]
async fn profiles_are_never_joined() {
    let bench = Bench::carrying(Signal::Profiles, None, Some(QUEUE));
    for _ in 0..2 {
        // One profile without samples, wrapped in a resource and a scope.
        let body = Bytes::from_static(&[0x0a, 0x04, 0x12, 0x02, 0x12, 0x00]);
        let payload = Payload::parse(Signal::Profiles, body).unwrap();
        bench.send(payload.with_rule(rule("p", 100, None, 60_000))).await.unwrap();
    }
    bench.backend.until_attempts(2).await;
    assert_eq!(bench.batches(), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_sent_arrives_once_and_within_the_limits(
        sizes in proptest::collection::vec(1_u64..60, 1..40),
        min in 0_u64..40,
        spare in 0_u64..20,
        consumers in 1_usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let max = min + spare + 1;
            let bench = Bench::new(None, Some(Queue { num_consumers: consumers, ..QUEUE }));
            let rule = rule("p", min, Some(max), 200);
            let mut sent = 0;
            for size in sizes {
                bench.send(payload(sent..sent + size).with_rule(Arc::clone(&rule))).await.unwrap();
                sent += size;
                if size % 3 == 0 {
                    tokio::time::sleep(Duration::from_millis(size * 5)).await;
                }
            }
            let requests = bench.backend.until_items(sent as usize).await;
            assert!(requests.iter().all(|request| request.len() as u64 <= max), "{requests:?} of {max}");
            let mut delivered = requests.concat();
            delivered.sort_unstable();
            assert_eq!(delivered, (0..sent).collect::<Vec<_>>());
            bench.lifetime.drain(Duration::from_secs(1)).await;
            assert_eq!(bench.entry.level.size(), 0);
        });
    }
}
