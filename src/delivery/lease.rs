//! Who is told what became of a payload, however it was joined with others or cut on the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::config::Acknowledge;
use crate::failure::{Class, Failure, Retry};
use crate::flow::Receipt;
use crate::payload::{Limit, Payload};
use crate::storage::journal::{Claim, Reservation};
use crate::units::Items;

use super::room::Charge;

/// What became of data.
pub(super) type Outcome = Result<Receipt, Failure>;

/// A payload, or what was cut from one, and the lease that it belongs to.
pub(super) struct Part {
    pub(super) payload: Payload,
    pub(super) lease: Arc<Lease>,
}

/// The claim of one sender on one payload. It ends when the last of its parts is settled: then its room in the queue is
/// given back and the sender, if it waits, is answered.
pub(super) struct Lease {
    /// Where the payload is while it is carried.
    hold: Hold,
    waiting: Option<Box<Waiting>>,
    /// The end of the relay interrupted a part: what is on disk stays there.
    interrupted: AtomicBool,
}

/// What a payload holds, and gives back when its lease ends. Small where it is in memory: there may be a hundred thousand.
pub(super) enum Hold {
    /// Nothing: there is no queue.
    Nothing,
    /// Room in a queue in memory.
    Room(#[allow(dead_code, reason = "it is given back when it is dropped")] Charge),
    /// Itself, on disk. Dropped without an acknowledgement it stays there.
    Disk(Box<Claim>),
    /// Room on a disk that did not take it.
    RoomOnDisk(#[allow(dead_code, reason = "it is given back when it is dropped")] Option<Box<Reservation>>),
}

/// Hears what became of a lease. An error means that nobody is left to tell.
pub(super) type Answer = oneshot::Receiver<Outcome>;

struct Waiting {
    so_far: Mutex<Option<Outcome>>,
    sender: oneshot::Sender<Outcome>,
}

impl Part {
    /// All of `payload` under a lease of its own, and its answer if the sender waits for one.
    pub(super) fn lease(payload: Payload, hold: Hold, acknowledge: Acknowledge) -> (Part, Option<Answer>) {
        let (waiting, answer) = match acknowledge {
            Acknowledge::WhenQueued => (None, None),
            Acknowledge::WhenExported => {
                let (sender, answer) = oneshot::channel();
                (Some(Box::new(Waiting { so_far: Mutex::new(None), sender })), Some(answer))
            }
        };
        let lease = Lease { hold, waiting, interrupted: AtomicBool::new(false) };
        (Part { payload, lease: Arc::new(lease) }, answer)
    }

    /// A head within `limit` and what is left, under the same lease.
    pub(super) fn split(self, limit: Limit) -> (Part, Option<Part>) {
        let Part { payload, lease } = self;
        let (head, tail) = payload.split(limit);
        let tail = tail.map(|payload| Part { payload, lease: Arc::clone(&lease) });
        (Part { payload: head, lease }, tail)
    }
}

/// Tells all of `leases`, whose parts were exported together, what became of these parts.
pub(super) fn settle(mut leases: Vec<Arc<Lease>>, outcome: Outcome) {
    let Some(last) = leases.pop() else { return };
    if leases.is_empty() {
        last.settle(outcome);
        return;
    }
    let outcome = outcome.map(|receipt| shared(receipt, leases.len() + 1));
    for lease in leases {
        match lease.waiting {
            None => lease.conclude(outcome.as_ref().err()),
            Some(_) => lease.settle(match &outcome {
                Ok(receipt) => Ok(receipt.clone()),
                Err(failure) => Err(retold(failure)),
            }),
        }
    }
    last.settle(outcome);
}

impl Lease {
    /// Whether the payload outlives the process.
    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self.hold, Hold::Disk(_))
    }

    /// When the payload was taken in, in nanoseconds since 1970, if it is on disk.
    pub(super) fn since_unix_nano(&self) -> Option<u64> {
        match &self.hold {
            Hold::Disk(claim) => Some(claim.since_unix_nano()),
            Hold::Nothing | Hold::Room(_) | Hold::RoomOnDisk(_) => None,
        }
    }

    /// One part ended for good, nobody waits for it, and `failure` says how, unless it was delivered.
    pub(super) fn conclude(self: Arc<Self>, failure: Option<&Failure>) {
        if failure.is_some_and(|failure| failure.class() == Class::ShuttingDown) {
            self.interrupted.store(true, Ordering::Relaxed);
        }
        if let Some(lease) = Arc::into_inner(self) {
            lease.end();
        }
    }

    fn end(self) {
        if let Hold::Disk(claim) = self.hold
            && !self.interrupted.into_inner()
        {
            claim.acknowledge();
        }
    }

    fn settle(self: Arc<Self>, outcome: Outcome) {
        if self.waiting.is_none() {
            return self.conclude(outcome.err().as_ref());
        }
        if let Some(waiting) = &self.waiting {
            let mut so_far = waiting.so_far.lock().unwrap_or_else(PoisonError::into_inner);
            let before = so_far.take();
            *so_far = Some(match before {
                None => outcome,
                Some(before) => combine(before, outcome),
            });
        }
        // Whoever holds the last part ends the lease; `into_inner` gives it to exactly one.
        if let Some(Lease { hold, waiting: Some(waiting), .. }) = Arc::into_inner(self) {
            drop(hold);
            let Waiting { so_far, sender } = *waiting;
            if let Some(outcome) = so_far.into_inner().unwrap_or_else(PoisonError::into_inner) {
                // The sender may have gone away; its data was exported all the same.
                let _ = sender.send(outcome);
            }
        }
    }
}

/// A failure wins, and of two failures the retryable one: after a final one the sender would give up what could still
/// be delivered.
fn combine(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(one.and(other)),
        (Err(one), Err(other)) if one.retry() == Retry::Never && other.retry() != Retry::Never => Err(other),
        (Err(failure), _) | (Ok(_), Err(failure)) => Err(failure),
    }
}

/// What each of `senders` is told of a batch of theirs. The backend does not say whose items it rejected: none of the
/// senders is told that they were its own, all are warned.
fn shared(receipt: Receipt, senders: usize) -> Receipt {
    if receipt.rejected == Items::ZERO {
        return receipt;
    }
    let Receipt { custody, rejected, message, attempt, set_aside } = receipt;
    let words = message.as_deref().unwrap_or("it does not say why");
    let message = format!("the backend rejected {rejected} items of a batch of {senders} requests: {words}");
    Receipt { custody, rejected: Items::ZERO, message: Some(message.into()), attempt, set_aside }
}

/// The same failure for one more sender: the causes, which cannot be copied, become words.
pub(super) fn retold(failure: &Failure) -> Failure {
    let mut copy = Failure::new(failure.class(), failure.cause()).in_phase(failure.phase()).retry_when(failure.retry());
    if let Some(endpoint) = failure.endpoint() {
        copy = copy.at(endpoint.into());
    }
    if let Some(peer) = failure.peer() {
        copy = copy.said_by_peer(peer.clone());
    }
    if let Some(attempt) = failure.attempt() {
        copy = copy.with_attempt(attempt.clone());
    }
    copy
}
