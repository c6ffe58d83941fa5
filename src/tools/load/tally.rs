//! What became of the requests: counted on the thread that sends them, and added up by the one that looks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::failure::{Class, Failure};
use crate::flow::Receipt;
use crate::signal::Signal;
use crate::units::{ByteCount, Items};

use super::latency::Latency;

/// A request whose outcome is known.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) signal: Signal,
    pub(super) items: Items,
    /// Of the message, uncompressed.
    pub(super) message: ByteCount,
    /// From when it was due, or from when it was sent where nothing is ever due.
    pub(super) latency: Duration,
    /// Whether it was sent when it was due.
    pub(super) sent: Punctuality,
    /// How often it was sent again.
    pub(super) retries: u64,
    pub(super) outcome: Result<Receipt, Failure>,
}

/// Whether a request was sent when it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Punctuality {
    InTime,
    Late,
}

/// Sums over requests.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Requests that the peer took, whether or not it rejected items of them.
    pub accepted: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests that were sent noticeably later than they were due, since too many others were under way.
    pub late: u64,
    /// How often requests were sent again.
    pub retries: u64,
    /// Bytes of the messages, uncompressed.
    pub messages: ByteCount,
    /// Bytes of the bodies as they were sent.
    pub bodies: ByteCount,
    /// The items of each signal.
    pub signals: BTreeMap<Signal, Counts>,
    /// The latency of accepted requests.
    pub latency: Latency,
    /// What the peer says of the first items that it rejected.
    pub rejection: Option<Arc<str>>,
    /// Failures by class.
    pub failures: BTreeMap<Class, Failed>,
    /// When the last answer came.
    pub last: Option<Instant>,
}

/// What became of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In requests whose outcome is known.
    pub sent: Items,
    /// Taken by the peer.
    pub accepted: Items,
    /// Rejected by the peer in requests that it took (`partial_success`).
    pub rejected: Items,
    /// In requests that failed.
    pub failed: Items,
}

/// Failures of one class.
#[derive(Clone, Debug)]
pub struct Failed {
    /// How many requests failed so.
    pub requests: u64,
    /// With how many items.
    pub items: Items,
    /// The cause of the first of them.
    pub cause: String,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally {
            accepted: 0,
            failed: 0,
            late: 0,
            retries: 0,
            messages: ByteCount::ZERO,
            bodies: ByteCount::ZERO,
            signals: BTreeMap::new(),
            latency: Latency::new(EXACT),
            rejection: None,
            failures: BTreeMap::new(),
            last: None,
        }
    }

    /// Requests whose outcome is known.
    pub fn requests(&self) -> u64 {
        self.accepted + self.failed
    }

    /// The items of all signals.
    pub fn items(&self) -> Counts {
        let mut all = Counts::default();
        self.signals.values().for_each(|counts| all.add(*counts));
        all
    }

    pub(super) fn count(&mut self, answered: &Answered) {
        let Answered { signal, items, message, latency, sent, retries, outcome } = answered;
        self.last = Some(Instant::now());
        self.late += u64::from(*sent == Punctuality::Late);
        self.retries += retries;
        self.messages += *message;
        let counts = self.signals.entry(*signal).or_default();
        counts.sent += *items;
        match outcome {
            Ok(receipt) => {
                let rejected = receipt.rejected.min(*items);
                counts.rejected += rejected;
                if rejected != Items::ZERO && self.rejection.is_none() {
                    self.rejection.clone_from(&receipt.message);
                }
                counts.accepted += *items - rejected;
                self.accepted += 1;
                self.latency.record(*latency);
                self.bodies += ByteCount(receipt.attempt.as_ref().map_or(0, |attempt| attempt.request_bytes));
            }
            Err(failure) => {
                counts.failed += *items;
                self.failed += 1;
                self.bodies += ByteCount(failure.attempt().map_or(0, |attempt| attempt.request_bytes));
                let new = || Failed { requests: 0, items: Items::ZERO, cause: failure.cause() };
                let failed = self.failures.entry(failure.class()).or_insert_with(new);
                failed.requests += 1;
                failed.items += *items;
            }
        }
    }

    /// Takes over what `other` has counted, which begins anew.
    pub(super) fn absorb(&mut self, other: &mut Tally) {
        self.accepted += std::mem::take(&mut other.accepted);
        self.failed += std::mem::take(&mut other.failed);
        self.late += std::mem::take(&mut other.late);
        self.retries += std::mem::take(&mut other.retries);
        self.messages += std::mem::take(&mut other.messages);
        self.bodies += std::mem::take(&mut other.bodies);
        self.last = self.last.max(other.last);
        self.rejection = self.rejection.take().or(other.rejection.take());
        for (signal, counts) in std::mem::take(&mut other.signals) {
            self.signals.entry(signal).or_default().add(counts);
        }
        for (class, failed) in std::mem::take(&mut other.failures) {
            let known =
                self.failures.entry(class).or_insert(Failed { requests: 0, items: Items::ZERO, ..failed.clone() });
            known.requests += failed.requests;
            known.items += failed.items;
        }
        self.latency.add(&other.latency);
        other.latency.clear();
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.failed += other.failed;
    }
}

/// Significant digits of latencies that are reported.
const EXACT: u8 = 3;
