//! How many bytes the relay may hold in memory at once, and who holds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::units::ByteCount;

/// A bound on bytes held in memory, shared by everything that holds some.
#[derive(Debug)]
pub struct Budget {
    limit: ByteCount,
    used: AtomicU64,
}

/// Some bytes of a budget; given back when it is dropped.
#[derive(Debug)]
pub struct Hold {
    budget: Arc<Budget>,
    bytes: ByteCount,
}

impl Budget {
    /// A budget of `limit`, all of it free.
    pub fn new(limit: ByteCount) -> Arc<Budget> {
        Arc::new(Budget { limit, used: AtomicU64::new(0) })
    }

    /// The bound.
    pub fn limit(&self) -> ByteCount {
        self.limit
    }

    /// What is held now.
    pub fn used(&self) -> ByteCount {
        ByteCount(self.used.load(Ordering::Relaxed))
    }

    /// Whether more than half of it is held: then nobody should hold any for longer than need be.
    pub fn is_scarce(&self) -> bool {
        self.limit.0 / 2 < self.used().0
    }

    /// Takes `bytes` of what is free; nothing when there are not so many.
    pub fn reserve(self: &Arc<Self>, bytes: ByteCount) -> Option<Hold> {
        let mut hold = Hold { budget: Arc::clone(self), bytes: ByteCount::ZERO };
        hold.grow(bytes).then_some(hold)
    }
}

impl Hold {
    /// Takes `by` bytes more; false, and nothing taken, when there are not so many.
    #[must_use]
    pub fn grow(&mut self, by: ByteCount) -> bool {
        self.grow_leaving(ByteCount::ZERO, by)
    }

    /// Takes `by` bytes more where `spare` bytes are free after that.
    #[must_use]
    pub fn grow_leaving(&mut self, spare: ByteCount, by: ByteCount) -> bool {
        let limit = self.budget.limit.0.saturating_sub(spare.0);
        let grown = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(by.0).filter(|&sum| sum <= limit)
        });
        if grown.is_ok() {
            self.bytes += by;
        }
        grown.is_ok()
    }

    /// Takes `by` bytes more where no more than a quarter of the budget is held after that: for what may never be used.
    #[must_use]
    pub fn grow_early(&mut self, by: ByteCount) -> bool {
        self.grow_leaving(ByteCount(self.budget.limit.0 / 4 * 3), by)
    }

    /// Gives back all but `bytes`; nothing happens when it holds less.
    pub fn shrink_to(&mut self, bytes: ByteCount) {
        let excess = self.bytes - bytes;
        self.bytes = self.bytes - excess;
        self.budget.used.fetch_sub(excess.0, Ordering::Relaxed);
    }

    /// What it holds.
    pub fn bytes(&self) -> ByteCount {
        self.bytes
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shrink_to(ByteCount::ZERO);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_hold_gives_its_bytes_back_when_it_is_dropped() {
        let budget = Budget::new(ByteCount(10));
        let mut hold = budget.reserve(ByteCount(6)).unwrap();
        assert!(budget.reserve(ByteCount(5)).is_none());
        assert!(hold.grow(ByteCount(4)));
        assert!(!hold.grow(ByteCount(1)));
        hold.shrink_to(ByteCount(8));
        assert!(!hold.grow_leaving(ByteCount(2), ByteCount(1)));
        assert!(hold.grow_leaving(ByteCount(1), ByteCount(1)));
        assert!(budget.is_scarce());
        assert!(!hold.grow_early(ByteCount(0)));
        hold.shrink_to(ByteCount(1));
        assert_eq!(budget.used(), ByteCount(1));
        assert!(hold.grow_early(ByteCount(3)) && !hold.grow_early(ByteCount(1)));
        drop(hold);
        assert_eq!(budget.used(), ByteCount::ZERO);
    }
}
