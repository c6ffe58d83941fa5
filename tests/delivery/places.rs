//! Which exports run while others sleep until their next try.

use std::sync::Arc;
use std::time::Duration;

use otlp_relay::config::{Queue, Retry};
use otlp_relay::delivery::Wraps;
use otlp_relay::failure::Class;
use otlp_relay::signal::Signal;
use tokio::time::{Instant, sleep_until};

use crate::bench::{Bench, Drawer, QUEUE, RETRY, Reply, payload};

const DOWN: Reply = Reply::Fail(Class::ServerUnavailable);

/// How long one attempt takes.
const TAKES: Duration = Duration::from_millis(100);

/// Sends `requests` to a backend that gives these replies, and then takes everything. How many attempts it has seen by
/// each of the seconds of `expected`.
async fn check(consumers: usize, requests: u64, replies: impl IntoIterator<Item = Reply>, expected: &[(u64, usize)]) {
    let bench = Bench::new(Some(RETRY), Some(Queue { num_consumers: consumers, ..QUEUE }));
    bench.backend.next_replies(replies);
    bench.backend.takes(TAKES);
    let start = Instant::now();
    for id in 0..requests {
        bench.send(payload([id])).await.unwrap();
    }
    for &(second, attempts) in expected {
        sleep_until(start + Duration::from_secs(second)).await;
        assert_eq!(bench.backend.attempts().len(), attempts, "attempts within {second} s");
    }
    let mut delivered = bench.backend.until_items(usize::try_from(requests).unwrap()).await.concat();
    assert_eq!(bench.backend.most_running(), consumers, "exports at a time");
    delivered.sort_unstable();
    assert_eq!(delivered, (0..requests).collect::<Vec<_>>());
    bench.lifetime.drain(Duration::from_secs(5)).await;
    let level = &bench.entry.level;
    assert_eq!((level.size(), level.in_flight(), level.waiting()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn exports_that_sleep_let_others_pass_while_the_backend_takes_data() {
    let every_third_fails = [DOWN, Reply::Take, Reply::Take].repeat(10);
    check(2, 30, every_third_fails, &[(2, 30), (5, 30), (8, 40)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_down_is_not_tried_by_all_that_waits_for_it() {
    // Three stay; ten have stepped aside before it was known.
    check(3, 100, [DOWN; 13], &[(1, 13), (5, 13)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_single_consumer_sleeps_in_its_place() {
    check(1, 10, [DOWN], &[(1, 1), (5, 1), (8, 11)]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_set_aside_as_a_dead_letter_is_no_sign_that_the_backend_takes_data() {
    // Otherwise each one that is given up would let ten more try.
    const MOST: usize = 50;
    let retry = Retry { max_elapsed_time: Some(Duration::from_secs(8)), ..RETRY };
    let wraps = Wraps { dead_letters: Some(Arc::new(Drawer::default())), ..Wraps::none() };
    let bench = Bench::with_wraps(Signal::Logs, Some(retry), Some(Queue { num_consumers: 3, ..QUEUE }), wraps);
    bench.backend.otherwise(Some(DOWN));
    for id in 0..100 {
        bench.send(payload([id])).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(12)).await;
    let attempts = bench.backend.attempts().len();
    assert!(attempts <= MOST, "{attempts} attempts");
    bench.lifetime.drain(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_single_consumer_keeps_the_order_over_failures() {
    let bench = Bench::new(Some(RETRY), Some(Queue { num_consumers: 1, ..QUEUE }));
    bench.backend.next_replies([Reply::Take, DOWN, Reply::Take, DOWN, DOWN]);
    for id in 0..10 {
        bench.send(payload([id])).await.unwrap();
    }
    assert_eq!(bench.backend.until_items(10).await.concat(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn exports_that_sleep_aside_end_with_the_relay() {
    let bench = Bench::new(Some(RETRY), Some(Queue { num_consumers: 2, ..QUEUE }));
    bench.backend.next_replies([DOWN, Reply::Take, DOWN, Reply::Take]);
    bench.backend.otherwise(Some(Reply::Hang));
    for id in 0..10 {
        bench.send(payload([id])).await.unwrap();
    }
    bench.backend.until_attempts(6).await;
    assert_eq!(bench.entry.level.in_flight(), 4, "two hang, two sleep");
    bench.lifetime.drain(Duration::from_secs(1)).await;
    assert_eq!(bench.settled.items(None), 2);
    assert_eq!(bench.settled.items(Some(Class::ShuttingDown)), 8);
    let level = &bench.entry.level;
    assert_eq!((level.size(), level.in_flight(), level.waiting()), (0, 0, 0));
}
