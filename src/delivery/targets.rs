//! Where the attempts of one chain may go: its own exporter first, then the fallbacks in their order.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::Class;
use crate::flow::Next;

/// Where the attempts of a chain go.
pub struct Targets {
    /// In the order of preference. Never empty.
    pub(super) ranks: Vec<Target>,
    pub(super) thresholds: Thresholds,
    pub(super) on_switch: OnSwitch,
    pub(super) next_look: Arc<NextLook>,
}

/// Which preferred target is looked after next, and when. Holds no part of the route.
#[derive(Debug, Default)]
pub struct NextLook(Mutex<Option<(Arc<str>, Instant)>>);

impl NextLook {
    /// The target, and when it is tried again: with the data that comes then. None while the first target is active, and
    /// while all of them fail: then each try goes to all of them.
    pub fn get(&self) -> Option<(Arc<str>, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, next: Option<(Arc<str>, Instant)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

/// Something that attempts can go to.
pub struct Target {
    /// What it is called in logs: an exporter's identifier, or a pipeline's.
    pub name: Arc<str>,
    /// One `consume` is one attempt.
    pub attempt: Next,
    /// How it is looked after while another target has taken over.
    pub look: Look,
}

/// How a target that failed is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// With the next request, or with an empty one where none comes in time.
    AlsoWhenIdle,
    /// With the next request only: an empty one would leave a trace, such as a line in a file.
    WithData,
}

/// When another target takes over, and when the one before is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Hand over after so many failed attempts in a row. Attempts that ran at the same time count as one.
    pub max_consecutive_failures: u64,
    /// Hand over when the first of these failures was so long ago, however few they are; none: only the number counts.
    pub max_outage: Option<Duration>,
    /// How long after the hand-over the preferred target is tried again, and how long after each such try that failed.
    /// Doubled each time it fails again soon after its return, up to 16 times this.
    pub retry_interval: Duration,
}

/// Another target takes over.
#[derive(Clone, Debug)]
pub struct Switch<'a> {
    /// The target before; none when all of them failed.
    pub from: Option<&'a Arc<str>>,
    /// The target from now on; none when all of them fail: then each attempt tries them in their order.
    pub to: Option<&'a Arc<str>>,
    /// The place of `to` in the order of preference, from 0.
    pub level: Option<usize>,
    /// Why.
    pub reason: Reason,
    /// The last failure of `from`, where it failed.
    pub class: Option<Class>,
    /// The same in words.
    pub cause: &'a str,
}

/// Why another target takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Only a person can mend what is wrong with the one before.
    NeedsMending,
    /// So many attempts failed in a row.
    FailuresInARow(u64),
    /// It has been failing for so long.
    Outage(Duration),
    /// It had taken over itself, and its first attempt failed.
    FirstAttemptFailed,
    /// The relay is stopping, so there is no time to wait.
    Stopping,
    /// A target answers again.
    Answers,
}

/// Hears of each switch.
pub type OnSwitch = Arc<dyn Fn(&Switch<'_>) + Send + Sync>;

impl Targets {
    /// `first`, and after it `others` in their order, each of which takes over as `thresholds` say.
    pub fn new(first: Target, others: Vec<Target>, thresholds: Thresholds, on_switch: OnSwitch) -> Targets {
        let ranks = std::iter::once(first).chain(others).collect();
        Targets { ranks, thresholds, on_switch, next_look: Arc::default() }
    }

    /// Where to read which target is looked after next.
    pub fn next_look(&self) -> Arc<NextLook> {
        Arc::clone(&self.next_look)
    }
}

impl From<Next> for Targets {
    /// `attempt` alone.
    fn from(attempt: Next) -> Targets {
        let thresholds =
            Thresholds { max_consecutive_failures: u64::MAX, max_outage: None, retry_interval: Duration::MAX };
        let only = Target { name: "".into(), attempt, look: Look::WithData };
        Targets::new(only, Vec::new(), thresholds, Arc::new(|_| {}))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NeedsMending => f.write_str("only a person can mend it"),
            Reason::FailuresInARow(1) => f.write_str("an attempt failed"),
            Reason::FailuresInARow(count) => write!(f, "{count} attempts failed in a row"),
            Reason::Outage(lasting) => write!(f, "it has been failing for {lasting:?}"),
            Reason::FirstAttemptFailed => f.write_str("its first attempt failed"),
            Reason::Stopping => f.write_str("the relay is stopping"),
            Reason::Answers => f.write_str("it answers again"),
        }
    }
}
