//! How one exporter fares with one signal at the moment: what status pages and health checks ask.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Class, Failure};
use crate::ident::ComponentId;
use crate::signal::Signal;

use super::clock::Moment;
use super::events::{Event, Events};
use super::outlook::{Filling, Limits, Outlook};
use super::voice::edit;

/// The state of one exporter for one signal, fed by every attempt. It holds no stage and no end of a channel.
pub struct ExporterState {
    exporter: Arc<ComponentId>,
    signal: Signal,
    /// Nanoseconds since 1970; 0 before the first success.
    last_success: AtomicU64,
    /// Attempts that failed since the last success.
    failures: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
    recovery: Mutex<Option<Recovery>>,
    events: Mutex<Events>,
    backlog: Mutex<Option<Backlog>>,
    routing: Mutex<Option<Routing>>,
    looks: Mutex<Option<Looks>>,
    limits: Mutex<Option<Limits>>,
    /// When it began to fail, and what was in the queue then.
    onset: Mutex<Option<(Instant, u64)>>,
}

/// Reads how much waits in the exporter's queue, in the queue's own unit.
type Backlog = Box<dyn Fn() -> u64 + Send + Sync>;

/// Reads which preferred target is looked after next, and when.
type Looks = Box<dyn Fn() -> Option<(Arc<str>, Instant)> + Send + Sync>;

/// What is wrong with an exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The class of the last failure.
    pub class: Class,
    /// The first failure after the last success.
    pub since: Moment,
    /// The last failure.
    pub latest: Moment,
    /// The endpoint of the last failure, as the configuration writes it.
    pub endpoint: Option<String>,
    /// The last failure in words.
    pub cause: String,
    /// What mends it, as an edit of the configuration, where it is known.
    pub edit: Option<String>,
}

/// A trouble that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The class of its last failure.
    pub class: Class,
    /// Its first failure.
    pub since: Moment,
    /// The success that ended it.
    pub until: Moment,
}

/// Where the data of an exporter with fallbacks, or of a failover connector, goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// The exporter itself and its fallbacks, or the levels, in the order of preference.
    pub targets: Vec<Arc<str>>,
    /// The place of the active one; none when all of them fail.
    pub active: Option<usize>,
    /// Since when.
    pub since: Moment,
    /// What was wrong with the one before, if something was.
    pub because: Option<(Class, String)>,
    /// The preferred target that is tried again next, and in how long; none where there is nothing to go back to.
    pub next_look: Option<(Arc<str>, Duration)>,
}

impl Routing {
    /// The targets that do not get the data now.
    pub fn standing_by(&self) -> impl Iterator<Item = &Arc<str>> {
        let active = self.active;
        self.targets.iter().enumerate().filter(move |(at, _)| Some(*at) != active).map(|(_, target)| target)
    }
}

/// How an exporter fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing has been tried yet.
    Idle,
    /// The last attempt succeeded.
    Delivering,
    /// The last attempt failed.
    Failing,
}

/// The state at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which exporter.
    pub exporter: Arc<ComponentId>,
    /// For which signal.
    pub signal: Signal,
    /// When it last delivered something.
    pub last_success: Option<Moment>,
    /// Attempts that failed since then.
    pub consecutive_failures: u64,
    /// What is wrong, while something is.
    pub trouble: Option<Trouble>,
    /// What waits in its queue, in the queue's own unit; nothing where it has no queue.
    pub queued: Option<u64>,
    /// Where its data goes, where it has fallbacks.
    pub routing: Option<Routing>,
}

impl ExporterState {
    /// The state of an exporter that has not tried anything yet.
    pub fn new(exporter: Arc<ComponentId>, signal: Signal) -> Arc<ExporterState> {
        Arc::new(ExporterState {
            exporter,
            signal,
            last_success: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            trouble: Mutex::new(None),
            recovery: Mutex::new(None),
            events: Mutex::default(),
            backlog: Mutex::new(None),
            routing: Mutex::new(None),
            looks: Mutex::new(None),
            limits: Mutex::new(None),
            onset: Mutex::new(None),
        })
    }

    /// Learns how much waits in the exporter's queue from `read`, which must own neither a stage nor the end of a
    /// channel: let it read an atomic. The last call counts.
    pub fn watch_queue(&self, read: impl Fn() -> u64 + Send + Sync + 'static) {
        *lock(&self.backlog) = Some(Box::new(read));
    }

    /// Learns from `read` which preferred target is looked after next. It must own neither a stage nor the end of a
    /// channel. The last call counts.
    pub fn watch_looks(&self, read: impl Fn() -> Option<(Arc<str>, Instant)> + Send + Sync + 'static) {
        *lock(&self.looks) = Some(Box::new(read));
    }

    /// Learns what bounds how long data is kept. The last call counts.
    pub fn bounded_by(&self, limits: Limits) {
        *lock(&self.limits) = Some(limits);
    }

    /// When data will be given up if it goes on failing as it does; nothing while it does not fail, or where it is not
    /// known.
    pub fn outlook(&self) -> Option<Outlook> {
        let (since, before) = (*lock(&self.onset))?;
        let limits = (*lock(&self.limits))?;
        let filling = Filling { lasting: since.elapsed(), before, now: self.queued().unwrap_or(0) };
        Some(Outlook::of(limits, filling))
    }

    /// The state now.
    pub fn snapshot(&self) -> Snapshot {
        let trouble = self.trouble().clone();
        let last_success = self.last_success.load(Ordering::Relaxed);
        Snapshot {
            exporter: Arc::clone(&self.exporter),
            signal: self.signal,
            last_success: (last_success != 0).then(|| Moment::from_unix_nanos(last_success)),
            consecutive_failures: self.failures.load(Ordering::Relaxed),
            trouble,
            queued: self.queued(),
            routing: self.routing(),
        }
    }

