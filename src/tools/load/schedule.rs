//! When is each request of an open loop to be sent? By a plan that knows nothing of answers.

use std::time::Duration;

/// A rate of requests, and the time in which it rises to it from nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Requests in a second, more than 0.
    pub rate: f64,
    /// The rate grows linearly for so long.
    pub ramp: Duration,
}

impl Schedule {
    /// When request `number`, counted from 0, is due, from the beginning of the run.
    pub(super) fn due(&self, number: u64) -> Duration {
        let (number, ramp) = (number as f64, self.ramp.as_secs_f64());
        let within_ramp = self.rate * ramp / 2.0;
        let seconds = if number < within_ramp {
            (2.0 * ramp * number / self.rate).sqrt()
        } else {
            ramp + (number - within_ramp) / self.rate
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// How many requests are due before `time` is over.
    pub(super) fn due_by(&self, time: Duration) -> u64 {
        let (time, ramp) = (time.as_secs_f64(), self.ramp.as_secs_f64());
        let due = if time < ramp {
            self.rate * time * time / (2.0 * ramp)
        } else {
            self.rate * ramp / 2.0 + self.rate * (time - ramp)
        };
        due.ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn schedule(rate: f64, ramp: u64) -> Schedule {
        Schedule { rate, ramp: Duration::from_millis(ramp) }
    }

    #[test]
    fn requests_are_evenly_spaced_and_a_ramp_sends_half_of_them_in_its_time() {
        let even = schedule(100.0, 0);
        assert_eq!(even.due(0), Duration::ZERO);
        assert_eq!(even.due(50), Duration::from_millis(500));
        assert_eq!(even.due_by(Duration::from_secs(2)), 200);
        let ramped = schedule(100.0, 2000);
        assert_eq!(ramped.due(100), Duration::from_secs(2));
        assert_eq!(ramped.due(25), Duration::from_secs(1));
        assert_eq!(ramped.due_by(Duration::from_secs(3)), 200);
    }

    proptest! {
        #[test]
        fn what_is_due_by_a_time_is_what_is_due_before_it(
            rate in 0.1..100_000.0_f64,
            ramp in 0..10_000_u64,
            millis in 1..60_000_u64,
        ) {
            let schedule = schedule(rate, ramp);
            let time = Duration::from_millis(millis);
            let due = schedule.due_by(time);
            let slack = Duration::from_nanos(10);
            prop_assert!(due == 0 || schedule.due(due - 1) <= time + slack);
            prop_assert!(time <= schedule.due(due) + slack);
            prop_assert!(schedule.due(due) <= schedule.due(due + 1));
        }
    }
}
