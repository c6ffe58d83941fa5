//! How many combinations of metadata values a `batch` processor has met, and when they are too many.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use crate::failure::{Class, Failure};
use crate::payload::Payload;

/// Hears of each new combination; lives as long as the stage.
pub type OnCombination = Box<dyn Fn() + Send + Sync>;

/// The combinations that data has come with since the start. As in the Collector none is ever forgotten.
pub(super) struct Combinations {
    /// Names of metadata, in lower case.
    keys: Vec<Box<str>>,
    /// None: any number, of which none is remembered.
    limit: Option<u64>,
    hasher: RandomState,
    /// Hashes: what senders say must not fill the memory.
    met: Mutex<HashSet<u64>>,
    on_new: OnCombination,
}

impl Combinations {
    /// Of the values of `keys`, of which data with `limit` combinations is let through.
    pub(super) fn new(keys: Vec<Box<str>>, limit: Option<u64>, on_new: OnCombination) -> Combinations {
        Combinations { keys, limit, hasher: RandomState::new(), met: Mutex::default(), on_new }
    }

    /// Lets `payload` through if its combination is known or one more may be.
    pub(super) fn admit(&self, payload: &Payload) -> Result<(), Failure> {
        let Some(limit) = self.limit.filter(|_| !self.keys.is_empty()) else { return Ok(()) };
        let values = payload.metadata().map(|metadata| metadata.only(&self.keys)).unwrap_or_default();
        let combination = self.hasher.hash_one(&values);
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if met.contains(&combination) {
            return Ok(());
        }
        if limit <= met.len() as u64 {
            let text = format!("too many batcher metadata-value combinations: the limit is {limit}");
            return Err(Failure::new(Class::TooManyCombinations, text));
        }
        met.insert(combination);
        drop(met);
        (self.on_new)();
        Ok(())
    }
}
