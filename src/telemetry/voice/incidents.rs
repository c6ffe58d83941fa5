//! Which failures of an exporter are worth a line: the memory behind its voice, without any output.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::REPEAT_AFTER;
use super::fingerprint::Fingerprint;
use crate::failure::Class;
use crate::signal::Signal;

/// What has gone wrong. Bounded by the number of classes and endpoints, and by [`MOST_CAUSES`].
#[derive(Debug, Default)]
pub(super) struct Incidents {
    by_key: BTreeMap<Key, Incident>,
    /// The class of the last failure of each signal that fails.
    failing: BTreeMap<Signal, Class>,
}

/// What tells one thing that goes wrong from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) class: Class,
    /// As the configuration writes it.
    pub(super) endpoint: Option<Box<str>>,
    /// Of the cause: two causes of one class are mended in different ways.
    pub(super) cause: Fingerprint,
}

#[derive(Debug)]
struct Incident {
    /// The first failure of this kind after the last recovery.
    since: Instant,
    /// Failed attempts since then.
    attempts: u64,
    /// Signals that failed this way after their last success. Empty: it is over, and only kept so that it does
    /// not speak again too soon.
    signals: Vec<Signal>,
    /// When the log last spoke of it.
    last_line: Instant,
    /// Failures that were not told since.
    folded: u64,
    /// Whether this incident has been told, so that its end is worth telling.
    told: bool,
}

/// What the log should say of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: it has been told.
    Nothing,
    /// It is new. `previous` is how this signal failed before; `folded` counts failures of this kind that were
    /// not told, since it comes and goes.
    First { previous: Option<Class>, folded: u64 },
    /// It goes on: so many failed attempts in so long.
    Still { count: u64, lasting: Duration },
}

/// The end of what was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recovery {
    /// How it failed last.
    pub(super) class: Class,
    /// Attempts that failed, of all kinds that are over now.
    pub(super) attempts: u64,
    /// From the first of them until now.
    pub(super) lasted: Duration,
}

impl Incidents {
    /// Whether any signal fails.
    pub(super) fn any_open(&self) -> bool {
        !self.failing.is_empty()
    }

    /// How the exporter fails, while it does.
    pub(super) fn current(&self) -> Option<Class> {
        self.failing.values().next().copied()
    }

    /// An attempt for `signal` failed as `key` says.
    pub(super) fn failed(&mut self, signal: Signal, key: Key, now: Instant) -> Said {
        let previous = self.failing.insert(signal, key.class).filter(|before| *before != key.class);
        let key = self.bounded(key);
        let Some(incident) = self.by_key.get_mut(&key) else {
            self.by_key.insert(key, Incident::told(signal, now));
            return Said::First { previous, folded: 0 };
        };
        incident.join(signal, now);
        if !incident.may_speak(now) {
            incident.folded += 1;
            return Said::Nothing;
        }
        incident.last_line = now;
        let folded = std::mem::take(&mut incident.folded);
        if std::mem::replace(&mut incident.told, true) {
            Said::Still { count: incident.attempts, lasting: now - incident.since }
        } else {
            Said::First { previous, folded }
        }
    }

    /// `key`, or what stands for all further causes of its class: a peer may never say the same twice.
    fn bounded(&self, key: Key) -> Key {
        let is_known = self.by_key.contains_key(&key);
        let causes = self.by_key.keys().filter(|known| known.class == key.class).count();
        if is_known || causes < MOST_CAUSES { key } else { Key { cause: Fingerprint::ANY, endpoint: None, ..key } }
    }

    /// An attempt for `signal` succeeded. Tells of a recovery when that ends something that was told.
    pub(super) fn succeeded(&mut self, signal: Signal, now: Instant) -> Option<Recovery> {
        let class = self.failing.remove(&signal)?;
        let mut over: Option<Recovery> = None;
        for incident in self.by_key.values_mut().filter(|incident| incident.signals.contains(&signal)) {
            incident.signals.retain(|other| *other != signal);
            let ends = incident.signals.is_empty();
            if ends && std::mem::take(&mut incident.told) {
                let so_far = over.unwrap_or(Recovery { class, attempts: 0, lasted: Duration::ZERO });
                over = Some(Recovery {
                    class,
                    attempts: so_far.attempts + incident.attempts,
                    lasted: so_far.lasted.max(now - incident.since),
                });
            }
        }
        self.by_key.retain(|_, incident| !incident.is_forgotten(now));
        over
    }
}

impl Incident {
    fn told(signal: Signal, now: Instant) -> Incident {
        Incident { since: now, attempts: 1, signals: vec![signal], last_line: now, folded: 0, told: true }
    }

    /// Counts a failure; the first one after a recovery begins the incident anew.
    fn join(&mut self, signal: Signal, now: Instant) {
        if self.signals.is_empty() {
            self.since = now;
            self.attempts = 0;
        }
        if !self.signals.contains(&signal) {
            self.signals.push(signal);
        }
        self.attempts += 1;
    }

    /// Once a minute; but what came back after a recovery, and stays, is told sooner.
    fn may_speak(&self, now: Instant) -> bool {
        self.last_line + REPEAT_AFTER <= now || (!self.told && self.since + SETTLED_AFTER <= now)
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        self.signals.is_empty() && self.last_line + REPEAT_AFTER <= now
    }
}

/// Of one class, before all others count as one.
const MOST_CAUSES: usize = 4;

