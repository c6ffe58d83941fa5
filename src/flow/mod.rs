//! How payloads move: one trait for every stage, fan-out to several of them, and the life of tasks and threads.

mod fanout;
mod lifetime;
mod panics;
mod workers;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use fanout::FanOut;
pub use lifetime::{Drained, Lifetime};
pub use panics::{count_panics, panics};
pub use workers::{Workers, worker_count, worker_index};

use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::units::Items;

/// The answer of a stage, as it is awaited.
pub type Consumed<'a> = Pin<Box<dyn Future<Output = Result<Receipt, Failure>> + Send + 'a>>;

/// A stage that takes payloads: queue, retry, exporter, limiter, fan-out, observer.
pub trait Consume: Send + Sync + 'static {
    /// Takes `payload` over. `Ok` means that the stage answers for it from now on, as the receipt says.
    fn consume(&self, payload: Payload) -> Consumed<'_>;

    /// Whether it takes anything at the moment, for those who would rather not read a large request in vain.
    ///
    /// # Errors
    /// What each payload would be answered now.
    fn is_open(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Takes everything.
#[cfg(test)]
pub(crate) struct Taker;

#[cfg(test)]
impl Consume for Taker {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        Box::pin(async { Ok(Receipt::empty()) })
    }
}

/// The stage behind another one.
pub type Next = Arc<dyn Consume>;

/// Who answers for a payload now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Custody {
    /// A queue of ours holds it; its outcome is not known yet.
    Held,
    /// The backend of this exporter took it.
    Delivered(Arc<ComponentId>),
    /// Nobody takes it for now: it is on disk as a dead letter, to be sent again when the cause is mended.
    SetAside,
    /// There was nothing to deliver.
    Empty,
}

/// What became of a payload that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who answers for it now.
    pub custody: Custody,
    /// Items that the backend rejected although it took the request (`partial_success`).
    pub rejected: Items,
    /// What the backend says of the rejected items, or a warning of its.
    pub message: Option<Arc<str>>,
    /// Items that nobody took, but that are on disk as dead letters.
    pub set_aside: Items,
    /// The record of the attempt that delivered it.
    pub attempt: Option<Arc<Attempt>>,
}

impl Receipt {
    /// Held by a queue.
    pub fn held() -> Receipt {
        Receipt::of(Custody::Held)
    }

    /// Nothing was there to deliver.
    pub fn empty() -> Receipt {
        Receipt::of(Custody::Empty)
    }

    /// Delivered in full by `exporter`.
    pub fn delivered(exporter: Arc<ComponentId>) -> Receipt {
        Receipt::of(Custody::Delivered(exporter))
    }

    /// All of its `items` are kept as dead letters.
    pub fn set_aside(items: Items) -> Receipt {
        Receipt { set_aside: items, ..Receipt::of(Custody::SetAside) }
    }

    fn of(custody: Custody) -> Receipt {
        Receipt { custody, rejected: Items::ZERO, message: None, set_aside: Items::ZERO, attempt: None }
    }

    /// What the sender of the whole is told when its parts, or its copies, ended in `self` and `other`.
    #[must_use]
    pub fn and(self, other: Receipt) -> Receipt {
        Receipt {
            custody: match (self.custody, other.custody) {
                (Custody::Held, _) | (_, Custody::Held) => Custody::Held,
                (Custody::Empty | Custody::SetAside, custody) => custody,
                (custody, _) => custody,
            },
            rejected: self.rejected + other.rejected,
            message: self.message.or(other.message),
            set_aside: self.set_aside + other.set_aside,
            attempt: self.attempt.or(other.attempt),
        }
    }
}
