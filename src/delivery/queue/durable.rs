//! The queue on disk: a sender is answered when the journal has its data, and what waits there comes back when there is
//! room for it in memory.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::{Acknowledge, OnStorageFailure, Overflow, QueueSizer};
use crate::delivery::OnGivenUp;
use crate::delivery::lease::{Hold, Outcome, Part, settle};
use crate::delivery::room::{Bounds, Short, share_of_batch, stopped};
use crate::failure::{Class, Failure};
use crate::flow::Receipt;
use crate::payload::{Payload, Sizer};
use crate::storage::journal::{Appended, Journal, Refused, Replay, Replayed, Reservation, Weight};
use crate::units::Items;

use super::super::batcher::Batch;
use super::{Queue, Shared, apart};

/// Where a queue is kept, and how.
pub(crate) struct Disk {
    pub(crate) journal: Arc<Journal>,
    pub(crate) bounds: Bounds,
    pub(crate) overflow: Overflow,
    pub(crate) on_failure: OnStorageFailure,
    pub(crate) max_age: Option<Duration>,
    /// Items a second.
    pub(crate) replay_rate: Option<u64>,
    pub(crate) on_given_up: OnGivenUp,
}

impl Queue {
    /// From now on this queue reads its journal, on the runtime of `handle`, and no queue before it does. Nothing happens to
    /// one that is in memory.
    pub(crate) fn start(&self, handle: &Handle) {
        let Some(disk) = &self.0.disk else { return };
        let turn = disk.journal.take_over();
        let shared = Arc::clone(&self.0);
        self.0.lifetime.spawn_on(handle, "durable queue reader", async move { shared.replay(turn).await });
    }
}

impl Disk {
    fn weigh(&self, payload: &Payload) -> Weight {
        Weight {
            thousandths: share_of_batch(payload),
            items: payload.size(Sizer::Items),
            bytes: payload.size(Sizer::Bytes),
        }
    }

    fn fits(&self, used: Weight) -> bool {
        let used = match self.bounds.sizer {
            QueueSizer::Requests => used.thousandths,
            QueueSizer::Items => used.items,
            QueueSizer::Bytes => used.bytes,
        };
        used <= self.bounds.limit()
    }

    fn is_too_old(&self, since: u64, now: u64) -> bool {
        self.max_age.is_some_and(|most| most < Duration::from_nanos(now.saturating_sub(since)))
    }

    fn expired(&self) -> String {
        let most = self.max_age.unwrap_or_default();
        format!("it waited longer than sending_queue::max_age ({most:?})")
    }
}

impl Shared {
    /// Writes `payload` to disk, and hands it on at once if nothing waits before it.
    pub(super) async fn keep(self: &Arc<Self>, disk: &Disk, payload: Payload) -> Outcome {
        let reservation = self.room_on_disk(disk, &payload).await?;
        let hold = match disk.journal.append(payload.clone(), reservation).await {
            Ok(Appended::Waits) => return Ok(Receipt::held()),
            Ok(Appended::Taken(claim)) => Hold::Disk(Box::new(claim)),
            Err(Refused { trouble, .. }) if disk.on_failure == OnStorageFailure::Refuse => {
                let what = format!("the durable queue of {} cannot take it: {}", disk.bounds.exporter, trouble.what);
                return Err(Failure::new(trouble.class, what));
            }
            Err(Refused { reservation, .. }) => Hold::RoomOnDisk(reservation.map(Box::new)),
        };
        let (part, _) = Part::lease(payload, hold, Acknowledge::WhenQueued);
        self.push(part);
        Ok(Receipt::held())
    }

    async fn room_on_disk(&self, disk: &Disk, payload: &Payload) -> Result<Reservation, Failure> {
        let need = disk.bounds.measure(payload);
        if disk.bounds.limit() < need {
            return Err(disk.bounds.too_large(need));
        }
        let weight = disk.weigh(payload);
        loop {
            if let Some(reservation) = disk.journal.reserve(weight, |used| disk.fits(used)) {
                return Ok(reservation);
            }
            match disk.overflow {
                Overflow::Refuse => return Err(disk.bounds.full(Short::Size)),
                Overflow::Block => {
                    return tokio::select! {
                        biased;
                        () = self.lifetime.aborted() => Err(stopped()),
                        reservation = disk.journal.reserve_when_free(weight, |used| disk.fits(used)) => Ok(reservation),
                    };
                }
                Overflow::DropOldest => {
                    if !self.drop_oldest(disk).await {
                        return Err(disk.bounds.full(Short::Size));
                    }
                }
            }
        }
    }

