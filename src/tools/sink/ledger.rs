//! What a sink has taken and what it has not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;

use super::report::{Count, Report, RunReport};
use super::runs::{LONGEST_NAME, MOST_PAGES, MOST_RUNS, RunFigures, Runs};
use crate::failure::Class;
use crate::payload::Payload;
use crate::protocol::Protocol;
use crate::receivers::otlp::Refusals;
use crate::signal::Signal;
use crate::units::Items;

/// Everything since the start, or since the last reset.
#[derive(Debug)]
pub(super) struct Ledger {
    began: Instant,
    /// By `Signal as usize`.
    taken: [Tally; Signal::ALL.len()],
    by_protocol: [AtomicU64; Protocol::ALL.len()],
    faults: Mutex<BTreeMap<String, u64>>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    runs: Runs,
}

#[derive(Debug, Default)]
struct Tally {
    requests: AtomicU64,
    items: AtomicU64,
    bytes: AtomicU64,
    rejected: AtomicU64,
}

impl Ledger {
    /// An empty one that begins now.
    pub(super) fn new() -> Ledger {
        Ledger {
            began: Instant::now(),
            taken: Default::default(),
            by_protocol: Default::default(),
            faults: Mutex::default(),
            refused: Mutex::default(),
            runs: Runs::new(),
        }
    }

    /// `payload` came by `protocol` and was taken, but for its last `rejected` items.
    pub(super) fn take(&self, protocol: Protocol, payload: &Payload, rejected: Items) {
        let taken = payload.items() - rejected;
        let tally = &self.taken[payload.signal() as usize];
        tally.requests.fetch_add(1, Ordering::Relaxed);
        tally.items.fetch_add(taken.0, Ordering::Relaxed);
        tally.bytes.fetch_add(payload.len().0, Ordering::Relaxed);
        tally.rejected.fetch_add(rejected.0, Ordering::Relaxed);
        self.by_protocol[protocol as usize].fetch_add(1, Ordering::Relaxed);
        self.runs.note(payload, taken);
    }

    /// A request met the fault of this `name`.
    pub(super) fn fault(&self, name: &str) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match faults.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(faults.insert(name.to_owned(), 1)),
        }
    }

    /// A request was refused for `class`, without any fault being asked for.
    fn refuse(&self, class: Class) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner).entry(class.code()).or_default() += 1;
    }

    /// What is known of `run`, whose name is as it was sent.
    pub(super) fn run(&self, run: &str) -> Option<RunReport> {
        let signals = self.runs.figures(run.as_bytes())?;
        Some(RunReport { run: run.to_owned(), signals })
    }

    /// Everything as it is now.
    pub(super) fn report(&self) -> Report {
        let count = |signal: Signal| {
            let Tally { requests, items, bytes, rejected } = &self.taken[signal as usize];
            let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
            Count { requests: load(requests), items: load(items), bytes: load(bytes), rejected: load(rejected) }
        };
        let runs = self.runs.names().into_iter().filter_map(|name| {
            let signals = self.runs.figures(&name)?;
            Some(RunReport { run: String::from_utf8_lossy(&name).into_owned(), signals })
        });
        let runs: Vec<RunReport> = runs.collect();
        let figures = runs.iter().flat_map(|run| &run.signals);
        let unplaced: u64 = figures.map(|(_, RunFigures { untracked, .. })| untracked).sum();
        Report {
            elapsed: self.began.elapsed(),
            signals: Signal::ALL.into_iter().map(|signal| (signal, count(signal))).collect(),
            by_protocol: Protocol::ALL.map(|it| (it, self.by_protocol[it as usize].load(Ordering::Relaxed))),
            faults: self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            refused: self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            runs,
            untracked: self.runs.nameless() + unplaced,
            pages: self.runs.pages(),
        }
    }
}

/// Hears of the requests that the receiver refuses by itself.
pub(super) struct Refused(pub(super) Arc<ArcSwap<Ledger>>);

impl Refusals for Refused {
    fn refused(&self, class: Class, _: Protocol) {
        self.0.load().refuse(class);
    }
}

/// The bounds within which runs are told apart.
pub(super) const BOUNDS: [(&str, usize); 3] =
    [("runs", MOST_RUNS), ("name_bytes", LONGEST_NAME), ("sequence_pages", MOST_PAGES)];
