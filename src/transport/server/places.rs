//! How many connections a listener has at a time, and when it is so full that idle ones must go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::Terms;
use crate::memory::Gauge;

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    terms: Arc<ArcSwap<Terms>>,
    taken: AtomicUsize,
    freed: Notify,
    crowded: watch::Sender<bool>,
}

/// Who waits for a listener to be so full that idle connections must go: because most places are taken, or because there
/// is no memory left for data.
#[derive(Debug)]
pub(super) struct Crowd {
    crowded: watch::Receiver<bool>,
    pressure: Gauge,
    /// Keeps the sender alive.
    _places: Arc<Places>,
}

/// The place of one connection; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Places>);

impl Places {
    /// As many as `terms` say at each moment, all of them free.
    pub(super) fn new(terms: Arc<ArcSwap<Terms>>) -> Arc<Places> {
        let (taken, freed) = (AtomicUsize::new(0), Notify::new());
        Arc::new(Places { terms, taken, freed, crowded: watch::channel(false).0 })
    }

    /// A place, if one is free.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Place> {
        let most = self.most();
        let more = |taken: usize| (taken < most).then_some(taken + 1);
        let place =
            self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Place(self.clone()));
        self.look();
        place
    }

    /// A place, as soon as one is free.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        loop {
            if let Some(place) = self.try_take() {
                return place;
            }
            // Beside that, another configuration may have made more of them.
            let _ = timeout(LOOK_AGAIN, self.freed.notified()).await;
        }
    }

    /// Whether it is so full that idle connections must go, now and whenever that changes.
    pub(super) fn crowd(self: &Arc<Self>) -> Crowd {
        let pressure = self.terms.load().pressure.gauge();
        Crowd { crowded: self.crowded.subscribe(), pressure, _places: Arc::clone(self) }
    }

    fn most(&self) -> usize {
        self.terms.load().limits.connections.max(1)
    }

    /// Between the two bounds it stays what it is, so that one client that comes and goes does not wake all others.
    fn look(&self) {
        let (taken, most) = (self.taken.load(Ordering::Relaxed), self.most());
        let now = |before| if before { most - most / 4 <= taken } else { most - most / 8 <= taken };
        self.crowded.send_if_modified(|crowded| {
            let before = std::mem::replace(crowded, now(*crowded));
            before != *crowded
        });
    }
}

/// What there is too little of for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Short {
    Places,
    Memory,
}

impl Crowd {
    /// Ends when there is a crowd, with what it is short of.
    pub(super) async fn begins(&mut self) -> Short {
        tokio::select! {
            biased;
            () = self.pressure.high() => Short::Memory,
            _ = self.crowded.wait_for(|crowded| *crowded) => Short::Places,
        }
    }

    /// Ends when there is none any more.
    pub(super) async fn ends(&mut self) {
        loop {
            // The sender is there as long as this is.
            let _ = self.crowded.wait_for(|crowded| !*crowded).await;
            self.pressure.low().await;
            if !*self.crowded.borrow() {
                return;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_one();
        self.0.look();
    }
}

const LOOK_AGAIN: Duration = Duration::from_secs(1);
