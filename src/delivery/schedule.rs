//! When a failed export is tried again: the Collector's exponential schedule, and what the peer asked for.
//!
//! The one file that knows the `backoff` crate, so that another can take its place.

use std::time::Duration;

use backoff::Clock;
use backoff::backoff::Backoff as _;
use backoff::exponential::ExponentialBackoff;
use tokio::time::Instant;

use crate::config;
use crate::failure::Retry;

/// The intervals of `retry_on_failure`, from which each export starts a [`Schedule`] of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    initial: Duration,
    randomization: f64,
    multiplier: f64,
    longest: Duration,
    budget: Option<Duration>,
}

/// The schedule of one export, from its first try on.
pub(crate) struct Schedule {
    intervals: ExponentialBackoff<TokioClock>,
    budget: Option<Duration>,
}

/// How long to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// What the peer asked for: never tried earlier than this, whatever happens.
    pub(crate) demanded: Duration,
    /// What the schedule says, not shorter than `demanded`.
    pub(crate) whole: Duration,
}

impl Policy {
    /// The policy that a configuration asks for.
    pub(crate) fn new(retry: config::Retry) -> Policy {
        let config::Retry { initial_interval, randomization_factor, multiplier, max_interval, max_elapsed_time } =
            retry;
        Policy {
            initial: initial_interval,
            randomization: randomization_factor,
            multiplier,
            longest: max_interval,
            budget: max_elapsed_time,
        }
    }

    /// A schedule whose first try is now.
    pub(crate) fn begin(&self) -> Schedule {
        let intervals = ExponentialBackoff {
            current_interval: self.initial,
            initial_interval: self.initial,
            randomization_factor: self.randomization,
            multiplier: self.multiplier,
            max_interval: self.longest,
            start_time: TokioClock.now(),
            // The budget is kept here: it must also see the delays that a peer asks for.
            max_elapsed_time: None,
            clock: TokioClock,
        };
        Schedule { intervals, budget: self.budget }
    }
}

impl Schedule {
    /// The pause before the next try after a failure with this verdict; nothing when the failure is final.
    ///
    /// Like the Collector, it gives up as soon as the next try would come after `max_elapsed_time`. Unlike the
    /// Collector it does not drop data at once because a peer asks for a pause that is longer than what is left of the
    /// budget: it waits for it in full and tries a last time, since sending early is what the peer forbids and nobody
    /// asked for the data to be lost.
    pub(crate) fn next(&mut self, verdict: Retry) -> Option<Pause> {
        let demanded = match verdict {
            Retry::Never => return None,
            Retry::BackOff => Duration::ZERO,
            Retry::Hold => {
                self.intervals.current_interval = self.intervals.max_interval;
                Duration::ZERO
            }
            Retry::After(delay) => delay.min(LONGEST_DEMAND),
        };
        let elapsed = self.intervals.get_elapsed_time();
        let own = self.intervals.next_backoff()?.clamp(SHORTEST, LONGEST);
        let latest = if own < demanded { elapsed } else { elapsed.saturating_add(own) };
        match self.budget {
            Some(budget) if budget < latest => None,
            _ => Some(Pause { demanded, whole: own.max(demanded) }),
        }
    }
}

/// Reads the time that can be paused in tests.
#[derive(Clone, Copy, Debug)]
struct TokioClock;

impl Clock for TokioClock {
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

/// A schedule of zeros (`initial_interval: 0s`) would try a dead backend without a pause.
const SHORTEST: Duration = Duration::from_millis(1);

/// An interval of centuries must not overflow the clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The longest pause that a peer is granted: a mistaken Retry-After must not stop an exporter for days.
pub(crate) const LONGEST_DEMAND: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const COLLECTOR: config::Retry = config::Retry {
        initial_interval: Duration::from_secs(5),
        randomization_factor: 0.5,
        multiplier: 1.5,
        max_interval: Duration::from_secs(30),
        max_elapsed_time: Some(Duration::from_secs(300)),
    };

    fn schedule(retry: config::Retry) -> Schedule {
        Policy::new(retry).begin()
    }

    fn exact(max_elapsed_time: Option<Duration>) -> Schedule {
        schedule(config::Retry { randomization_factor: 0.0, max_elapsed_time, ..COLLECTOR })
    }

    #[track_caller]
    fn check(schedule: &mut Schedule, verdict: Retry, expected: Option<f64>) {
        let whole = schedule.next(verdict).map(|pause| pause.whole.as_secs_f64());
        match (whole, expected) {
            (Some(whole), Some(expected)) => assert!((whole - expected).abs() < 0.001, "{whole} for {expected}"),
            (whole, expected) => assert_eq!(whole, expected),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_jitter_the_intervals_are_the_collectors() {
        let mut schedule = exact(None);
        for expected in [5.0, 7.5, 11.25, 16.875, 25.3125, 30.0, 30.0, 30.0] {
            check(&mut schedule, Retry::BackOff, Some(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_only_a_person_can_mend_waits_the_longest_interval_at_once() {
        let mut schedule = exact(None);
        check(&mut schedule, Retry::Hold, Some(30.0));
        check(&mut schedule, Retry::BackOff, Some(30.0));
        check(&mut schedule, Retry::Never, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_of_schedule_and_peer_decides() {
        let mut schedule = exact(None);
        check(&mut schedule, Retry::After(Duration::from_secs(2)), Some(5.0));
        check(&mut schedule, Retry::After(Duration::from_secs(60)), Some(60.0));
        check(&mut schedule, Retry::After(Duration::from_secs(u64::MAX)), Some(3600.0));
    }

    #[tokio::test(start_paused = true)]
    async fn it_gives_up_when_the_next_try_would_come_after_the_budget() {
        let mut schedule = exact(Some(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(25)).await;
        check(&mut schedule, Retry::BackOff, Some(5.0));
        check(&mut schedule, Retry::BackOff, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peers_pause_that_exceeds_the_budget_is_waited_for_once() {
        let mut schedule = exact(Some(Duration::from_secs(30)));
        check(&mut schedule, Retry::After(Duration::from_secs(120)), Some(120.0));
        tokio::time::advance(Duration::from_secs(120)).await;
        check(&mut schedule, Retry::After(Duration::from_secs(120)), None);
    }

    proptest! {
        #[test]
        fn every_pause_lies_around_its_nominal_interval(
            initial in 1_u64..60_000,
            longest in 1_u64..600_000,
            multiplier in 1.0_f64..5.0,
            randomization_factor in 0.0_f64..=1.0,
        ) {
            let mut schedule = schedule(config::Retry {
                initial_interval: Duration::from_millis(initial),
                randomization_factor,
                multiplier,
                max_interval: Duration::from_millis(longest),
                max_elapsed_time: None,
            });
            let mut nominal = initial as f64 / 1e3;
            for _ in 0..12 {
                let pause = schedule.next(Retry::BackOff).unwrap();
                let whole = pause.whole.as_secs_f64();
                let floor = (nominal * (1.0 - randomization_factor)).max(SHORTEST.as_secs_f64());
                let ceiling = (nominal * (1.0 + randomization_factor)).max(SHORTEST.as_secs_f64());
                prop_assert!(floor - 1e-6 <= whole && whole <= ceiling + 1e-6, "{whole} around {nominal}");
                prop_assert_eq!(pause.demanded, Duration::ZERO);
                nominal = (nominal * multiplier).min(longest as f64 / 1e3);
            }
        }
    }
}
