//! What the log says of an exporter's failures: each kind (class, endpoint and cause) once, a summary while it lasts, and the recovery.
//!
//! One voice serves all signals of an exporter, so that three signals that fail alike are not reported three times.
//! What is said is bounded whatever happens: of a class that lasts a line a minute, of one that comes and goes a line in
//! ten seconds at most, and one of each end that was told to begin.

mod edit;
mod fingerprint;
mod incidents;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Class, Failure, Heals, Retry};
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::units::Items;

use self::edit::edit;
use self::fingerprint::Fingerprint;
use self::incidents::{Incidents, Key, Said};
use super::clock::{Moment, go_duration};
use super::outlook::Outlook;
use super::state::ExporterState;

/// All voices of the process, by exporter.
#[derive(Clone, Debug, Default)]
pub(super) struct Voices(Arc<Mutex<BTreeMap<Arc<ComponentId>, Arc<Voice>>>>);

/// Speaks for one exporter.
#[derive(Debug)]
pub(super) struct Voice {
    exporter: Arc<ComponentId>,
    /// Whether there are incidents: all that a success has to look at when all is well.
    troubled: AtomicBool,
    story: Mutex<Story>,
}

#[derive(Debug, Default)]
struct Story {
    incidents: Incidents,
    /// Items given up since all was well.
    dropped: Items,
    /// By what was lost and why.
    losses: BTreeMap<(Loss, Class), Throttle>,
}

/// How data was lost, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// We had it, and gave it up.
    Dropped,
    /// Its sender got the failure, and may still have it.
    Refused,
    /// The backend took the request, but rejected this part of it.
    Rejected,
    /// We gave it up, but it is on disk.
    DeadLettered,
    /// We gave it up, and could not put it on disk: the line of its loss follows.
    NotKept,
}

/// Lets one line pass a minute and adds up what it holds back.
#[derive(Debug, Default)]
struct Throttle {
    last: Option<Instant>,
    folded: u64,
    items: Items,
}

impl Voices {
    /// The voice of `exporter`.
    pub(super) fn of(&self, exporter: &Arc<ComponentId>) -> Arc<Voice> {
        let mut voices = lock(&self.0);
        let voice = voices.entry(Arc::clone(exporter)).or_insert_with(|| Arc::new(Voice::new(Arc::clone(exporter))));
        Arc::clone(voice)
    }

    /// Tells of every loss that was held back so far.
    pub(super) fn last_words(&self) {
        for voice in lock(&self.0).values() {
            voice.last_words();
        }
    }
}

impl Voice {
    fn new(exporter: Arc<ComponentId>) -> Voice {
        Voice { exporter, troubled: AtomicBool::new(false), story: Mutex::default() }
    }

    /// An attempt for `signal` failed. `state` knows what waits behind it, and how long it can.
    pub(super) fn failed(&self, signal: Signal, failure: &Failure, state: &ExporterState) {
        let cause = failure.cause();
        let key = Key {
            class: failure.class(),
            endpoint: failure.endpoint().map(Into::into),
            cause: Fingerprint::of(&cause),
        };
        let (said, dropped) = {
            let mut story = lock(&self.story);
            self.troubled.store(true, Ordering::Relaxed);
            (story.incidents.failed(signal, key, Instant::now()), story.dropped)
        };
        let told = Told { signal, failure, cause, state, dropped };
        match said {
            Said::Nothing => {}
            Said::First { previous, folded } => self.say_failed(&told, previous, folded),
            Said::Still { count, lasting } => self.say_still_failing(&told, count, lasting),
        }
    }

    /// An attempt for `signal` succeeded. Takes no lock when all is well.
    pub(super) fn succeeded(&self, signal: Signal) {
        if !self.troubled.load(Ordering::Relaxed) {
            return;
        }
        let mut story = lock(&self.story);
        let recovery = story.incidents.succeeded(signal, Instant::now());
        if !story.incidents.any_open() {
            self.troubled.store(false, Ordering::Relaxed);
        }
        let Some(recovery) = recovery else { return };
        let dropped = std::mem::take(&mut story.dropped);
        drop(story);
        tracing::info!(
            class = recovery.class.code(),
            exporter = %self.exporter,
            data_type = signal.name(),
            failed_attempts = recovery.attempts,
            after = go_duration(recovery.lasted),
            dropped_items = dropped.0,
            "export recovered"
        );
    }

