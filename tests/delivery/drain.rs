//! What becomes of data that is held when the relay stops.

use std::time::Duration;

use otlp_relay::config::{Acknowledge, Overflow, Queue};
use otlp_relay::failure::Class;
use otlp_relay::flow::Drained;

use crate::batch::rule;
use crate::bench::{Bench, QUEUE, RETRY, Reply, class, payload};

const GRACE: Duration = Duration::from_secs(8);

#[tokio::test(start_paused = true)]
async fn a_drain_delivers_everything_that_is_held() {
    let bench = Bench::new(Some(RETRY), Some(Queue { num_consumers: 2, ..QUEUE }));
    bench.backend.next_replies([Reply::Fail(Class::ServerUnavailable); 3]);
    for id in 0..50 {
        bench.send(payload([id]).with_rule(rule("p", 8, Some(8), 60_000))).await.unwrap();
        bench.send(payload([100 + id])).await.unwrap();
    }
    assert_eq!(bench.lifetime.drain(GRACE).await, Drained::Clean);
    let mut delivered = bench.backend.delivered().concat();
    delivered.sort_unstable();
    assert_eq!(delivered, (0..50).chain(100..150).collect::<Vec<_>>());
    assert_eq!(bench.settled.items(None), 100);
}

#[tokio::test(start_paused = true)]
async fn an_abort_counts_everything_exactly_once() {
    for (retry, reply) in
        [(None, Reply::Hang), (Some(RETRY), Reply::Hang), (Some(RETRY), Reply::Fail(Class::BadGateway))]
    {
        let bench = Bench::new(retry, Some(Queue { num_consumers: 3, ..QUEUE }));
        bench.backend.otherwise(Some(reply));
        for id in 0..500 {
            bench.send(payload([id]).with_rule(rule("p", 8, Some(8), 60_000))).await.unwrap();
            bench.send(payload([1000 + id])).await.unwrap();
        }
        assert_eq!(bench.lifetime.drain(GRACE).await, Drained::Abandoned);
        assert_eq!(bench.settled.items(Some(Class::ShuttingDown)), 1000, "{reply:?}");
        assert_eq!(bench.settled.items(None), 0);
        assert_eq!(bench.entry.level.size(), 0);
        assert_eq!(class(&bench.send(payload([1])).await), Some(Class::ShuttingDown));
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_abort_leaves_behind_is_counted_in_few_pieces() {
    let bench = Bench::new(None, Some(Queue { num_consumers: 3, queue_size: 10_000, ..QUEUE }));
    bench.backend.otherwise(Some(Reply::Hang));
    for id in 0..10_000 {
        bench.send(payload([id])).await.unwrap();
    }
    assert_eq!(bench.lifetime.drain(GRACE).await, Drained::Abandoned);
    assert_eq!(bench.settled.items(Some(Class::ShuttingDown)), 10_000);
    assert_eq!(bench.entry.level.size(), 0);
    let pieces = bench.settled.outcomes().len();
    assert!(pieces < 20, "{pieces}");
}

#[tokio::test(start_paused = true)]
async fn an_abort_answers_everyone_who_waits() {
    let settings = Queue { queue_size: 1, overflow: Overflow::Block, acknowledge: Acknowledge::WhenExported, ..QUEUE };
    let bench = Bench::new(None, Some(settings));
    bench.backend.otherwise(Some(Reply::Hang));
    let exported = bench.send_aside(payload([1])).await;
    let blocked = bench.send_aside(payload([2])).await;
    assert_eq!(bench.lifetime.drain(GRACE).await, Drained::Abandoned);
    assert_eq!(class(&exported.await.unwrap()), Some(Class::ShuttingDown));
    assert_eq!(class(&blocked.await.unwrap()), Some(Class::ShuttingDown));
    assert_eq!(bench.settled.outcomes(), [(1, Some(Class::ShuttingDown))], "the blocked one was never taken in");
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_relay_drains_is_sent_without_waiting_for_more() {
    let bench = Bench::new(None, Some(QUEUE));
    bench.lifetime.end_intake();
    let start = tokio::time::Instant::now();
    bench.send(payload([1]).with_rule(rule("p", 8, Some(8), 60_000))).await.unwrap();
    bench.backend.until_items(1).await;
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_relay_drains_gathers_until_a_consumer_is_free() {
    let bench = Bench::new(None, Some(Queue { num_consumers: 1, ..QUEUE }));
    bench.backend.close();
    bench.lifetime.end_intake();
    let batched = |id| payload([id]).with_rule(rule("p", 8, Some(8), 60_000));
    bench.send(batched(0)).await.unwrap();
    bench.backend.until_attempts(1).await;
    for id in 1..13 {
        bench.send(batched(id)).await.unwrap();
    }
    bench.backend.open();
    assert_eq!(bench.lifetime.drain(GRACE).await, Drained::Clean);
    let sizes: Vec<usize> = bench.backend.delivered().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 8, 4]);
}
