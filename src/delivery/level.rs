//! How full a queue is: numbers that gauges and pages read without touching the queue.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::QueueSizer;
use crate::storage::journal::Totals;

/// The fill level of one sending queue. Holds no part of the queue, so that whoever reads it keeps nothing alive.
#[derive(Debug)]
pub struct QueueLevel {
    capacity: Option<u64>,
    /// How finely a unit of the sizer is divided in `size`.
    grains: u64,
    size: AtomicU64,
    /// Where the size is read instead, when the queue is on disk.
    on_disk: Option<(Arc<Totals>, QueueSizer)>,
    waiting: AtomicU64,
    in_flight: AtomicU64,
    /// Microseconds from `epoch` to the moment when the oldest waiting batch began; `NOTHING` when none waits.
    oldest: AtomicU64,
    /// How many exports sleep until each moment. Bounded by the exports in flight.
    sleepers: Mutex<BTreeMap<Instant, u64>>,
    epoch: Instant,
}

/// An export that sleeps until its next try, for as long as this lives.
pub(super) struct Sleeping<'a> {
    level: &'a QueueLevel,
    until: Instant,
}

impl QueueLevel {
    pub(crate) fn new(capacity: Option<u64>, grains: u64) -> QueueLevel {
        QueueLevel {
            capacity,
            grains,
            size: AtomicU64::new(0),
            on_disk: None,
            waiting: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            oldest: AtomicU64::new(NOTHING),
            sleepers: Mutex::default(),
            epoch: Instant::now(),
        }
    }

    /// The level of no queue.
    pub fn none() -> QueueLevel {
        QueueLevel::new(None, 1)
    }

    /// The level of a queue on disk, whose numbers are `totals`.
    pub(super) fn on_disk(capacity: u64, grains: u64, sizer: QueueSizer, totals: Arc<Totals>) -> QueueLevel {
        QueueLevel { on_disk: Some((totals, sizer)), ..QueueLevel::new(Some(capacity), grains) }
    }

    /// The numbers of the journal, when the queue is on disk.
    pub fn journal(&self) -> Option<&Arc<Totals>> {
        self.on_disk.as_ref().map(|(totals, _)| totals)
    }

    /// What may be in the queue at most, in the unit of its sizer; nothing where the exporter has no queue.
    pub fn capacity(&self) -> Option<u64> {
        self.capacity
    }

    /// What is in the queue, in the unit of its sizer: waiting, in flight and sleeping between tries.
    pub fn size(&self) -> u64 {
        let size = match &self.on_disk {
            None => self.size.load(Ordering::Relaxed),
            Some((totals, QueueSizer::Requests)) => totals.weight().thousandths,
            Some((totals, QueueSizer::Items)) => totals.weight().items,
            Some((totals, QueueSizer::Bytes)) => totals.weight().bytes,
        };
        size.div_ceil(self.grains)
    }

    /// Batches that are ready and wait for a consumer.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Exports that run, at most `num_consumers`, or sleep between tries.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// For how long the oldest of the waiting batches has been waiting; nothing when none waits.
    pub fn oldest_waiting(&self) -> Option<Duration> {
        match self.oldest.load(Ordering::Relaxed) {
            NOTHING => None,
            since => Some(self.epoch.elapsed().saturating_sub(Duration::from_micros(since))),
        }
    }

    /// How long it is to the next try of the exports that sleep between two tries; nothing when none sleeps.
    pub fn next_try(&self) -> Option<Duration> {
        let first = self.sleepers().first_key_value().map(|(until, _)| *until);
        first.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// An export sleeps `until` it is tried again.
    pub(super) fn sleeping(&self, until: Instant) -> Sleeping<'_> {
        *self.sleepers().entry(until).or_default() += 1;
        Sleeping { level: self, until }
    }

    fn sleepers(&self) -> MutexGuard<'_, BTreeMap<Instant, u64>> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn admitted(&self, size: u64) {
        self.size.fetch_add(size, Ordering::Relaxed);
    }

    pub(super) fn released(&self, size: u64) {
        self.size.fetch_sub(size, Ordering::Relaxed);
    }

    /// `waiting` batches wait, of which the oldest has waited since `oldest`.
    pub(super) fn note_waiting(&self, waiting: usize, oldest: Option<Instant>) {
        let since = oldest.map_or(NOTHING, |since| {
            u64::try_from(since.saturating_duration_since(self.epoch).as_micros()).unwrap_or(NOTHING)
        });
        self.waiting.store(waiting as u64, Ordering::Relaxed);
        self.oldest.store(since, Ordering::Relaxed);
    }

    pub(super) fn note_in_flight(&self, exports: usize) {
        self.in_flight.store(exports as u64, Ordering::Relaxed);
    }
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        let mut sleepers = self.level.sleepers();
        if let Some(count) = sleepers.get_mut(&self.until) {
            *count -= 1;
            if *count == 0 {
                sleepers.remove(&self.until);
            }
        }
    }
}

/// Stands for the absence of a point in time.
const NOTHING: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_try_is_that_of_the_first_sleeper_to_wake() {
        let level = QueueLevel::new(None, 1);
        let now = Instant::now();
        let late = level.sleeping(now + Duration::from_secs(900));
        assert!(level.next_try().is_some_and(|next| Duration::from_secs(800) < next));
        let (soon, as_soon) =
            (level.sleeping(now + Duration::from_secs(90)), level.sleeping(now + Duration::from_secs(90)));
        drop(soon);
        assert!(level.next_try().is_some_and(|next| next <= Duration::from_secs(90)));
        drop((as_soon, late));
        assert_eq!(level.next_try(), None);
    }
}
