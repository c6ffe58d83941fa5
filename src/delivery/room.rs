//! Whether a queue has room for a payload, and who waits for some.

use std::sync::Arc;

use tokio::sync::{AcquireError, Semaphore};

use crate::config::{Overflow, QueueSizer};
use crate::failure::{Class, Failure};
use crate::flow::Lifetime;
use crate::ident::ComponentId;
use crate::payload::{Payload, Sizer};
use crate::units::ByteCount;

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
///
/// A queue that is bounded in bytes is bounded in memory, too: what it holds takes no more than its capacity and
/// [`BESIDE`]. Large requests never get there; of very small ones, which take more memory than they have bytes, there is room
/// for fewer.
pub(super) struct Room {
    bounds: Bounds,
    overflow: Overflow,
    free: Arc<Free>,
    lifetime: Lifetime,
}

/// What is free of a queue. Semaphores serve those who wait in the order in which they came, and forget the one who no
/// longer waits.
struct Free {
    /// [`grains`] permits for each unit of the sizer.
    size: Semaphore,
    /// A permit for each byte of memory, where the queue is bounded in bytes.
    memory: Option<Semaphore>,
    level: Arc<QueueLevel>,
}

/// What one payload needs of both.
#[derive(Clone, Copy)]
struct Need {
    size: u32,
    memory: u32,
}

/// The room that one payload takes up; given back when it is dropped.
pub(super) struct Charge {
    free: Arc<Free>,
    need: Need,
}

impl Room {
    pub(super) fn new(bounds: Bounds, overflow: Overflow, lifetime: Lifetime) -> Room {
        let memory = bounds.memory().map(semaphore);
        let free = Free { size: semaphore(bounds.limit()), memory, level: Arc::clone(&bounds.level) };
        Room { bounds, overflow, free: Arc::new(free), lifetime }
    }

    /// Takes the room that `payload` needs. Whoever is dropped while waiting for it leaves nothing behind.
    pub(super) async fn take(&self, payload: &Payload) -> Result<Charge, Failure> {
        let size = self.bounds.measure(payload);
        // One payload is never near 4 Gi of anything, whatever the capacity is.
        let Some(permits) = u32::try_from(size).ok().filter(|_| size <= self.bounds.limit()) else {
            return Err(self.bounds.too_large(size));
        };
        let memory = self.bounds.memory().map_or(0, |limit| payload.footprint().0.min(limit));
        let need = Need { size: permits, memory: u32::try_from(memory).unwrap_or(u32::MAX) };
        if self.free.try_take(need).is_none() {
            match self.overflow {
                // Only what is on disk is dropped to make room: the configuration says so.
                Overflow::Refuse | Overflow::DropOldest => return Err(self.bounds.full()),
                Overflow::Block => self.wait(need).await?,
            }
        }
        self.bounds.level.admitted(size);
        Ok(Charge { free: Arc::clone(&self.free), need })
    }

    /// `payload` as it should wait here. The compressed body that it came in spares work if it leaves soon; where others
    /// wait already, the memory is worth more.
    pub(super) fn trim(&self, payload: Payload) -> Payload {
        let is_filling = self
            .bounds
            .memory()
            .zip(self.free.memory.as_ref())
            .is_some_and(|(limit, free)| (free.available_permits() as u64) < limit - limit / 4);
        if is_filling { payload.without_encoded() } else { payload }
    }

    async fn wait(&self, need: Need) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => Err(stopped()),
            taken = self.free.take(need) => taken.map_err(|_| stopped()),
        }
    }
}

fn semaphore(permits: u64) -> Semaphore {
    Semaphore::new(usize::try_from(permits).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS))
}

impl Free {
    fn try_take(&self, need: Need) -> Option<()> {
        let size = self.size.try_acquire_many(need.size).ok()?;
        if let Some(memory) = &self.memory {
            memory.try_acquire_many(need.memory).ok()?.forget();
        }
        size.forget();
        Some(())
    }

    async fn take(&self, need: Need) -> Result<(), AcquireError> {
        let size = self.size.acquire_many(need.size).await?;
        if let Some(memory) = &self.memory {
            memory.acquire_many(need.memory).await?.forget();
        }
        size.forget();
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let Need { size, memory } = self.need;
        self.free.level.released(u64::from(size));
        self.free.size.add_permits(size as usize);
        if let Some(free) = &self.free.memory {
            free.add_permits(memory as usize);
        }
    }
}

impl Bounds {
    /// The capacity in grains.
    pub(super) fn limit(&self) -> u64 {
        self.capacity.saturating_mul(grains(self.sizer))
    }

    /// The memory that what is in the queue may take, in bytes; nothing where the capacity is not in bytes.
    fn memory(&self) -> Option<u64> {
        (self.sizer == QueueSizer::Bytes).then(|| self.capacity.saturating_add(BESIDE.0))
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
        let (size, capacity) = (self.level.size(), self.capacity);
        let beside = match self.sizer {
            // What is refused here is small: it is the memory that is used up.
            QueueSizer::Bytes if self.level.capacity().is_some_and(|all| size < all - all / 64) => {
                ", which with what is kept beside small requests is all the memory that it may take"
            }
            _ => "",
        };
        let text = format!(
            "sending queue is full: {} holds {size} of {capacity} {}{beside} (sending_queue::queue_size); its backend is slow or not answering",
            self.exporter,
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

/// What a queue that is bounded in bytes may take of memory beyond these: for what is kept beside each request.
const BESIDE: ByteCount = ByteCount::mib(8);

/// What a sender is told that comes, or still waits, when the relay stops.
pub(super) fn stopped() -> Failure {
    Failure::new(Class::ShuttingDown, "the relay stopped before its sending queue could take the data")
}
