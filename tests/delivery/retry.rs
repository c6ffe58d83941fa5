//! When a failed export is tried again, and when it is given up.

use std::time::Duration;

use otlp_relay::config::{Acknowledge, Queue, Retry};
use otlp_relay::failure::{self, Class, Failure};
use tokio::time::Instant;

use crate::bench::{Bench, QUEUE, RETRY, Reply, class, payload};

/// Sends one payload to a backend that gives these replies, and says when the attempts were, in seconds.
async fn check(retry: Option<Retry>, replies: &[Reply], expected: &[f64], outcome: Option<Class>) {
    let bench = Bench::new(retry, None);
    bench.backend.next_replies(replies.iter().copied());
    let start = Instant::now();
    assert_eq!(class(&bench.send(payload([1])).await), outcome);
    let seconds = bench.backend.attempts().into_iter().map(|at| (at - start).as_secs_f64());
    let seconds: Vec<f64> = seconds.map(|at| (at * 10.0).round() / 10.0).collect();
    assert_eq!(seconds, expected);
    assert_eq!(bench.settled.outcomes(), [(1, outcome)], "one final outcome");
}

const DOWN: Reply = Reply::Fail(Class::ServerUnavailable);

#[tokio::test(start_paused = true)]
async fn failures_that_may_pass_are_tried_again_by_the_schedule() {
    check(Some(RETRY), &[DOWN, DOWN, DOWN, DOWN], &[0.0, 5.0, 12.5, 23.8, 40.6], None).await;
}

#[tokio::test(start_paused = true)]
async fn final_failures_are_not_tried_again() {
    check(Some(RETRY), &[Reply::Fail(Class::InvalidData)], &[0.0], Some(Class::InvalidData)).await;
    check(None, &[DOWN], &[0.0], Some(Class::ServerUnavailable)).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_asks_for_a_pause_is_given_it() {
    let wait = |seconds| Reply::FailFor(Class::RateLimited, failure::Retry::After(Duration::from_secs(seconds)));
    check(Some(RETRY), &[wait(2), wait(20)], &[0.0, 5.0, 25.0], None).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_asks_for_a_pause_is_given_it_by_everyone() {
    let bench = Bench::new(Some(RETRY), Some(QUEUE));
    bench.backend.next_replies([Reply::FailFor(Class::RateLimited, failure::Retry::After(Duration::from_secs(9)))]);
    let start = Instant::now();
    bench.send(payload([1])).await.unwrap();
    bench.backend.until_attempts(1).await;
    for id in 2..5 {
        bench.send(payload([id])).await.unwrap();
    }
    bench.backend.until_items(4).await;
    let seconds: Vec<u64> = bench.backend.attempts().into_iter().map(|at| (at - start).as_secs()).collect();
    assert_eq!(seconds, [0, 9, 9, 9, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_the_budget_is_waited_for_once() {
    let reply = Reply::FailFor(Class::RateLimited, failure::Retry::After(Duration::from_secs(400)));
    check(Some(RETRY), &[reply], &[0.0, 400.0], None).await;
    check(Some(RETRY), &[reply, reply], &[0.0, 400.0], Some(Class::RateLimited)).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_must_mend_is_tried_at_the_longest_interval() {
    check(Some(RETRY), &[Reply::Fail(Class::GrpcToHttp1Port)], &[0.0, 30.0], None).await;
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_when_the_budget_is_used_up() {
    let short = Retry { max_elapsed_time: Some(Duration::from_secs(20)), ..RETRY };
    check(Some(short), &[DOWN; 9], &[0.0, 5.0, 12.5], Some(Class::ServerUnavailable)).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_it_never_gives_up() {
    let bench = Bench::new(Some(Retry { max_elapsed_time: None, ..RETRY }), Some(QUEUE));
    bench.backend.next_replies([DOWN; 200]);
    bench.send(payload([1])).await.unwrap();
    bench.backend.until_items(1).await;
    assert_eq!(bench.backend.attempts().len(), 201);
}

#[tokio::test(start_paused = true)]
async fn a_drain_wakes_those_who_sleep_and_hurries_them() {
    let bench = Bench::new(Some(RETRY), None);
    bench.backend.next_replies([DOWN; 4]);
    let sender = bench.send_aside(payload([1])).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.backend.attempts().len(), 1);
    let start = Instant::now();
    bench.lifetime.end_intake();
    sender.await.unwrap().unwrap();
    let took = start.elapsed();
    assert!(Duration::from_secs(3) <= took && took < Duration::from_millis(3100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn not_even_a_drain_sends_earlier_than_the_backend_asked() {
    let bench = Bench::new(Some(RETRY), None);
    let wait = Reply::FailFor(Class::RateLimited, failure::Retry::After(Duration::from_secs(3)));
    bench.backend.next_replies([wait, wait]);
    let sender = bench.send_aside(payload([1])).await;
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.lifetime.end_intake();
    sender.await.unwrap().unwrap();
    let took = start.elapsed();
    assert!(Duration::from_secs(6) <= took && took < Duration::from_millis(6100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_interrupted_names_its_last_failure() {
    let settings = Queue { acknowledge: Acknowledge::WhenExported, ..QUEUE };
    let bench = Bench::new(Some(RETRY), Some(settings));
    bench.backend.otherwise(Some(DOWN));
    let sender = bench.send_aside(payload([1])).await;
    bench.lifetime.drain(Duration::from_secs(2)).await;
    let failure = sender.await.unwrap().unwrap_err();
    assert_eq!(failure.class(), Class::ShuttingDown);
    let source = std::error::Error::source(&failure).and_then(|source| source.downcast_ref::<Failure>());
    assert_eq!(source.map(Failure::class), Some(Class::ServerUnavailable));
}
