//! What a queue takes, refuses and answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use otlp_relay::config::{Acknowledge, Overflow, Queue, QueueSizer};
use otlp_relay::delivery::Wraps;
use otlp_relay::failure::Class;
use otlp_relay::flow::{Custody, Receipt};
use otlp_relay::signal::Signal;

use crate::bench::{Bench, QUEUE, Reply, class, exporter, payload};

fn queue(queue_size: u64, sizer: QueueSizer) -> Queue {
    Queue { queue_size, sizer, ..QUEUE }
}

#[tokio::test]
async fn the_sender_is_answered_before_the_data_is_delivered() {
    let bench = Bench::new(None, Some(QUEUE));
    bench.backend.close();
    assert_eq!(bench.send(payload([1])).await.unwrap(), Receipt::held());
    assert_eq!(bench.entry.level.size(), 1);
    bench.backend.open();
    assert_eq!(bench.backend.until_items(1).await, [[1]]);
}

/// A queue of this size takes one request of two records, and refuses a second one until the first is delivered.
async fn check_full(queue_size: u64, sizer: QueueSizer) {
    let bench = Bench::new(None, Some(queue(queue_size, sizer)));
    bench.backend.close();
    assert_eq!(class(&bench.send(payload([1, 2])).await), None);
    assert_eq!(class(&bench.send(payload([3, 4])).await), Some(Class::QueueFull), "{sizer:?}");
    bench.backend.open();
    bench.backend.until_items(2).await;
    while bench.entry.level.size() != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(class(&bench.send(payload([3, 4])).await), None);
    bench.backend.until_items(4).await;
}

#[tokio::test]
async fn a_full_queue_refuses_and_then_recovers() {
    check_full(1, QueueSizer::Requests).await;
    check_full(3, QueueSizer::Items).await;
    check_full(payload([1, 2]).len().0 + 1, QueueSizer::Bytes).await;
}

#[tokio::test]
async fn a_request_larger_than_the_whole_queue_is_refused_for_good() {
    for (size, sizer) in [(1, QueueSizer::Items), (payload([1, 2]).len().0 - 1, QueueSizer::Bytes)] {
        for overflow in [Overflow::Refuse, Overflow::Block] {
            let bench = Bench::new(None, Some(Queue { overflow, ..queue(size, sizer) }));
            assert_eq!(class(&bench.send(payload([1, 2])).await), Some(Class::TooLargeForQueue));
        }
    }
}

