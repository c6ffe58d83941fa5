//! The batches that wait for a consumer. In an outage there may be a hundred thousand of one small payload each, so that
//! little is kept beside those.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::batcher::{Batch, Shape};
use super::lease::Part;

/// Batches that wait, the oldest first.
#[derive(Default)]
pub(super) struct Backlog(VecDeque<Waiting>);

enum Waiting {
    One(Box<One>),
    Several(Box<Batch>),
}

/// A payload that travels as it came.
struct One {
    part: Part,
    since: Instant,
}

impl Backlog {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// When the first payload of the first one came.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.0.front().map(Waiting::since)
    }

    /// Adds one behind all others.
    pub(super) fn push_back(&mut self, batch: Batch) {
        self.0.push_back(Waiting::of(batch));
    }

    /// Adds one before all others.
    pub(super) fn push_front(&mut self, batch: Batch) {
        self.0.push_front(Waiting::of(batch));
    }

    /// Takes the first one out.
    pub(super) fn pop_front(&mut self) -> Option<Batch> {
        let first = self.0.pop_front()?;
        // What an outage took is given back after it.
        if LARGE < self.0.capacity() && self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to(self.0.capacity() / 2);
        }
        Some(match first {
            Waiting::One(one) => Batch::alone(one.part, one.since),
            Waiting::Several(batch) => *batch,
        })
    }
}

impl Waiting {
    fn of(batch: Batch) -> Waiting {
        let Batch { mut parts, gathered, since, shape } = batch;
        let only = if gathered.is_none() && shape == Shape::Fitting && parts.len() == 1 { parts.pop() } else { None };
        match only {
            Some(part) => Waiting::One(Box::new(One { part, since })),
            None => {
                parts.shrink_to_fit();
                Waiting::Several(Box::new(Batch { parts, gathered, since, shape }))
            }
        }
    }

    fn since(&self) -> Instant {
        match self {
            Waiting::One(one) => one.since,
            Waiting::Several(batch) => batch.since,
        }
    }
}

/// Places from which on it pays to give some back.
const LARGE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::lease::Lease;
    use crate::payload::Payload;

    /// Two numbers beside the content of a shared allocation count who shares it.
    const SHARED: usize = 2 * size_of::<usize>();

    #[test]
    fn what_is_kept_beside_a_request_is_what_it_is_charged_for() {
        let holds = 2 * SHARED + size_of::<crate::payload::Hold>();
        // A list grows by doubling.
        let place = 2 * size_of::<Waiting>();
        let kept = size_of::<One>() + size_of::<Lease>() + SHARED + holds + place;
        assert!(kept as u64 <= Payload::BESIDE.0, "{kept}");
    }
}
