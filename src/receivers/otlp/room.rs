//! The memory that requests may take: of the relay's budget while their data is here, of their receiver's share until
//! they are answered.

use std::sync::Arc;

use crate::failure::{Class, Failure};
use crate::memory::Pressure;
use crate::payload::{Budget, Hold};
use crate::units::ByteCount;

use super::refusal::no_room;

/// What the requests of one receiver may take.
#[derive(Debug)]
pub(super) struct Room {
    budget: Arc<Budget>,
    in_flight: Arc<Budget>,
    pressure: Pressure,
}

/// What one request takes.
#[derive(Debug)]
pub(super) struct Claim {
    hold: Hold,
    share: Share,
    /// What it leaves to others once it is no small one.
    spare: ByteCount,
}

/// A request's part of what its receiver may have in flight: to be dropped when it is answered.
#[derive(Debug)]
pub(super) struct Share(Hold);

impl Room {
    /// Room in `budget`, of which requests that are not answered yet take `in_flight` at most.
    /// Nobody dawdles there while `pressure` is high.
    pub(super) fn new(budget: Arc<Budget>, in_flight: Arc<Budget>, pressure: Pressure) -> Arc<Room> {
        Arc::new(Room { budget, in_flight, pressure })
    }

    /// A claim to nothing yet.
    pub(super) fn claim(&self) -> Result<Claim, Failure> {
        let holds = self.budget.reserve(ByteCount::ZERO).zip(self.in_flight.reserve(ByteCount::ZERO));
        let (hold, share) = holds.ok_or_else(|| self.used_up())?;
        Ok(Claim { hold, share: Share(share), spare: ByteCount(self.in_flight.limit().0 / 8) })
    }

    /// Memory beside the body, for as long as the data is here.
    pub(super) fn hold(&self, bytes: ByteCount) -> Result<Hold, Failure> {
        self.budget.reserve(bytes).ok_or_else(|| self.used_up())
    }

    /// Whether clients that dawdle keep others out.
    pub(super) fn is_scarce(&self) -> bool {
        self.budget.is_scarce() || self.in_flight.is_scarce() || self.pressure.is_high()
    }

    /// What a client is told that dawdles where it keeps others out.
    pub(super) fn dawdles(&self) -> Failure {
        match self.budget.is_scarce() || self.in_flight.is_scarce() {
            true => self.used_up(),
            false => Failure::new(
                Class::MemoryLimited,
                "data refused due to high memory usage: the request came too slowly while memory is short",
            ),
        }
    }

    /// There is not enough of it.
    pub(super) fn used_up(&self) -> Failure {
        let tighter =
            [&self.in_flight, &self.budget].into_iter().min_by_key(|it| it.limit().0 - it.used().0.min(it.limit().0));
        no_room(tighter.unwrap_or(&self.budget))
    }
}

impl Claim {
    /// Takes `by` more; false when there is not so much. What was taken by then goes with the claim.
    #[must_use]
    pub(super) fn grow(&mut self, by: ByteCount) -> bool {
        let spare = if SMALL < self.bytes() + by { self.spare } else { ByteCount::ZERO };
        self.share.0.grow_leaving(spare, by) && self.hold.grow(by)
    }

    /// Takes `by` more that may never be used: as long as there is room in plenty.
    #[must_use]
    pub(super) fn grow_early(&mut self, by: ByteCount) -> bool {
        let before = self.share.0.bytes();
        let is_taken = self.share.0.grow_early(by) && self.hold.grow_early(by);
        if !is_taken {
            self.share.0.shrink_to(before);
        }
        is_taken
    }

    /// Gives back all but `bytes`.
    pub(super) fn shrink_to(&mut self, bytes: ByteCount) {
        self.share.0.shrink_to(bytes);
        self.hold.shrink_to(bytes);
    }

    /// What it holds.
    pub(super) fn bytes(&self) -> ByteCount {
        self.hold.bytes()
    }

    /// What the data takes while it is here, and what its request takes until it is answered.
    pub(super) fn divide(self) -> (Hold, Share) {
        (self.hold, self.share)
    }
}

/// Requests up to this size may take the last eighth of the room too: large ones, however many, leave it to them.
pub(super) const SMALL: ByteCount = ByteCount(256 << 10);
