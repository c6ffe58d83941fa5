//! The open batches of one rule: one for each combination of the metadata values by which it tells senders apart.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::payload::Metadata;

use super::lease::Part;

/// What tells the batches of one rule apart; nothing where the rule joins whatever comes.
pub(super) type Partition = Option<Arc<Metadata>>;

/// A batch that waits for more.
pub(super) struct Open {
    pub(super) parts: Vec<Part>,
    /// By the rule's sizer.
    pub(super) size: u64,
    began: Began,
}

/// When a batch began. No two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Began {
    at: Instant,
    turn: u64,
}

/// Every open batch, to be found by its partition and by its age. A partition is forgotten when its batch is closed, so
/// that nothing is kept of senders who have gone.
#[derive(Default)]
pub(super) struct Partitions {
    open: HashMap<Partition, Open>,
    by_age: BTreeMap<Began, Partition>,
    turns: u64,
}

impl Open {
    /// When its first payload came.
    pub(super) fn since(&self) -> Instant {
        self.began.at
    }
}

impl Partitions {
    /// How many batches are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The batch of `partition`, which begins now if there is none.
    pub(super) fn open(&mut self, partition: &Partition, now: Instant) -> &mut Open {
        self.open.entry(partition.clone()).or_insert_with(|| {
            self.turns += 1;
            let began = Began { at: now, turn: self.turns };
            self.by_age.insert(began, partition.clone());
            Open { parts: Vec::new(), size: 0, began }
        })
    }

    /// Takes the batch of `partition` out.
    pub(super) fn close(&mut self, partition: &Partition) -> Option<Open> {
        let closed = self.open.remove(partition)?;
        self.by_age.remove(&closed.began);
        Some(closed)
    }

    /// When the oldest batch began.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.by_age.first_key_value().map(|(began, _)| began.at)
    }

    /// Takes the oldest batch out.
    pub(super) fn close_oldest(&mut self) -> Option<(Partition, Open)> {
        let (_, partition) = self.by_age.pop_first()?;
        let closed = self.open.remove(&partition)?;
        Some((partition, closed))
    }
}
