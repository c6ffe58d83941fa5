//! When another exporter takes over, what it is given, and when the first one is back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use otlp_relay::config::{Delivery, Queue, Retry};
use otlp_relay::delivery::{ChainSettings, Entry, Look, Target, Targets, Thresholds, Wraps, chain};
use otlp_relay::failure::{self, Class};
use otlp_relay::flow::{Lifetime, Next};
use otlp_relay::signal::Signal;
use proptest::prelude::*;
use tokio::time::Instant;

use crate::bench::{Backend, QUEUE, RETRY, Reply, Tally, class, exporter, payload};

const THRESHOLDS: Thresholds = Thresholds {
    max_consecutive_failures: 5,
    max_outage: Some(Duration::from_secs(30)),
    retry_interval: Duration::from_secs(30),
};

/// One try a second, for ever.
const STEADY: Retry = Retry {
    initial_interval: Duration::from_secs(1),
    multiplier: 1.0,
    max_interval: Duration::from_secs(1),
    max_elapsed_time: None,
    ..RETRY
};

const REFUSED: Reply = Reply::Fail(Class::ConnectionRefused);

/// When a switch was, and to which target.
type Heard = (Instant, Option<usize>);

/// A primary and a standby, and what is told of them.
struct Rig {
    entry: Entry,
    primary: Arc<Backend>,
    standby: Arc<Backend>,
    settled: Arc<Tally>,
    switches: Arc<Mutex<Vec<Heard>>>,
    lifetime: Lifetime,
    start: Instant,
}

impl Rig {
    fn new(thresholds: Thresholds, retry: Option<Retry>, queue: Option<Queue>) -> Rig {
        let (primary, standby) = (Arc::new(Backend::default()), Arc::new(Backend::default()));
        let (settled, lifetime) = (Arc::new(Tally::default()), Lifetime::new());
        let switches: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let heard = Arc::clone(&switches);
        let target = |name: &str, backend: &Arc<Backend>| Target {
            name: name.into(),
            attempt: Arc::clone(backend) as Next,
            look: Look::AlsoWhenIdle,
        };
        let targets = Targets::new(
            target("primary", &primary),
            vec![target("standby", &standby)],
            thresholds,
            Arc::new(move |switch| heard.lock().unwrap().push((Instant::now(), switch.level))),
        );
        let delivery = Delivery { retry, queue, ..Delivery::default() };
        let settings = ChainSettings { exporter: exporter(), signal: Signal::Logs, delivery, journal: None };
        let wraps = Wraps { settled: settled.ear(), ..Wraps::none() };
        let entry = chain(settings, targets, wraps, Arc::new(|_| {}), &lifetime);
        Rig { entry, primary, standby, settled, switches, lifetime, start: Instant::now() }
    }

    async fn send(&self, id: u64) -> Option<Class> {
        class(&self.entry.queued.consume(payload([id])).await)
    }

    /// When each switch was, in seconds from the start, and to which target.
    fn switches(&self) -> Vec<(f64, Option<usize>)> {
        let seconds = |at: Instant| ((at - self.start).as_secs_f64() * 10.0).round() / 10.0;
        self.switches.lock().unwrap().iter().map(|(at, level)| (seconds(*at), *level)).collect()
    }

    /// What both backends took, sorted, without the empty requests that look after the primary.
    fn delivered(&self) -> Vec<u64> {
        let mut ids = [self.primary.delivered().concat(), self.standby.delivered().concat()].concat();
        ids.sort_unstable();
        ids
    }
}

/// One request meets a primary that fails so: the standby takes it after `seconds`.
async fn check_takeover(reply: Reply, retry: Option<Retry>, seconds: f64) {
    let rig = Rig::new(THRESHOLDS, retry, None);
    rig.primary.otherwise(Some(reply));
    assert_eq!(rig.send(1).await, None, "{reply:?}");
    assert_eq!(rig.switches(), [(seconds, Some(1))], "{reply:?}");
    assert_eq!((rig.primary.delivered().len(), rig.standby.delivered()), (0, vec![vec![1]]));
    assert_eq!(rig.settled.outcomes(), [(1, None)], "one final outcome");
}

#[tokio::test(start_paused = true)]
async fn it_takes_over_after_so_many_failures_in_a_row() {
    check_takeover(REFUSED, Some(STEADY), 4.0).await;
}

#[tokio::test(start_paused = true)]
async fn it_takes_over_after_so_long_without_success_although_everybody_sleeps() {
    let rare = Retry { initial_interval: Duration::from_secs(90), max_interval: Duration::from_secs(90), ..STEADY };
    check_takeover(REFUSED, Some(rare), 30.0).await;
    let pause = Reply::FailFor(Class::RateLimited, failure::Retry::After(Duration::from_secs(900)));
    check_takeover(pause, Some(STEADY), 30.0).await;
}

