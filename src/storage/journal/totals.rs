//! Numbers of a journal that gauges and pages read without touching it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::record::Weight;
use super::state::State;

/// The numbers of one journal. Holds no part of it, so that whoever reads them keeps nothing alive.
#[derive(Default)]
pub struct Totals {
    requests: AtomicU64,
    thousandths: AtomicU64,
    items: AtomicU64,
    bytes: AtomicU64,
    segments: AtomicU64,
    disk: AtomicU64,
    oldest: AtomicU64,
    quarantined: AtomicU64,
    replayed: AtomicU64,
    appended: AtomicU64,
    on_sync: OnceLock<Box<dyn Fn(Duration) + Send + Sync>>,
}

impl std::fmt::Debug for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Totals").field("requests", &self.requests).field("items", &self.items).finish_non_exhaustive()
    }
}

impl Totals {
    /// Requests that are not done with: on disk, and perhaps under way.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// What is not done with, in each unit; with what is just being written.
    pub fn weight(&self) -> Weight {
        Weight {
            thousandths: self.thousandths.load(Ordering::Relaxed),
            items: self.items.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// Files of requests.
    pub fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    /// Bytes of these files.
    pub fn disk_bytes(&self) -> u64 {
        self.disk.load(Ordering::Relaxed)
    }

    /// When the oldest file of requests was begun, in nanoseconds since 1970; nothing where nothing waits.
    pub fn oldest_unix_nano(&self) -> Option<u64> {
        Some(self.oldest.load(Ordering::Relaxed)).filter(|oldest| *oldest != 0)
    }

    /// Damaged places that were set aside since the start.
    pub fn quarantined(&self) -> u64 {
        self.quarantined.load(Ordering::Relaxed)
    }

    /// Requests that were read back from disk since the start.
    pub fn replayed(&self) -> u64 {
        self.replayed.load(Ordering::Relaxed)
    }

    /// Items that were written since the start.
    pub fn appended_items(&self) -> u64 {
        self.appended.load(Ordering::Relaxed)
    }

    /// Calls `hear` with how long each wait for the disk took. Only the first call counts.
    pub fn watch_syncs(&self, hear: impl Fn(Duration) + Send + Sync + 'static) {
        let _ = self.on_sync.set(Box::new(hear));
    }

    pub(super) fn synced(&self, took: Duration) {
        if let Some(hear) = self.on_sync.get() {
            hear(took);
        }
    }

    pub(super) fn add_appended(&self, items: u64) {
        self.appended.fetch_add(items, Ordering::Relaxed);
    }

    pub(super) fn add_quarantined(&self, places: u64) {
        self.quarantined.fetch_add(places, Ordering::Relaxed);
    }

    pub(super) fn add_replayed(&self, requests: u64) {
        self.replayed.fetch_add(requests, Ordering::Relaxed);
    }

    /// Takes over what `state` says.
    pub(super) fn note(&self, state: &State) {
        self.requests.store(state.live, Ordering::Relaxed);
        self.thousandths.store(state.used.thousandths, Ordering::Relaxed);
        self.items.store(state.used.items, Ordering::Relaxed);
        self.bytes.store(state.used.bytes, Ordering::Relaxed);
        self.segments.store(state.segments.len() as u64, Ordering::Relaxed);
        self.disk.store(state.segments.values().map(|segment| segment.end).sum(), Ordering::Relaxed);
        let first = state.segments.values().find(|segment| segment.live() != 0);
        self.oldest.store(first.map_or(0, |segment| segment.since), Ordering::Relaxed);
    }
}