/// A failure that came back is no mere flicker when it has lasted so long.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use Class::{ConnectTimeout, ConnectionRefused};
    use Signal::{Logs, Traces};

    /// An exporter's memory, and a clock that is turned by hand.
    struct Trial {
        incidents: Incidents,
        now: Instant,
    }

    impl Trial {
        fn new() -> Trial {
            Trial { incidents: Incidents::default(), now: Instant::now() }
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        fn fail(&mut self, signal: Signal, class: Class) -> Said {
            self.fail_at(signal, class, "a", "refused")
        }

        fn fail_at(&mut self, signal: Signal, class: Class, endpoint: &str, cause: &str) -> Said {
            let key = Key { class, endpoint: Some(endpoint.into()), cause: Fingerprint::of(cause) };
            self.incidents.failed(signal, key, self.now)
        }

        fn succeed(&mut self, signal: Signal) -> Option<Recovery> {
            self.incidents.succeeded(signal, self.now)
        }
    }

    #[test]
    fn a_class_is_told_once_for_all_signals_and_then_every_minute() {
        let mut trial = Trial::new();
        assert_eq!(trial.fail(Traces, ConnectionRefused), Said::First { previous: None, folded: 0 });
        assert_eq!(trial.fail(Logs, ConnectionRefused), Said::Nothing);
        trial.pass(59);
        assert_eq!(trial.fail(Traces, ConnectionRefused), Said::Nothing);
        trial.pass(1);
        let still = Said::Still { count: 4, lasting: Duration::from_secs(60) };
        assert_eq!(trial.fail(Traces, ConnectionRefused), still);
        assert_eq!(trial.succeed(Traces), None, "logs still fail");
        let lasted = Duration::from_secs(60);
        assert_eq!(trial.succeed(Logs), Some(Recovery { class: ConnectionRefused, attempts: 4, lasted }));
        assert!(!trial.incidents.any_open());
    }

    #[test]
    fn a_change_of_class_is_told_but_not_each_change_to_and_fro() {
        let mut trial = Trial::new();
        trial.fail(Traces, ConnectionRefused);
        let changed = Said::First { previous: Some(ConnectionRefused), folded: 0 };
        assert_eq!(trial.fail(Traces, ConnectTimeout), changed);
        for class in [ConnectionRefused, ConnectTimeout, ConnectionRefused] {
            assert_eq!(trial.fail(Traces, class), Said::Nothing);
        }
        let lasted = Duration::ZERO;
        assert_eq!(trial.succeed(Traces), Some(Recovery { class: ConnectionRefused, attempts: 5, lasted }));
    }

    #[test]
    fn endpoints_and_causes_of_one_class_are_told_apart_but_not_without_end() {
        let mut trial = Trial::new();
        let first = Said::First { previous: None, folded: 0 };
        assert_eq!(trial.fail_at(Traces, ConnectionRefused, "a", "no token"), first);
        assert_eq!(trial.fail_at(Traces, ConnectionRefused, "b", "no token"), first);
        assert_eq!(trial.fail_at(Traces, ConnectionRefused, "a", "expired at 12:07"), first);
        assert_eq!(trial.fail_at(Traces, ConnectionRefused, "a", "expired at 12:09"), Said::Nothing);
        let told = (0..100).filter(|word| {
            let cause = "x".repeat(*word);
            trial.fail_at(Traces, ConnectionRefused, "a", &cause) != Said::Nothing
        });
        assert_eq!(told.count(), 2);
        assert!(trial.succeed(Traces).is_some());
    }

    #[test]
    fn a_flickering_failure_is_quiet_until_it_stays() {
        let mut trial = Trial::new();
        trial.fail(Traces, ConnectionRefused);
        assert!(trial.succeed(Traces).is_some());
        for _ in 0..5 {
            assert_eq!(trial.fail(Traces, ConnectionRefused), Said::Nothing);
            assert_eq!(trial.succeed(Traces), None, "what was not told does not recover");
        }
        assert_eq!(trial.fail(Traces, ConnectionRefused), Said::Nothing);
        trial.pass(10);
        assert_eq!(trial.fail(Traces, ConnectionRefused), Said::First { previous: None, folded: 6 });
        assert!(trial.succeed(Traces).is_some());
    }

    proptest! {
        /// Whatever happens, nobody is flooded, and whoever was told of a failure hears of its end.
        #[test]
        fn lines_of_a_class_are_ten_seconds_apart_and_everything_told_ends(
            steps in prop::collection::vec((0_u64..30, 0_usize..2, 0_usize..3), 1..200)
        ) {
            let (signals, classes) = ([Traces, Logs], [ConnectionRefused, ConnectTimeout]);
            let mut trial = Trial::new();
            let mut last: BTreeMap<Class, Instant> = BTreeMap::new();
            let (mut told, mut ended) = (0, 0);
            for (seconds, signal, outcome) in steps {
                trial.pass(seconds);
                let Some(&class) = classes.get(outcome) else {
                    ended += u64::from(trial.succeed(signals[signal]).is_some());
                    continue;
                };
                match trial.fail(signals[signal], class) {
                    Said::Nothing => continue,
                    Said::First { .. } => told += 1,
                    Said::Still { .. } => {}
                }
                if let Some(before) = last.insert(class, trial.now) {
                    prop_assert!(before + SETTLED_AFTER <= trial.now);
                }
            }
            let open = trial.incidents.by_key.values().any(|incident| incident.told);
            let ends = signals.iter().filter(|signal| trial.succeed(**signal).is_some()).count();
            prop_assert_eq!(open, ends != 0);
            prop_assert!(ended <= told);
            prop_assert!(!trial.incidents.any_open());
        }
    }
}