    /// Whose state it is.
    pub fn exporter(&self) -> &ComponentId {
        &self.exporter
    }

    /// For which signal.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// What went wrong lately, in the order of the first of each.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.events).all()
    }

    /// The last trouble that is over.
    pub fn recovery(&self) -> Option<Recovery> {
        *lock(&self.recovery)
    }

    /// From now on its data goes there.
    pub(super) fn routed(&self, routing: Routing) {
        *lock(&self.routing) = Some(routing);
    }

    /// It has no fallbacks any more.
    pub fn goes_alone(&self) {
        *lock(&self.routing) = None;
        *lock(&self.looks) = None;
    }

    fn routing(&self) -> Option<Routing> {
        let routing = lock(&self.routing).clone()?;
        let next_look = lock(&self.looks).as_ref().and_then(|read| read());
        let ahead = |at: Instant| at.saturating_duration_since(Instant::now());
        Some(Routing { next_look: next_look.map(|(target, at)| (target, ahead(at))), ..routing })
    }

    /// What waits in the queue, in its own unit; nothing where there is no queue.
    pub(super) fn queued(&self) -> Option<u64> {
        lock(&self.backlog).as_ref().map(|read| read())
    }

    /// An attempt succeeded. Takes no lock unless the one before failed.
    pub(super) fn succeeded(&self) {
        self.last_success.store(Moment::now().unix_nanos(), Ordering::Relaxed);
        if self.failures.load(Ordering::Relaxed) != 0 {
            let mut trouble = self.trouble();
            self.failures.store(0, Ordering::Relaxed);
            *lock(&self.onset) = None;
            if let Some(over) = trouble.take() {
                let recovery = Recovery { class: over.class, since: over.since, until: Moment::now() };
                *lock(&self.recovery) = Some(recovery);
            }
        }
    }

    /// An attempt failed.
    pub(super) fn failed(&self, failure: &Failure) {
        let queued = self.queued().unwrap_or(0);
        let mut trouble = self.trouble();
        self.failures.fetch_add(1, Ordering::Relaxed);
        lock(&self.onset).get_or_insert_with(|| (Instant::now(), queued));
        let latest = Moment::now();
        let since = trouble.as_ref().map_or(latest, |before| before.since);
        let cause = failure.cause();
        lock(&self.events).note(failure, &cause, latest);
        *trouble = Some(Trouble {
            class: failure.class(),
            since,
            latest,
            endpoint: failure.endpoint().map(str::to_owned),
            cause,
            edit: edit(&self.exporter, failure),
        });
    }

    /// Its queue did not take data in: no attempt failed, but it is an event.
    pub(super) fn refused(&self, failure: &Failure) {
        let mut cause = failure.cause();
        if let Some(trouble) = self.trouble().as_ref().filter(|trouble| trouble.class != failure.class()) {
            cause.push_str(&format!("; meanwhile its exports fail with {}", trouble.class));
        }
        lock(&self.events).note(failure, &cause, Moment::now());
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        lock(&self.trouble)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Snapshot {
    /// How it fares.
    pub fn condition(&self) -> Condition {
        match (&self.trouble, self.last_success) {
            (Some(_), _) => Condition::Failing,
            (None, Some(_)) => Condition::Delivering,
            (None, None) => Condition::Idle,
        }
    }

    /// Whether it delivers nothing although there is something to deliver: every attempt since the last success
    /// failed, and data waits or attempts have gone on failing for `patience`. One request that was refused for good is
    /// no such thing, however long ago that was; nor is an exporter whose data goes to a fallback.
    pub fn is_stuck(&self, patience: Duration) -> bool {
        if self.routing.as_ref().is_some_and(|routing| routing.active.is_some_and(|active| 0 < active)) {
            return false;
        }
        self.trouble.as_ref().is_some_and(|trouble| {
            self.queued.is_some_and(|waiting| 0 < waiting) || patience <= trouble.latest.since(trouble.since)
        })
    }
}

impl Condition {
    /// The word for it on pages.
    pub fn name(self) -> &'static str {
        match self {
            Condition::Idle => "idle",
            Condition::Delivering => "delivering",
            Condition::Failing => "failing",
        }
    }
}

impl fmt::Debug for ExporterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(failing_for: Option<u64>, queued: Option<u64>, stuck: bool) {
        let trouble = failing_for.map(|seconds| Trouble {
            class: Class::InvalidData,
            since: Moment::from_unix_nanos(0),
            latest: Moment::from_unix_nanos(seconds * 1_000_000_000),
            endpoint: None,
            cause: String::new(),
            edit: None,
        });
        let exporter = Arc::new(ComponentId::parse("otlp_grpc").unwrap());
        let (signal, last_success, consecutive_failures) = (Signal::Traces, None, 0);
        let snapshot =
            Snapshot { exporter, signal, last_success, consecutive_failures, trouble, queued, routing: None };
        assert_eq!(snapshot.is_stuck(Duration::from_secs(5)), stuck, "{snapshot:?}");
    }

    #[test]
    fn stuck_is_who_fails_while_data_waits_or_goes_on_failing() {
        check(None, Some(3), false);
        check(Some(0), Some(3), true);
        check(Some(0), Some(0), false);
        check(Some(0), None, false);
        check(Some(4), Some(0), false);
        check(Some(5), Some(0), true);
        check(Some(5), None, true);
    }
}
