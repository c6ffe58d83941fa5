//! How a request that was refused for one of its items is cut down to that item.
//!
//! - Refused for its **size**: cut by the limit that the backend names, else in halves, until a part is taken; the rest is
//!   cut as small. An item that alone is too large is set aside alone.
//! - Refused for its **content**: both halves are tried, then the halves of those that are refused: some 2 log2(n) tries
//!   for one offender among n items. Where the first of two halves is taken, the offender is in the other one, which is
//!   cut without a try.
//!
//! The effort is bounded: a backend that takes none of the first [`MOST_IN_VAIN`] parts refuses everything, and after
//! [`MOST_TRIES`] tries nothing is cut any further. What is not known to be bad is tried once, whatever was before.

use std::collections::VecDeque;

use crate::failure::{self, Class, Failure, Retry as Verdict};
use crate::flow::{Consume, Custody, Receipt};
use crate::payload::{Limit, Payload, Sizer};
use crate::units::Items;

use super::super::lease::{Outcome, retold};
use super::Settle;

/// Whether cutting `payload`, which was refused with `failure`, can save a part of it.
pub(super) fn helps(failure: &Failure, payload: &Payload) -> bool {
    Items(1) < payload.items() && matches!(failure.class(), Class::MessageTooLarge | Class::InvalidData)
}

/// Delivers what it can of `payload`, which was refused with `failure`. Every part is settled by itself.
pub(super) async fn salvage(settle: &Settle, payload: Payload, failure: Failure) -> Outcome {
    let mut salvage = Salvage {
        settle,
        pending: VecDeque::new(),
        limit: None,
        tries: 0,
        taken: 0,
        delivered: None,
        refused: Items::ZERO,
        again: None,
    };
    let first = retold(&failure);
    salvage.cut(payload, failure).await;
    while let Some(part) = salvage.pending.pop_front() {
        salvage.step(part).await;
    }
    salvage.outcome(first)
}

struct Salvage<'a> {
    settle: &'a Settle,
    pending: VecDeque<Part>,
    /// Parts of more bytes are cut before they are tried.
    limit: Option<u64>,
    tries: u32,
    /// Tries that succeeded.
    taken: u32,
    delivered: Option<Receipt>,
    /// Items that ended otherwise.
    refused: Items,
    /// A failure after which the sender may try again.
    again: Option<Failure>,
}

struct Part {
    payload: Payload,
    /// Of two halves: what its neighbour was refused with tells about it.
    half: Half,
}

enum Half {
    /// Nothing is known of it.
    Unknown,
    /// The first of two halves of which one at least is bad.
    First,
    /// Bad, since its neighbour is good: refused with this.
    Bad(Failure),
    /// The second of two halves, after the whole was refused with this.
    Second(Failure),
}