#[tokio::test]
async fn blocked_senders_are_let_in_in_order() {
    let settings = Queue { overflow: Overflow::Block, num_consumers: 1, ..queue(2, QueueSizer::Items) };
    let bench = Bench::new(None, Some(settings));
    bench.backend.close();
    bench.send(payload([1, 2])).await.unwrap();
    let mut senders = Vec::new();
    for ids in [vec![3, 4], vec![5], vec![6], vec![7, 8]] {
        senders.push(bench.send_aside(payload(ids)).await);
    }
    assert!(senders.iter().all(|sender| !sender.is_finished()));
    bench.backend.open();
    for sender in senders {
        assert_eq!(sender.await.unwrap().unwrap(), Receipt::held());
    }
    assert_eq!(bench.backend.until_items(8).await.concat(), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn a_blocked_sender_that_goes_away_leaves_nothing_behind() {
    let bench = Bench::new(None, Some(Queue { overflow: Overflow::Block, ..queue(1, QueueSizer::Requests) }));
    bench.backend.close();
    bench.send(payload([1])).await.unwrap();
    let gone = bench.send_aside(payload([2])).await;
    let patient = bench.send_aside(payload([3])).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    bench.backend.open();
    patient.await.unwrap().unwrap();
    assert_eq!(bench.backend.until_items(2).await.concat(), [1, 3]);
    bench.lifetime.drain(Duration::from_secs(5)).await;
    assert_eq!(bench.entry.level.size(), 0);
}

#[tokio::test]
async fn with_wait_for_result_the_sender_hears_the_outcome() {
    let bench = Bench::new(None, Some(Queue { acknowledge: Acknowledge::WhenExported, ..QUEUE }));
    bench.backend.next_replies([Reply::Fail(Class::PermissionDenied)]);
    assert_eq!(class(&bench.send(payload([1])).await), Some(Class::PermissionDenied));
    assert_eq!(bench.send(payload([2])).await.unwrap().custody, Custody::Delivered(exporter()));
}

#[tokio::test]
async fn without_a_queue_the_sender_hears_the_outcome() {
    let bench = Bench::new(None, None);
    bench.backend.next_replies([Reply::Fail(Class::PermissionDenied)]);
    assert_eq!(class(&bench.send(payload([1])).await), Some(Class::PermissionDenied));
    assert_eq!(class(&bench.send(payload([2])).await), None);
    assert_eq!(bench.entry.level.capacity(), None);
}

#[tokio::test]
async fn one_consumer_keeps_the_order() {
    let bench = Bench::new(None, Some(Queue { num_consumers: 1, ..QUEUE }));
    for id in 0..100 {
        bench.send(payload([id])).await.unwrap();
    }
    let delivered = bench.backend.until_items(100).await;
    assert_eq!(delivered.concat(), (0..100).collect::<Vec<_>>());
    assert_eq!(bench.backend.most_running(), 1);
}

#[tokio::test]
async fn not_more_exports_run_than_there_are_consumers() {
    let bench = Bench::new(None, Some(Queue { num_consumers: 3, ..QUEUE }));
    bench.backend.close();
    for id in 0..10 {
        bench.send(payload([id])).await.unwrap();
    }
    bench.backend.until_attempts(3).await;
    let level = &bench.entry.level;
    assert_eq!((level.size(), level.in_flight(), level.waiting()), (10, 3, 7));
    assert!(level.oldest_waiting().is_some());
    bench.backend.open();
    bench.backend.until_items(10).await;
    assert_eq!(bench.backend.most_running(), 3);
    bench.lifetime.drain(Duration::from_secs(5)).await;
    assert_eq!((level.size(), level.in_flight(), level.waiting()), (0, 0, 0));
    assert_eq!(level.oldest_waiting(), None);
}

#[tokio::test]
async fn an_exporter_that_panics_costs_its_request_and_no_more() {
    let settings = Queue { num_consumers: 1, acknowledge: Acknowledge::WhenExported, ..QUEUE };
    let bench = Bench::new(Some(crate::bench::RETRY), Some(settings));
    bench.backend.next_replies([Reply::Panic]);
    assert_eq!(class(&bench.send(payload([1])).await), Some(Class::Panicked));
    assert_eq!(class(&bench.send(payload([2])).await), None);
    assert_eq!(bench.settled.outcomes(), [(1, Some(Class::Panicked)), (1, None)]);
    assert_eq!(bench.entry.level.size(), 0);
}

#[tokio::test]
async fn a_panic_of_any_other_stage_does_not_cost_the_consumer_either() {
    let queue = Queue { num_consumers: 1, acknowledge: Acknowledge::WhenExported, ..QUEUE };
    let panicked = AtomicBool::new(false);
    let settled = Box::new(move |_, _: &_| assert!(panicked.swap(true, Ordering::SeqCst), "the first payload"));
    let wraps = Wraps { settled, ..Wraps::none() };
    let entry = Bench::with_wraps(Signal::Logs, None, Some(queue), wraps).entry;
    assert_eq!(class(&entry.queued.consume(payload([1])).await), Some(Class::Panicked));
    assert_eq!(class(&entry.queued.consume(payload([2])).await), None);
    assert_eq!(entry.level.size(), 0);
}

#[tokio::test]
async fn the_direct_way_passes_the_queue() {
    let bench = Bench::new(None, Some(queue(1, QueueSizer::Requests)));
    bench.backend.next_replies([Reply::Fail(Class::ServerUnavailable)]);
    let outcome = bench.entry.direct.consume(payload([1])).await;
    assert_eq!(class(&outcome), Some(Class::ServerUnavailable));
    assert_eq!(bench.settled.outcomes(), [(1, Some(Class::ServerUnavailable))]);
}