    /// Drops what has waited longest, unless it is under way; whether there was anything.
    async fn drop_oldest(&self, disk: &Disk) -> bool {
        let why = "the queue was full, and older data made room for newer data (overflow: drop_oldest)";
        let batch = {
            let mut state = self.lock();
            let batch = state.backlog.pop_front().or_else(|| state.batcher.take_open());
            self.note(&state);
            batch
        };
        if let Some(batch) = batch {
            self.give_up(batch.parts, Class::QueueFull, why).await;
            return true;
        }
        let replay = self.read(disk, 1).await;
        let found = !replay.requests.is_empty();
        for Replayed { payload, claim } in replay.requests {
            self.next.give_up(payload, Failure::new(Class::QueueFull, why)).await;
            claim.acknowledge();
        }
        found
    }

    async fn give_up(&self, parts: Vec<Part>, class: Class, why: &str) {
        for Part { payload, lease } in parts {
            self.next.give_up(payload, Failure::new(class, why.to_owned())).await;
            lease.conclude(None);
        }
    }

    /// What of `batch` is to be sent. While the relay drains, what is on disk stays there; what is too old is given up.
    pub(super) async fn worth_sending(&self, disk: &Disk, mut batch: Batch) -> Option<Batch> {
        if self.lifetime.is_draining() {
            batch.parts.retain(|part| !part.lease.is_on_disk());
        }
        if disk.max_age.is_some() {
            let now = now();
            let is_old = |part: &Part| part.lease.since_unix_nano().is_some_and(|since| disk.is_too_old(since, now));
            let (old, good) = batch.parts.into_iter().partition(is_old);
            self.give_up(old, Class::ExpiredInQueue, &disk.expired()).await;
            batch.parts = good;
        }
        (!batch.parts.is_empty()).then_some(batch)
    }

    /// Sends `batch`. What is on disk waits for no end of the relay, and not beyond its age: what comes back is to be looked
    /// at again, since some of it is too old.
    pub(super) async fn send_kept(&self, disk: &Disk, batch: Batch) -> Option<Batch> {
        let Batch { parts, gathered, since, shape } = batch;
        let is_kept = parts.iter().all(|part| part.lease.is_on_disk());
        let oldest = parts.iter().filter_map(|part| part.lease.since_unix_nano()).min();
        let expiry = disk.max_age.zip(oldest).filter(|_| is_kept).map(|(most, since)| {
            let age = Duration::from_nanos(now().saturating_sub(since));
            // A moment later, so that it is too old by any clock.
            Instant::now() + most.saturating_sub(age).min(LONGEST_WAIT) + Duration::from_millis(1)
        });
        let volatile: Vec<Payload> =
            parts.iter().filter(|part| !part.lease.is_on_disk()).map(|part| part.payload.clone()).collect();
        let (payloads, leases) = apart(parts);
        let again = expiry.map(|_| (payloads.clone(), gathered.clone()));
        let outcome = tokio::select! {
            biased;
            outcome = self.send(payloads, gathered) => Some(outcome),
            () = self.end_of_patience(), if is_kept => Some(Err(stopped())),
            () = sleep_until(expiry.unwrap_or_else(Instant::now)), if expiry.is_some() => None,
        };
        match (outcome, again) {
            (None, Some((payloads, gathered))) => {
                let parts = payloads.into_iter().zip(leases).map(|(payload, lease)| Part { payload, lease }).collect();
                return Some(Batch { parts, gathered, since, shape });
            }
            (None, None) => {}
            (Some(outcome), _) => {
                if let Err(failure) = &outcome
                    && failure.class() == Class::ShuttingDown
                {
                    self.interrupted(disk, volatile, failure);
                }
                settle(leases, outcome);
            }
        }
        None
    }

