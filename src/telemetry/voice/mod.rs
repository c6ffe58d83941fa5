//! What the log says of an exporter's failures: each kind (class, endpoint and cause) once, a summary while it lasts, and the recovery.
//!
//! One voice serves all signals of an exporter, so that three signals that fail alike are not reported three times.
//! What is said is bounded whatever happens: of a class that lasts a line a minute, of one that comes and goes a line in
//! ten seconds at most, and one of each end that was told to begin.

mod edit;
mod fingerprint;
mod incidents;
mod line;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Class, Failure, Retry};
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::units::Items;

pub(super) use self::edit::edit;
use self::fingerprint::Fingerprint;
use self::incidents::{Incidents, Key};
use self::line::{Fate, Line};
use super::clock::go_duration;
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
    /// Lines about failures after which nothing is tried again: they wait a moment to tell what becomes of the data.
    held: Vec<Line>,
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
    pub(super) fn failed(self: &Arc<Self>, signal: Signal, failure: &Failure, state: &ExporterState) {
        let cause = failure.cause();
        let key = Key {
            class: failure.class(),
            endpoint: failure.endpoint().map(Into::into),
            cause: Fingerprint::of(&cause),
        };
        let line = {
            let mut story = lock(&self.story);
            self.troubled.store(true, Ordering::Relaxed);
            let said = story.incidents.failed(signal, key, Instant::now());
            let Some(line) = Line::of(&self.exporter, signal, failure, cause, said, state) else { return };
            if failure.retry() == Retry::Never && self.release_soon() {
                story.held.push(line);
                return;
            }
            (line, story.dropped)
        };
        line.0.say(&self.exporter, line.1, None);
    }

    /// Whether lines that are held now are said in a moment, whatever happens.
    fn release_soon(self: &Arc<Self>) -> bool {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return false };
        let voice = Arc::clone(self);
        runtime.spawn(async move {
            tokio::time::sleep(HELD_FOR).await;
            voice.release();
        });
        true
    }

    /// Says what is held.
    fn release(&self) {
        let (lines, dropped) = {
            let mut story = lock(&self.story);
            (std::mem::take(&mut story.held), story.dropped)
        };
        for line in lines {
            line.say(&self.exporter, dropped, None);
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
        let held = std::mem::take(&mut story.held);
        drop(story);
        held.into_iter().for_each(|line| line.say(&self.exporter, dropped, None));
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
            let held = story.held.iter().position(|line| line.is_of(signal, class));
            let (line, dropped) = (held.map(|at| story.held.remove(at)), story.dropped);
            let throttle = story.losses.entry((loss, class)).or_default();
            if let Some(line) = line {
                // One line for both: the failure, and what became of the data.
                let (items, folded) = throttle.take_now(items, Instant::now());
                drop(story);
                return line.say(&self.exporter, dropped, Some(Fate { loss, items, folded }));
            }
            (throttle.pass(items, Instant::now()), story.incidents.current())
        };
        let Some((items, folded)) = let_pass else { return };
        // Where the queue is full, why it fills is what helps.
        let because = failing_with.filter(|other| *other != class).map(Class::code);
        let (exporter, data_type, row) = (&self.exporter, signal.name(), class.row());
        let (family, phase, remedy) = (row.family.name(), row.phase.name(), row.remedy);
        let (class, items) = (class.code(), items.0);
        let help = format_args!("otlp-relay explain {class}").to_string();
        match loss {
            Loss::Dropped => tracing::error!(
                class, family, %exporter, data_type, phase, dropped_items = items, folded, failing_with = because,
                cause = words, remedy, help, "Exporting failed. Dropping data."
            ),
            Loss::Refused => tracing::error!(
                class, family, %exporter, data_type, phase, rejected_items = items, folded, failing_with = because,
                cause = words, remedy, help, "Exporting failed. Rejecting data."
            ),
            Loss::Rejected => tracing::warn!(
                class, family, %exporter, data_type, phase, retry = "no", dropped_items = items, folded, cause = words,
                remedy, help, "Partial success response"
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

    /// Tells of what is held, and of the losses that wait for the next line of their kind.
    fn last_words(&self) {
        self.release();
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

    /// As [`Throttle::pass`], for a line that is written in any case.
    fn take_now(&mut self, items: Items, now: Instant) -> (Items, u64) {
        self.items += items;
        self.last = Some(now);
        self.take()
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

/// How long a line waits to tell what became of the data. Whoever looks at the log does not notice it.
const HELD_FOR: Duration = Duration::from_millis(250);