#[tokio::test(start_paused = true)]
async fn it_takes_over_at_once_where_only_a_person_can_mend_it() {
    for class in [Class::TlsUnknownCa, Class::DnsNotFound, Class::Unauthenticated, Class::GrpcToHttp1Port] {
        check_takeover(Reply::Fail(class), Some(STEADY), 0.0).await;
        check_takeover(Reply::Fail(class), None, 0.0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_that_fail_together_count_once() {
    let rig = Rig::new(THRESHOLDS, Some(STEADY), Some(QUEUE));
    rig.primary.otherwise(Some(REFUSED));
    for id in 0..10 {
        rig.send(id).await;
    }
    rig.standby.until_items(10).await;
    assert_eq!(rig.switches(), [(4.0, Some(1))]);
}

#[tokio::test(start_paused = true)]
async fn data_that_is_refused_for_its_content_goes_nowhere_else() {
    for class in [Class::InvalidData, Class::MessageTooLarge] {
        let rig = Rig::new(THRESHOLDS, Some(STEADY), None);
        rig.primary.otherwise(Some(Reply::Fail(class)));
        for id in 0..9 {
            assert_eq!(rig.send(id).await, Some(class));
        }
        assert_eq!((rig.switches(), rig.standby.attempts().len()), (vec![], 0));
    }
}

#[tokio::test(start_paused = true)]
async fn neither_a_budget_nor_a_verdict_drops_what_the_standby_takes() {
    let short = Retry { max_elapsed_time: Some(Duration::from_secs(2)), ..STEADY };
    for (reply, retry) in
        [(REFUSED, Some(short)), (Reply::Fail(Class::ServerInternalError), Some(STEADY)), (REFUSED, None)]
    {
        let rig = Rig::new(THRESHOLDS, retry, None);
        rig.primary.otherwise(Some(reply));
        assert_eq!(rig.send(1).await, None, "{reply:?}");
        assert_eq!((rig.switches(), rig.standby.delivered()), (vec![], vec![vec![1]]), "no reason to switch yet");
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_data_is_kept_and_the_first_that_answers_takes_it() {
    let rig = Rig::new(THRESHOLDS, Some(STEADY), Some(QUEUE));
    rig.primary.otherwise(Some(REFUSED));
    rig.standby.otherwise(Some(Reply::Fail(Class::Unauthenticated)));
    for id in 0..20 {
        rig.send(id).await;
    }
    rig.primary.until_attempts(500).await;
    assert_eq!((rig.switches(), rig.settled.outcomes()), (vec![(4.0, Some(1)), (4.0, None)], vec![]));
    rig.standby.otherwise(None);
    rig.standby.until_items(20).await;
    assert_eq!(rig.delivered(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn the_primary_is_back_within_the_interval_even_if_nothing_comes() {
    let rig = Rig::new(THRESHOLDS, Some(STEADY), None);
    rig.primary.otherwise(Some(Reply::Fail(Class::TlsUnknownCa)));
    rig.send(1).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!((rig.switches(), rig.primary.attempts().len()), (vec![(0.0, Some(1))], 4), "looked after in vain");
    rig.primary.otherwise(None);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(rig.switches().last().map(|(_, level)| *level), Some(Some(0)));
    assert_eq!(rig.send(2).await, None);
    assert_eq!((rig.primary.delivered(), rig.standby.delivered()), (vec![vec![], vec![2]], vec![vec![1]]));
}

#[tokio::test(start_paused = true)]
async fn the_look_with_data_costs_the_data_nothing() {
    let rig = Rig::new(THRESHOLDS, Some(STEADY), None);
    rig.primary.otherwise(Some(Reply::Fail(Class::TlsUnknownCa)));
    for id in 0..62 {
        assert_eq!(rig.send(id).await, None);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(rig.primary.attempts().len(), 3, "the first, and one look in 30 s");
    assert_eq!(rig.standby.delivered().len(), 62);
    rig.primary.otherwise(None);
    for id in 62..100 {
        assert_eq!(rig.send(id).await, None);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(rig.switches().len(), 2);
    assert_eq!(rig.delivered(), (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_comes_and_goes_is_left_alone_for_longer_each_time() {
    let interval = Duration::from_secs(3);
    let rig = Rig::new(Thresholds { retry_interval: interval, ..THRESHOLDS }, Some(STEADY), Some(QUEUE));
    // Up for two seconds and down for two, for ten minutes, ten requests a second.
    for id in 0..6000_u64 {
        rig.primary.otherwise(Some(REFUSED).filter(|_| id / 20 % 2 == 1));
        rig.send(id).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    rig.lifetime.drain(Duration::from_secs(5)).await;
    assert_eq!(rig.delivered(), (0..6000).collect::<Vec<_>>(), "each once");
    let switches = rig.switches().len();
    assert!(switches <= 40, "{switches} switches in 300 outages");
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_threshold() {
    let rig = Rig::new(THRESHOLDS, Some(RETRY), Some(QUEUE));
    rig.primary.otherwise(Some(REFUSED));
    rig.send(1).await;
    rig.primary.until_attempts(1).await;
    rig.lifetime.drain(Duration::from_secs(1)).await;
    assert_eq!(rig.settled.outcomes(), [(1, None)]);
}

fn replies() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0_u8..6, 0..120)
}

fn reply(number: u8) -> Reply {
    match number {
        0 => Reply::Fail(Class::TlsUnknownCa),
        1 => Reply::Fail(Class::ServerInternalError),
        2 => Reply::FailFor(Class::RateLimited, failure::Retry::After(Duration::from_secs(7))),
        3 => Reply::Fail(Class::Unauthenticated),
        4 => Reply::Fail(Class::InvalidData),
        _ => REFUSED,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever both backends do for a while, each item ends once: delivered, or refused.
    #[test]
    fn every_item_ends_exactly_once(primary in replies(), standby in replies(), budget in 1_u64..400) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let retry = Retry { max_elapsed_time: Some(Duration::from_secs(budget)), ..RETRY };
            let rig = Rig::new(THRESHOLDS, Some(retry), Some(QUEUE));
            rig.primary.next_replies(primary.into_iter().map(reply));
            rig.standby.next_replies(standby.into_iter().map(reply));
            for id in 0..100 {
                rig.send(id).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            tokio::time::sleep(Duration::from_secs(5000)).await;
            let delivered = rig.delivered();
            assert!(delivered.windows(2).all(|pair| pair[0] != pair[1]), "each once");
            assert_eq!(rig.settled.items(None), delivered.len() as u64);
            assert_eq!(rig.settled.outcomes().len(), 100);
        });
    }
}