    /// Sets aside what the disk did not take and the end of the relay would cost, or counts it: around the exporter, all of
    /// it counts as kept.
    fn interrupted(&self, disk: &Disk, volatile: Vec<Payload>, failure: &Failure) {
        let lost: Items =
            volatile.iter().filter(|payload| !self.next.rescue(payload, failure)).map(Payload::items).sum();
        if lost != Items::ZERO {
            (disk.on_given_up)(Class::ShuttingDown, lost, &failure.cause());
        }
    }

    async fn end_of_patience(&self) {
        self.lifetime.intake_ended().await;
        sleep(LAST_TRY).await;
    }

    /// Reads the journal until the relay drains or another queue does it.
    async fn replay(self: Arc<Self>, turn: CancellationToken) {
        let Some(disk) = &self.disk else { return };
        let mut pace = disk.replay_rate.map(Pace::new);
        loop {
            tokio::select! {
                biased;
                () = self.lifetime.intake_ended() => return,
                () = turn.cancelled() => return,
                () = disk.journal.readable() => {}
            }
            let replay = self.read(disk, READ_AT_ONCE).await;
            if replay.lost_items != 0 {
                let why = "what was on disk could not be read back";
                (disk.on_given_up)(Class::StorageDamaged, Items(replay.lost_items), why);
            }
            for Replayed { payload, claim } in replay.requests {
                if let Some(pace) = &mut pace {
                    tokio::select! {
                        biased;
                        // What was read and is not sent goes back to where it was.
                        () = self.lifetime.intake_ended() => return,
                        () = turn.cancelled() => return,
                        () = pace.wait_for(payload.items(), disk.journal.totals().appended_items()) => {}
                    }
                }
                self.push(Part::lease(payload, Hold::Disk(Box::new(claim)), Acknowledge::WhenQueued).0);
            }
            if let Some(trouble) = replay.trouble {
                tracing::error!(class = %trouble.class, "the durable queue cannot be read: {}", trouble.what);
                tokio::select! {
                    () = self.lifetime.intake_ended() => return,
                    () = sleep(AFTER_TROUBLE) => {}
                }
            }
        }
    }

    /// Reads on a thread that may wait for the disk.
    async fn read(&self, disk: &Disk, most: u64) -> Replay {
        let journal = Arc::clone(&disk.journal);
        // What a panic leaves unread is read again by the next run.
        tokio::task::spawn_blocking(move || journal.read(most)).await.unwrap_or_default()
    }
}

/// Lets so many items pass in a second, and as many more as come in: otherwise a backlog might never end.
struct Pace {
    /// Seconds an item.
    cost: f64,
    free_at: Instant,
    /// Items that had come in when it was looked last.
    seen: u64,
    /// Items that came in since, and for which none has passed yet.
    credit: u64,
}

impl Pace {
    fn new(rate: u64) -> Pace {
        Pace { cost: 1.0 / rate.max(1) as f64, free_at: Instant::now(), seen: 0, credit: 0 }
    }

    /// Ends when `items` may pass, where `appended` have come in so far. What was not used for a while may not be made up
    /// for.
    async fn wait_for(&mut self, items: Items, appended: u64) {
        self.credit += appended.saturating_sub(self.seen);
        self.seen = appended;
        let free = self.credit.min(items.0);
        self.credit -= free;
        if free == items.0 {
            return;
        }
        sleep_until(self.free_at).await;
        let takes = Duration::from_secs_f64(((items.0 - free) as f64 * self.cost).min(MOST_SECONDS));
        self.free_at = self.free_at.max(Instant::now()) + takes;
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How many bytes are read before they are handed on.
const READ_AT_ONCE: u64 = 1 << 20;

/// What is on disk is under way no longer than this when the relay stops: it would only make the stop slow.
const LAST_TRY: Duration = Duration::from_secs(2);

const AFTER_TROUBLE: Duration = Duration::from_secs(1);

/// An age of centuries must not overflow the clock.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

const MOST_SECONDS: f64 = 3600.0;
