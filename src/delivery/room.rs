//! Whether a queue has room for a payload, and who waits for some.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Overflow, QueueSizer};
use crate::failure::{Class, Failure};
use crate::flow::Lifetime;
use crate::ident::ComponentId;
use crate::payload::{Payload, Sizer};

use super::level::QueueLevel;

/// How much one queue may hold, and what is said when that is too little.
pub(super) struct Bounds {
    pub(super) exporter: Arc<ComponentId>,
    pub(super) sizer: QueueSizer,
    /// In units of the sizer.
    pub(super) capacity: u64,
    pub(super) level: Arc<QueueLevel>,
}

/// The capacity of one queue in memory. Counted is everything whose export has not ended: waiting, in flight, sleeping in retry.
pub(super) struct Room {
    bounds: Bounds,
    overflow: Overflow,
    /// [`grains`] permits for each unit of the sizer. It serves those who wait in the order in which they came, and forgets
    /// the one who no longer waits.
    free: Arc<Semaphore>,
    lifetime: Lifetime,
}

/// The room that one payload takes up; given back when it is dropped.
pub(super) struct Charge {
    permit: OwnedSemaphorePermit,
    level: Arc<QueueLevel>,
}

impl Room {
    pub(super) fn new(bounds: Bounds, overflow: Overflow, lifetime: Lifetime) -> Room {
        let permits = usize::try_from(bounds.limit()).unwrap_or(usize::MAX);
        let permits = permits.min(Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(permits));
        Room { bounds, overflow, free, lifetime }
    }

    /// Takes the room that `payload` needs. Whoever is dropped while waiting for it leaves nothing behind.
    pub(super) async fn take(&self, payload: &Payload) -> Result<Charge, Failure> {
        let need = self.bounds.measure(payload);
        // One payload is never near 4 Gi of anything, whatever the capacity is.
        let Some(permits) = u32::try_from(need).ok().filter(|_| need <= self.bounds.limit()) else {
            return Err(self.bounds.too_large(need));
        };
        let permit = match Arc::clone(&self.free).try_acquire_many_owned(permits) {
            Ok(permit) => permit,
            Err(_) => match self.overflow {
                // Only what is on disk is dropped to make room: the configuration says so.
                Overflow::Refuse | Overflow::DropOldest => return Err(self.bounds.full()),
                Overflow::Block => self.wait(permits).await?,
            },
        };
        self.bounds.level.admitted(need);
        Ok(Charge { permit, level: Arc::clone(&self.bounds.level) })
    }

    async fn wait(&self, permits: u32) -> Result<OwnedSemaphorePermit, Failure> {
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => Err(stopped()),
            permit = Arc::clone(&self.free).acquire_many_owned(permits) => permit.map_err(|_| stopped()),
        }
    }
}

impl Bounds {
    /// The capacity in grains.
    pub(super) fn limit(&self) -> u64 {
        self.capacity.saturating_mul(grains(self.sizer))
    }

    /// In grains. At least 1, so that not even requests without any item pile up without bound.
    pub(super) fn measure(&self, payload: &Payload) -> u64 {
        match self.sizer {
            QueueSizer::Requests => share_of_batch(payload),
            QueueSizer::Items => payload.size(Sizer::Items).max(1),
            QueueSizer::Bytes => payload.size(Sizer::Bytes).max(1),
        }
    }

    pub(super) fn full(&self) -> Failure {
        let text = format!(
            "sending queue is full: {} holds {} of {} {} (sending_queue::queue_size); its backend is slow or not answering",
            self.exporter,
            self.level.size(),
            self.capacity,
            self.unit()
        );
        Failure::new(Class::QueueFull, text)
    }

    pub(super) fn too_large(&self, need: u64) -> Failure {
        let text = format!(
            "a request of {need} {unit} is larger than the whole sending queue of {} ({} {unit})",
            self.exporter,
            self.capacity,
            unit = self.unit()
        );
        Failure::new(Class::TooLargeForQueue, text)
    }

    fn unit(&self) -> &'static str {
        match self.sizer {
            QueueSizer::Requests => "requests",
            QueueSizer::Items => "items",
            QueueSizer::Bytes => "bytes",
        }
    }
}

/// How finely a unit of the sizer is divided.
pub(super) fn grains(sizer: QueueSizer) -> u64 {
    match sizer {
        QueueSizer::Requests => REQUEST,
        QueueSizer::Items | QueueSizer::Bytes => 1,
    }
}

/// What a `batch` processor gathers goes out as one request, so each payload counts as its share of one: in the
/// Collector, too, a queue of 1000 requests holds 1000 batches.
pub(super) fn share_of_batch(payload: &Payload) -> u64 {
    match payload.rule() {
        Some(rule) if 0 < rule.min_size => {
            (payload.size(rule.sizer).saturating_mul(REQUEST) / rule.min_size).clamp(1, REQUEST)
        }
        _ => REQUEST,
    }
}

/// Grains of one request.
const REQUEST: u64 = 1000;

impl Drop for Charge {
    fn drop(&mut self) {
        self.level.released(self.permit.num_permits() as u64);
    }
}

/// What a sender is told that comes, or still waits, when the relay stops.
pub(super) fn stopped() -> Failure {
    Failure::new(Class::ShuttingDown, "the relay stopped before its sending queue could take the data")
}
