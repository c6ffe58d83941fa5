//! Whether a queue has room for a payload, and who waits for some.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Overflow, QueueSizer};
use crate::failure::{Class, Failure};
use crate::flow::Lifetime;
use crate::ident::ComponentId;
use crate::payload::{Payload, Sizer};

use super::level::QueueLevel;

/// The capacity of one queue. Counted is everything whose export has not ended: waiting, in flight, sleeping in retry.
pub(super) struct Room {
    exporter: Arc<ComponentId>,
    sizer: QueueSizer,
    overflow: Overflow,
    capacity: u64,
    /// [`grains`] permits for each unit of the sizer. It serves those who wait in the order in which they came, and forgets
    /// the one who no longer waits.
    free: Arc<Semaphore>,
    level: Arc<QueueLevel>,
    lifetime: Lifetime,
}

/// The room that one payload takes up; given back when it is dropped.
pub(super) struct Charge {
    permit: OwnedSemaphorePermit,
    level: Arc<QueueLevel>,
}

impl Room {
    pub(super) fn new(
        exporter: Arc<ComponentId>,
        capacity: u64,
        sizer: QueueSizer,
        overflow: Overflow,
        level: Arc<QueueLevel>,
        lifetime: Lifetime,
    ) -> Room {
        let permits = usize::try_from(capacity.saturating_mul(grains(sizer))).unwrap_or(usize::MAX);
        let permits = permits.min(Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(permits));
        Room { exporter, sizer, overflow, capacity, free, level, lifetime }
    }

    /// Takes the room that `payload` needs. Whoever is dropped while waiting for it leaves nothing behind.
    pub(super) async fn take(&self, payload: &Payload) -> Result<Charge, Failure> {
        let need = self.measure(payload);
        // One payload is never near 4 Gi of anything, whatever the capacity is.
        let Some(permits) =
            u32::try_from(need).ok().filter(|_| need <= self.capacity.saturating_mul(grains(self.sizer)))
        else {
            return Err(self.too_large(need));
        };
        let permit = match Arc::clone(&self.free).try_acquire_many_owned(permits) {
            Ok(permit) => permit,
            Err(_) => match self.overflow {
                Overflow::Refuse => return Err(self.full()),
                Overflow::Block => self.wait(permits).await?,
            },
        };
        self.level.admitted(need);
        Ok(Charge { permit, level: Arc::clone(&self.level) })
    }

    async fn wait(&self, permits: u32) -> Result<OwnedSemaphorePermit, Failure> {
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => Err(stopped()),
            permit = Arc::clone(&self.free).acquire_many_owned(permits) => permit.map_err(|_| stopped()),
        }
    }

    /// In grains. At least 1, so that not even requests without any item pile up without bound.
    fn measure(&self, payload: &Payload) -> u64 {
        match self.sizer {
            QueueSizer::Requests => share_of_batch(payload),
            QueueSizer::Items => payload.size(Sizer::Items).max(1),
            QueueSizer::Bytes => payload.size(Sizer::Bytes).max(1),
        }
    }

    fn full(&self) -> Failure {
        let text = format!(
            "sending queue is full: {} holds {} of {} {} (sending_queue::queue_size); its backend is slow or not answering",
            self.exporter,
            self.level.size(),
            self.capacity,
            self.unit()
        );
        Failure::new(Class::QueueFull, text)
    }

    fn too_large(&self, need: u64) -> Failure {
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
fn share_of_batch(payload: &Payload) -> u64 {
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