    /// `items` were lost or not taken. `words` is the evidence: a cause or the backend's message.
    pub(super) fn lost(&self, loss: Loss, signal: Signal, class: Class, items: Items, words: &str) {
        let (let_pass, failing_with) = {
            let mut story = lock(&self.story);
            if loss == Loss::Dropped && story.incidents.any_open() {
                story.dropped += items;
            }
            let throttle = story.losses.entry((loss, class)).or_default();
            (throttle.pass(items, Instant::now()), story.incidents.current())
        };
        let Some((items, folded)) = let_pass else { return };
        // Where the queue is full, why it fills is what helps.
        let because = failing_with.filter(|other| *other != class).map(Class::code);
        let (exporter, data_type, remedy) = (&self.exporter, signal.name(), class.row().remedy);
        let (class, items) = (class.code(), items.0);
        match loss {
            Loss::Dropped => tracing::error!(
                class, %exporter, data_type, dropped_items = items, folded, failing_with = because, cause = words,
                "Exporting failed. Dropping data."
            ),
            Loss::Refused => tracing::error!(
                class, %exporter, data_type, rejected_items = items, folded, failing_with = because, cause = words,
                "Exporting failed. Rejecting data."
            ),
            Loss::Rejected => tracing::warn!(
                class, %exporter, data_type, dropped_items = items, folded, cause = words,
                "Partial success response"
            ),
            Loss::DeadLettered => tracing::warn!(
                class, %exporter, data_type, dead_lettered_items = items, folded, cause = words,
                "Exporting failed. Data is set aside as dead letters."
            ),
            Loss::NotKept => tracing::error!(
                class, %exporter, data_type, items, folded, cause = words, remedy,
                "Dead letters cannot be kept."
            ),
        }
    }

    /// Tells of the losses that wait for the next line of their kind.
    fn last_words(&self) {
        for ((loss, class), throttle) in &mut lock(&self.story).losses {
            // What senders were told of, what is on disk, and what has a line as dropped, is not among them.
            if !matches!(loss, Loss::Dropped | Loss::Rejected) || throttle.folded == 0 {
                continue;
            }
            let (items, folded) = throttle.take();
            tracing::error!(
                class = class.code(), exporter = %self.exporter, dropped_items = items.0, folded,
                "Exporting failed. Dropped more data than the lines before tell."
            );
        }
    }

    fn say_failed(&self, told: &Told<'_>, previous: Option<Class>, folded: u64) {
        let (failure, row) = (told.failure, told.failure.class().row());
        macro_rules! say {
            ($level:ident) => {
                tracing::$level!(
                    class = row.code,
                    family = row.family.name(),
                    exporter = %self.exporter,
                    data_type = told.signal.name(),
                    endpoint = failure.endpoint(),
                    phase = failure.phase().name(),
                    retry = %Again(failure.retry()),
                    meaning = row.meaning,
                    cause = told.cause,
                    remedy = row.remedy,
                    edit = edit(&self.exporter, failure),
                    previous_class = previous.map(Class::code),
                    folded = (folded != 0).then_some(folded),
                    queued = told.state.queued(),
                    dropped = told.dropped.0,
                    help = %format_args!("otlp-relay explain {}", row.code),
                    "export failed"
                )
            };
        }
        if row.heals == Heals::Person { say!(error) } else { say!(warn) }
    }

    fn say_still_failing(&self, told: &Told<'_>, count: u64, lasting: Duration) {
        let (failure, row) = (told.failure, told.failure.class().row());
        let since = Moment::now().before(lasting);
        // What is not tried again is gone, and told by a line of its own.
        let outlook = told.state.outlook().filter(|_| failure.retry() != Retry::Never);
        let left = outlook.map(|outlook| outlook.left().map_or_else(|| "never".to_owned(), go_duration));
        macro_rules! say {
            ($level:ident) => {
                tracing::$level!(
                    class = row.code,
                    exporter = %self.exporter,
                    data_type = told.signal.name(),
                    endpoint = failure.endpoint(),
                    count,
                    since = %since,
                    lasting = go_duration(lasting),
                    cause = told.cause,
                    queued = told.state.queued(),
                    dropped = told.dropped.0,
                    will_drop_in = left,
                    will_drop_by = outlook.and_then(Outlook::decided_by),
                    "export still failing"
                )
            };
        }
        if row.heals == Heals::Person { say!(error) } else { say!(warn) }
    }
}

/// A failure, with what else its line tells.
struct Told<'a> {
    signal: Signal,
    failure: &'a Failure,
    cause: String,
    state: &'a ExporterState,
    dropped: Items,
}

/// When it is tried again, in words.
struct Again(Retry);

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Retry::Never => f.write_str("no"),
            Retry::BackOff => f.write_str("yes (backs off)"),
            Retry::Hold => f.write_str("yes (at the longest interval)"),
            Retry::After(delay) => write!(f, "yes (after {})", go_duration(delay)),
        }
    }
}

impl Throttle {
    /// What the line that may be written now has to tell: all items since the line before, and how many such events
    /// were held back. Nothing while it is too early for another line.
    fn pass(&mut self, items: Items, now: Instant) -> Option<(Items, u64)> {
        self.items += items;
        if self.last.is_some_and(|last| now < last + REPEAT_AFTER) {
            self.folded += 1;
            return None;
        }
        self.last = Some(now);
        Some(self.take())
    }

    fn take(&mut self) -> (Items, u64) {
        (std::mem::take(&mut self.items), std::mem::take(&mut self.folded))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the log keeps silent about something that it has just told.
const REPEAT_AFTER: Duration = Duration::from_secs(60);
