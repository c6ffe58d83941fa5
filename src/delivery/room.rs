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

/// What a queue has not enough of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Short {
    /// What it counts.
    Size,
    /// Memory.
    Memory,
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
        if let Err(short) = self.free.try_take(need) {
            match self.overflow {
                // Only what is on disk is dropped to make room: the configuration says so.
                Overflow::Refuse | Overflow::DropOldest => return Err(self.bounds.full(short)),
                Overflow::Block => self.wait(need).await?,
            }
        }
        self.bounds.level.admitted(size);
        Ok(Charge { free: Arc::clone(&self.free), need })
    }

    /// `payload` as it should wait here. The compressed body that it came in spares work if it leaves soon; where others
    /// wait already, the memory is worth more.
    pub(super) fn trim(&self, payload: Payload) -> Payload {
        let is_filling = |(all, free): (u64, &Semaphore)| (free.available_permits() as u64) < all - all / 4;
        match self.bounds.memory().zip(self.free.memory.as_ref()).is_some_and(is_filling) {
            true => payload.without_encoded(),
            false => payload,
        }
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
    fn try_take(&self, need: Need) -> Result<(), Short> {
        let size = self.size.try_acquire_many(need.size).map_err(|_| Short::Size)?;
        if let Some(memory) = &self.memory {
            memory.try_acquire_many(need.memory).map_err(|_| Short::Memory)?.forget();
        }
        size.forget();
        Ok(())
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
        let most = Semaphore::MAX_PERMITS as u64;
        (self.sizer == QueueSizer::Bytes).then(|| self.capacity.saturating_add(BESIDE.0).min(most))
    }

    /// In grains. At least 1, so that not even requests without any item pile up without bound.
    pub(super) fn measure(&self, payload: &Payload) -> u64 {
        match self.sizer {
            QueueSizer::Requests => share_of_batch(payload),
            QueueSizer::Items => payload.size(Sizer::Items).max(1),
            QueueSizer::Bytes => payload.size(Sizer::Bytes).max(1),
        }
    }

    pub(super) fn full(&self, short: Short) -> Failure {
        let beside = match short {
            Short::Size => "",
            Short::Memory => " of small requests, and what is kept beside these takes the rest of its memory",
        };
        let text = format!(
            "sending queue is full: {} holds {} of {} {}{beside} (sending_queue::queue_size); its backend is slow, refuses some of it, or is not answering",
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

/// What a queue that is bounded in bytes may take of memory beyond these: for what is kept beside each request.
const BESIDE: ByteCount = ByteCount::mib(8);

/// What a sender is told that comes, or still waits, when the relay stops.
pub(super) fn stopped() -> Failure {
    Failure::new(Class::ShuttingDown, "the relay stopped before its sending queue could take the data")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::*;
    use crate::payload::{Encoded, Encoding};
    use crate::signal::Signal;

    const CAPACITY: u64 = 1 << 20;

    fn room(overflow: Overflow) -> Room {
        let level = Arc::new(QueueLevel::new(Some(CAPACITY), grains(QueueSizer::Bytes)));
        let exporter = Arc::new(ComponentId::parse("otlp_grpc").unwrap());
        let bounds = Bounds { exporter, sizer: QueueSizer::Bytes, capacity: CAPACITY, level };
        Room::new(bounds, overflow, Lifetime::new())
    }

    /// An unknown field in `len` bytes.
    fn payload(len: usize) -> Payload {
        let mut body = vec![0x7a];
        let content = len - if len < 130 { 2 } else { 4 };
        match content {
            0..128 => body.push(content as u8),
            _ => body.extend([content as u8 | 0x80, (content >> 7) as u8 | 0x80, (content >> 14) as u8]),
        }
        body.resize(len, 0);
        Payload::parse(Signal::Logs, Bytes::from(body)).unwrap()
    }

    /// Fills `room` with payloads of `len` bytes; what they take up, and what is said of one more.
    fn fill(room: &Room, len: usize) -> (Vec<Charge>, Failure) {
        let payload = payload(len);
        assert_eq!(payload.len().0, len as u64);
        let mut charges = Vec::new();
        loop {
            match room.take(&payload).now_or_never().unwrap() {
                Ok(charge) => charges.push(charge),
                Err(failure) => return (charges, failure),
            }
        }
    }

    #[test]
    fn large_requests_fill_the_capacity_and_small_ones_the_memory() {
        let room = room(Overflow::Refuse);
        let (charges, failure) = fill(&room, 1 << 10);
        assert_eq!((charges.len(), room.bounds.level.size()), (1 << 10, CAPACITY));
        assert!(failure.class() == Class::QueueFull && !failure.cause().contains("beside"), "{}", failure.cause());
        drop(charges);
        let (charges, failure) = fill(&room, 10);
        let memory = charges.len() as u64 * payload(10).footprint().0;
        assert!(memory <= CAPACITY + BESIDE.0 && CAPACITY + BESIDE.0 - memory < 1 << 10, "{memory}");
        assert!(room.bounds.level.size() < CAPACITY / 2);
        assert!(failure.class() == Class::QueueFull && failure.cause().contains("beside"), "{}", failure.cause());
        drop(charges);
        assert_eq!(room.bounds.level.size(), 0);
        assert_eq!(fill(&room, 1 << 10).0.len(), 1 << 10, "all of it is given back");
    }

    #[test]
    fn who_waits_for_memory_gets_what_is_given_back() {
        let (full, waits) = (room(Overflow::Refuse), room(Overflow::Block));
        let small = payload(10);
        let mut charges: Vec<Charge> =
            (0..fill(&full, 10).0.len()).map(|_| waits.take(&small).now_or_never().unwrap().unwrap()).collect();
        let mut waiting = Box::pin(waits.take(&small));
        assert!(waiting.as_mut().now_or_never().is_none());
        charges.pop();
        assert!(waiting.now_or_never().unwrap().is_ok());
    }

    #[test]
    fn the_compressed_body_stays_only_while_little_waits() {
        let room = room(Overflow::Refuse);
        let compressed =
            || payload(300 << 10).with_encoded(Encoded { encoding: Encoding::Gzip, body: Bytes::from(vec![0; 100]) });
        let keeps = || room.trim(compressed()).encoded().is_some();
        assert!(keeps());
        // Three quarters of the memory is free, but not of the capacity, of which there is less.
        let large: Vec<Charge> = (0..3).map(|_| room.take(&compressed()).now_or_never().unwrap().unwrap()).collect();
        assert!(keeps());
        drop(large);
        let (small, _) = fill(&room, 10);
        assert!(!keeps());
        drop(small);
        assert!(keeps());
    }
}
