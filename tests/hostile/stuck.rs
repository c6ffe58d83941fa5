//! Does something that is stuck, or panics, hold up anything but itself?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use otlp_relay::flow::{Consume, Consumed, Drained, FanOut, Lifetime, Next, Receipt, Workers, count_panics, panics};
use otlp_relay::payload::Payload;
use otlp_relay::signal;

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// How a stage misbehaves.
#[derive(Clone, Copy)]
enum Misdeed {
    Panics,
    NeverEnds,
    /// The thread that it is on does nothing else for so long.
    Blocks(Duration),
}

struct Misbehaving(Misdeed);

impl Consume for Misbehaving {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        let misdeed = self.0;
        Box::pin(async move {
            match misdeed {
                Misdeed::Panics => panic!("a stage of a test"),
                Misdeed::NeverEnds => std::future::pending().await,
                Misdeed::Blocks(time) => std::thread::sleep(time),
            }
            Ok(Receipt::held())
        })
    }
}

struct Counting(AtomicUsize);

impl Consume for Counting {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Receipt::held()) })
    }
}

fn payload() -> Payload {
    let body = lean_spans("app", 0..1).encode();
    Payload::parse(signal::Signal::Traces, Bytes::from(body)).unwrap()
}

/// Beside a stage with a `misdeed` another one gets its data, and a drain ends as it should, in time.
async fn check_beside(misdeed: Misdeed, expected: Drained) {
    let (workers, lifetime) = (Workers::start_many(2).unwrap(), Lifetime::new());
    let good = Arc::new(Counting(AtomicUsize::new(0)));
    let branches: Vec<Next> = vec![good.clone(), Arc::new(Misbehaving(misdeed))];
    let both = FanOut::over(branches, &lifetime);
    let aborted = lifetime.clone();
    lifetime.spawn_on(workers.next(), "request", async move {
        tokio::select! {
            _ = both.consume(payload()) => {}
            () = aborted.aborted() => {}
        }
    });
    let begun = Instant::now();
    while good.0.load(Ordering::SeqCst) == 0 && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(good.0.load(Ordering::SeqCst), 1, "the good one has its data");
    let begun = Instant::now();
    // A panic tells its way through the stack, which takes a while.
    let grace = if expected == Drained::Clean { Duration::from_secs(3) } else { Duration::from_millis(300) };
    assert_eq!(lifetime.drain(grace).await, expected);
    drop(workers);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_stage_that_panics_is_counted_and_costs_only_its_own_request() {
    count_panics();
    let before = panics();
    check_beside(Misdeed::Panics, Drained::Clean).await;
    assert!(before < panics());
}

#[tokio::test]
async fn a_stage_that_never_ends_is_interrupted_when_the_grace_is_over() {
    check_beside(Misdeed::NeverEnds, Drained::Abandoned).await;
}

#[tokio::test]
async fn a_stage_that_blocks_its_thread_is_left_behind_when_the_grace_is_over() {
    check_beside(Misdeed::Blocks(Duration::from_secs(8)), Drained::Abandoned).await;
}

/// A panic in one task leaves the thread that it was on to the others.
#[tokio::test]
async fn a_worker_goes_on_behind_a_panic() {
    let (workers, lifetime) = (Workers::start_many(1).unwrap(), Lifetime::new());
    for _ in 0..10 {
        lifetime.spawn_on(workers.next(), "bad", async { panic!("a task of a test") });
        workers.next().spawn(async { panic!("a task that nobody watches") });
    }
    let (done, ended) = tokio::sync::oneshot::channel();
    lifetime.spawn_on(workers.next(), "good", async move { done.send(()).unwrap() });
    assert!(tokio::time::timeout(Duration::from_secs(5), ended).await.is_ok());
    assert_eq!(lifetime.drain(Duration::from_secs(5)).await, Drained::Clean);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_backend_holds_up_neither_a_reload_nor_the_end() {
    let (silent, other) = (Backend::start(), Backend::start());
    silent.always(Answer::Hang);
    let setup = Setup::forwarding(Wire::Grpc, &silent, "timeout: 0s, sending_queue: {num_consumers: 2}");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..20 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    let begun = Instant::now();
    let next = Setup::new().in_place_of(&setup).export_to("otlp_http", Wire::Http, other.http, "");
    relay.reload(&next.text(), "Config updated").await;
    assert!(begun.elapsed() < Duration::from_secs(5), "the reload took {:?}", begun.elapsed());
    client.deliver(&lean_spans("app", 100..101)).await;
    other.wait_for_items(1).await;
    assert_eq!(other.accepted_ids(Signal::Traces).into_iter().collect::<Vec<_>>(), [100]);
    let begun = Instant::now();
    let ended = relay.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(11), "the end took {:?}", begun.elapsed());
    assert_eq!(ended.kept + ended.lost, 20, "what the silent backend did not take is told: {}", ended.log);
}
