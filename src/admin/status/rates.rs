//! How fast data moves: the difference between two looks at the counters, whoever looks.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::interface::diagnostics::RelayStatus;
use crate::telemetry::clock::Moment;

/// The looks that rates are made of.
#[derive(Debug, Default)]
pub(super) struct Rates {
    before: Option<Look>,
    latest: Option<Look>,
}

/// What had been counted at a moment, by receiver or exporter and signal.
#[derive(Clone, Debug)]
struct Look {
    at: Moment,
    counts: BTreeMap<(Side, String, String), u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    In,
    Out,
}

impl Rates {
    /// Fills in the rates since a look that is a moment ago, if there is one.
    pub(super) fn fill(&mut self, status: &mut RelayStatus) {
        let now = Look::at(status);
        let is_fresh = |look: &&Look| now.at.since(look.at) <= LONGEST;
        let far_enough = |look: &&Look| SHORTEST <= now.at.since(look.at);
        let since = self.latest.iter().chain(&self.before).filter(is_fresh).find(far_enough);
        if let Some(since) = since {
            let seconds = now.at.since(since.at).as_secs_f64();
            let rate = |key: &(Side, String, String)| {
                let (then, now) = (since.counts.get(key)?, now.counts.get(key)?);
                Some(now.saturating_sub(*then) as f64 / seconds)
            };
            for receiver in &mut status.receivers {
                for flow in &mut receiver.flows {
                    flow.per_second = rate(&(Side::In, receiver.id.clone(), flow.signal.clone()));
                }
            }
            for exporter in &mut status.exporters {
                for flow in &mut exporter.flows {
                    flow.per_second = rate(&(Side::Out, exporter.id.clone(), flow.signal.clone()));
                }
            }
        }
        if self.latest.as_ref().is_none_or(|latest| SHORTEST <= now.at.since(latest.at)) {
            self.before = self.latest.replace(now);
        }
    }
}

impl Look {
    fn at(status: &RelayStatus) -> Look {
        let of_receivers = status.receivers.iter().flat_map(|receiver| {
            receiver.flows.iter().map(|flow| ((Side::In, receiver.id.clone(), flow.signal.clone()), flow.accepted))
        });
        let of_exporters = status.exporters.iter().flat_map(|exporter| {
            exporter.flows.iter().map(|flow| ((Side::Out, exporter.id.clone(), flow.signal.clone()), flow.sent))
        });
        Look { at: Moment::from_unix_nanos(status.time_unix_nano), counts: of_receivers.chain(of_exporters).collect() }
    }
}

/// Shorter differences jump.
const SHORTEST: Duration = Duration::from_secs(1);

/// Longer ones tell of another time.
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::diagnostics::{Receiver, ReceiverFlow};

    /// The rates shown at looks of (milliseconds, accepted).
    #[track_caller]
    fn check(looks: &[(u64, u64)], expected: &[Option<f64>]) {
        let mut rates = Rates::default();
        let seen = looks.iter().map(|(millis, accepted)| {
            let flow = ReceiverFlow { signal: "logs".to_owned(), accepted: *accepted, ..ReceiverFlow::default() };
            let receiver = Receiver { id: "otlp".to_owned(), flows: vec![flow], ..Receiver::default() };
            let time_unix_nano = millis * 1_000_000;
            let mut status = RelayStatus { time_unix_nano, receivers: vec![receiver], ..RelayStatus::default() };
            rates.fill(&mut status);
            status.receivers[0].flows[0].per_second
        });
        assert_eq!(seen.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rates_are_of_the_last_seconds() {
        check(&[(0, 10), (2000, 30), (4000, 30)], &[None, Some(10.0), Some(0.0)]);
    }

    #[test]
    fn who_looks_often_does_not_disturb_others() {
        check(
            &[(0, 0), (500, 10), (1000, 10), (1100, 11), (2000, 21)],
            &[None, None, Some(10.0), Some(10.0), Some(11.0)],
        );
    }

    #[test]
    fn a_look_of_long_ago_tells_nothing_of_now() {
        check(&[(0, 0), (60_000, 600)], &[None, None]);
    }
}