impl Salvage<'_> {
    async fn step(&mut self, part: Part) {
        let Part { payload, half } = part;
        let payload = match self.limit {
            Some(max) => self.within(payload, max),
            None => payload,
        };
        match half {
            // A single item is tried whatever its neighbour tells: it is about to be given up.
            Half::Bad(failure) if Items(1) < payload.items() => return self.cut(payload, failure).await,
            Half::First => return self.first_half(payload).await,
            Half::Bad(_) | Half::Second(_) | Half::Unknown => {}
        }
        if let Some(failure) = self.attempt(&payload).await {
            self.cut(payload, failure).await;
        }
    }

    /// If it is taken, its neighbour, which is next but for the halves of others, is bad.
    async fn first_half(&mut self, payload: Payload) {
        match self.attempt(&payload).await {
            None => {
                if let Some(Part { half, .. }) = self.pending.front_mut()
                    && let Half::Second(_) = half
                    && let Half::Second(failure) = std::mem::replace(half, Half::Unknown)
                {
                    *half = Half::Bad(failure);
                }
            }
            Some(failure) => self.cut(payload, failure).await,
        }
    }

    /// One try; the failure if it was refused.
    async fn attempt(&mut self, payload: &Payload) -> Option<Failure> {
        self.tries += 1;
        match self.settle.retry.consume(payload.clone()).await {
            Ok(receipt) => {
                self.taken += 1;
                self.settle.saw_success();
                let outcome = Ok(receipt);
                (self.settle.on_settled)(payload.items(), &outcome);
                if let Ok(receipt) = outcome {
                    self.delivered = Some(match self.delivered.take() {
                        Some(before) => before.and(receipt),
                        None => receipt,
                    });
                }
                None
            }
            Err(failure) => Some(failure),
        }
    }

    /// Puts the parts of `payload`, which was refused with `failure`, in the line; ends it where it is not to be cut.
    async fn cut(&mut self, payload: Payload, failure: Failure) {
        if !helps(&failure, &payload) || self.is_enough() {
            return self.end(payload, failure).await;
        }
        if failure.class() == Class::MessageTooLarge {
            let half = (payload.len().0 / 2).max(1);
            let named = failure::size_limit(&failure).map_or(half, |limit| limit.0);
            // A limit that the request keeps is not the one that it was refused for.
            self.limit = Some(if named < payload.len().0 { named } else { half });
            self.pending.push_front(Part { payload, half: Half::Unknown });
            return;
        }
        let middle = Limit { sizer: Sizer::Items, max: payload.items().0.div_ceil(2) };
        match payload.split(middle) {
            (first, Some(second)) => {
                self.pending.push_back(Part { payload: first, half: Half::First });
                self.pending.push_back(Part { payload: second, half: Half::Second(failure) });
            }
            (whole, None) => self.end(whole, failure).await,
        }
    }

    /// The head of `payload` within `max` bytes; what is left is next.
    fn within(&mut self, payload: Payload, max: u64) -> Payload {
        let (head, rest) = payload.split(Limit { sizer: Sizer::Bytes, max });
        if let Some(payload) = rest {
            self.pending.push_front(Part { payload, half: Half::Unknown });
        }
        head
    }

    fn is_enough(&self) -> bool {
        MOST_TRIES <= self.tries || (self.taken == 0 && MOST_IN_VAIN <= self.tries)
    }

    async fn end(&mut self, payload: Payload, failure: Failure) {
        let items = payload.items();
        match self.settle.conclude(payload, failure).await {
            Ok(receipt) => {
                self.delivered = Some(match self.delivered.take() {
                    Some(before) => before.and(receipt),
                    None => receipt,
                });
            }
            Err(failure) => {
                self.refused += items;
                if failure.retry() != Verdict::Never {
                    self.again = Some(failure);
                }
            }
        }
    }

    /// What the senders are told: `first` is what the whole was refused with.
    fn outcome(self, first: Failure) -> Outcome {
        if self.taken == 0 {
            self.settle.saved_nothing();
        }
        match (self.again, self.delivered) {
            // Sending it all once more is better than losing a part of it.
            (Some(again), _) => Err(again),
            (None, None) => Err(first),
            (None, Some(receipt)) if self.refused == Items::ZERO => Ok(receipt),
            (None, Some(receipt)) => {
                let refused = self.refused;
                let message = format!("the backend refused {refused} of these items: {}", first.cause());
                let custody = match receipt.custody {
                    Custody::Empty => Custody::SetAside,
                    custody => custody,
                };
                let rejected = receipt.rejected + refused;
                Ok(Receipt { custody, rejected, message: Some(message.into()), ..Receipt::empty() })
            }
        }
    }
}

/// Tries without any success after which nothing is cut any further: both halves, their halves and the halves of those.
/// So a backend that refuses everything is sent some 30 parts of a request.
const MOST_IN_VAIN: u32 = 14;

/// Tries for one request after which nothing is cut any further.
const MOST_TRIES: u32 = 256;
