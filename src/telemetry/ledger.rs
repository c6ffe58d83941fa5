//! What became of everything since the start: the totals of the final line.

use crate::units::Items;

use super::series::Counter;

/// Totals of the process, in items. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Taken in: the sender was told so.
    pub(super) accepted: Counter,
    /// Taken by a backend.
    pub(super) delivered: Counter,
    /// Rejected by a backend that took the rest of their request.
    pub(super) rejected: Counter,
    /// Taken in, but given up.
    pub(super) dropped: Counter,
    /// Taken in, and set aside on disk.
    pub(super) dead_lettered: Counter,
}

/// The totals at one moment. With several exporters for a pipeline each copy counts for itself, so the last
/// three may add up to more than `accepted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Taken in from senders.
    pub accepted: Items,
    /// Taken by backends.
    pub delivered: Items,
    /// Rejected by backends that took the rest of their request (`partial_success`).
    pub rejected: Items,
    /// Given up after they had been taken in.
    pub dropped: Items,
    /// Set aside on disk as dead letters after they had been taken in.
    pub dead_lettered: Items,
}

impl Ledger {
    /// All zero.
    pub fn new() -> Ledger {
        Ledger {
            accepted: Counter::new(),
            delivered: Counter::new(),
            rejected: Counter::new(),
            dropped: Counter::new(),
            dead_lettered: Counter::new(),
        }
    }

    /// What has been counted up to now.
    pub fn totals(&self) -> Totals {
        Totals {
            accepted: Items(self.accepted.get()),
            delivered: Items(self.delivered.get()),
            rejected: Items(self.rejected.get()),
            dropped: Items(self.dropped.get()),
            dead_lettered: Items(self.dead_lettered.get()),
        }
    }

    /// Counts items that were taken in and are given up outside of any exporter: left in a queue at the end of the
    /// grace period, for example.
    pub fn add_dropped(&self, items: Items) {
        self.dropped.add(items.0);
    }
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger::new()
    }
}
