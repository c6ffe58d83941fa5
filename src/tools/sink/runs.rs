//! Which items of which run have come: how often, and which are missing. Bounded, whatever clients send.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use roaring::RoaringBitmap;

use crate::payload::{Mark, Marks, Payload};
use crate::signal::Signal;
use crate::tools::sequence::{RUN, SEQUENCE};
use crate::units::Items;

/// Every run that is told apart.
#[derive(Debug)]
pub(super) struct Runs {
    marks: Marks,
    known: RwLock<HashMap<Box<[u8]>, Arc<Run>>>,
    pages: Pages,
    /// Items of runs beyond [`MOST_RUNS`], or with names beyond [`LONGEST_NAME`].
    nameless: AtomicU64,
}

/// One run.
#[derive(Debug)]
struct Run {
    /// By `Signal as usize`.
    signals: [Mutex<Progress>; Signal::ALL.len()],
}

/// What has come of one signal of a run.
#[derive(Debug, Default)]
struct Progress {
    /// Those that are in the set, counted as often as they came.
    items: u64,
    /// Those that could not be.
    untracked: u64,
    seen: RoaringBitmap,
    /// The page that was used last: most items are on the page of the one before.
    page: Option<u32>,
}

/// What is known of one signal of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunFigures {
    /// Items that came, each as often as it came.
    pub items: u64,
    /// Different ones of them.
    pub distinct: u64,
    /// Those that had come before: `items` less `distinct`.
    pub doubled: u64,
    /// Sequence numbers below the highest one that never came.
    pub missing: u64,
    /// The highest sequence number; none before the first item.
    pub highest: Option<u64>,
    /// Items of the run that have no sequence number from 0 to 2^32 - 1, or came when there was no memory left to tell
    /// them apart. They count in nothing else here.
    pub untracked: u64,
}

/// Memory for sequence numbers, in pages of 65,536 of them: 8 KiB at most.
#[derive(Debug)]
struct Pages {
    free: AtomicUsize,
}

impl Runs {
    /// None yet.
    pub(super) fn new() -> Runs {
        let (marks, pages) = (Marks::new(RUN, SEQUENCE), Pages { free: AtomicUsize::new(MOST_PAGES) });
        Runs { marks, known: RwLock::default(), pages, nameless: AtomicU64::new(0) }
    }

    /// Notes the first `taken` items of `payload`.
    pub(super) fn note(&self, payload: &Payload, taken: Items) {
        let signal = payload.signal();
        let mut left = taken.0;
        let mut batch = Batch { runs: self, signal, name: Vec::new(), run: None, places: Vec::new(), unplaced: 0 };
        self.marks.read(payload, &mut |mark| {
            if left != 0 {
                left -= 1;
                batch.add(mark);
            }
        });
        batch.flush();
    }

    /// The signals of `run` that anything has come of.
    pub(super) fn figures(&self, run: &[u8]) -> Option<Vec<(Signal, RunFigures)>> {
        let run = Arc::clone(self.known.read().unwrap_or_else(PoisonError::into_inner).get(run)?);
        let figures = Signal::ALL.into_iter().map(|signal| (signal, run.progress(signal).figures()));
        Some(figures.filter(|(_, figures)| *figures != RunFigures::default()).collect())
    }

    /// The names of all runs, in their order.
    pub(super) fn names(&self) -> Vec<Box<[u8]>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<Box<[u8]>> = known.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// How many pages are in use.
    pub(super) fn pages(&self) -> usize {
        MOST_PAGES - self.pages.free.load(Ordering::Relaxed)
    }

    /// Items of runs that are not told apart, since there are too many of them or their names are too long.
    pub(super) fn nameless(&self) -> u64 {
        self.nameless.load(Ordering::Relaxed)
    }

    fn find(&self, name: &[u8]) -> Option<Arc<Run>> {
        if let Some(run) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Some(Arc::clone(run));
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = known.get(name) {
            return Some(Arc::clone(run));
        }
        if MOST_RUNS <= known.len() || LONGEST_NAME < name.len() {
            return None;
        }
        let run = Arc::new(Run { signals: Default::default() });
        known.insert(name.into(), Arc::clone(&run));
        Some(run)
    }
}

/// Items of one run that follow one another: noted together.
struct Batch<'a> {
    runs: &'a Runs,
    signal: Signal,
    name: Vec<u8>,
    /// None: of no run, or of one that is not told apart.
    run: Option<Arc<Run>>,
    places: Vec<u32>,
    unplaced: u64,
}

impl Batch<'_> {
    fn add(&mut self, mark: Mark<'_>) {
        let Some(name) = mark.of_resource else { return };
        if self.name != name || self.run.is_none() {
            self.flush();
            self.name.clear();
            self.name.extend_from_slice(name);
            self.run = self.runs.find(name);
        }
        if self.run.is_none() {
            self.runs.nameless.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match mark.of_item.and_then(|place| u32::try_from(place).ok()) {
            Some(place) => self.places.push(place),
            None => self.unplaced += 1,
        }
    }

    fn flush(&mut self) {
        if let Some(run) = self.run.take() {
            let mut progress = run.progress(self.signal);
            progress.untracked += std::mem::take(&mut self.unplaced);
            for place in self.places.drain(..) {
                progress.note(place, &self.runs.pages);
            }
        }
    }
}

impl Run {
    fn progress(&self, signal: Signal) -> MutexGuard<'_, Progress> {
        self.signals[signal as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn note(&mut self, place: u32, pages: &Pages) {
        let page = place >> 16;
        if self.page != Some(page) {
            let first = page << 16;
            let is_known = self.seen.range_cardinality(first..=first | 0xffff) != 0;
            if !is_known && !pages.take() {
                self.untracked += 1;
                return;
            }
            self.page = Some(page);
        }
        self.items += 1;
        self.seen.insert(place);
    }

    fn figures(&self) -> RunFigures {
        let (distinct, highest) = (self.seen.len(), self.seen.max().map(u64::from));
        RunFigures {
            items: self.items,
            distinct,
            doubled: self.items - distinct,
            missing: highest.map_or(0, |highest| highest + 1 - distinct),
            highest,
            untracked: self.untracked,
        }
    }
}

impl Pages {
    fn take(&self) -> bool {
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(1)).is_ok()
    }
}

/// Runs that are told apart.
pub(super) const MOST_RUNS: usize = 256;

/// Bytes of a run's name.
pub(super) const LONGEST_NAME: usize = 128;

/// 128 MiB: a billion items that come without gaps.
pub(super) const MOST_PAGES: usize = 16_384;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn span(run: &str, place: i64) -> String {
        let resource = format!(r#"{{"attributes": [{{"key": "{RUN}", "value": {{"stringValue": "{run}"}}}}]}}"#);
        let span = format!(r#"{{"attributes": [{{"key": "{SEQUENCE}", "value": {{"intValue": "{place}"}}}}]}}"#);
        format!(r#"{{"resource": {resource}, "scopeSpans": [{{"spans": [{span}]}}]}}"#)
    }

    fn traces(spans: &[(String, i64)]) -> Payload {
        let resources: Vec<String> = spans.iter().map(|(run, place)| span(run, *place)).collect();
        let json = format!(r#"{{"resourceSpans": [{}]}}"#, resources.join(","));
        Payload::from_json(Signal::Traces, json.as_bytes()).unwrap()
    }

    proptest! {
        /// The counting law, held against a table of every number with how often it came.
        #[test]
        fn doubles_and_gaps_are_counted(
            requests in prop::collection::vec(
                prop::collection::vec(("[ab]", prop_oneof![0..40_i64, 65_530..65_545_i64, -2..0_i64]), 1..20), 1..20)
        ) {
            let runs = Runs::new();
            let mut model: BTreeMap<String, BTreeMap<i64, u64>> = BTreeMap::new();
            for request in &requests {
                runs.note(&traces(request), Items(request.len() as u64));
                for (run, place) in request {
                    *model.entry(run.clone()).or_default().entry(*place).or_default() += 1;
                }
            }
            for (run, seen) in model {
                let tracked: BTreeMap<_, _> = seen.iter().filter(|(place, _)| 0 <= **place).collect();
                let items: u64 = tracked.values().copied().sum();
                let highest = tracked.keys().next_back().map(|place| **place as u64);
                let gaps = highest.map_or(0, |highest| (0..highest).filter(|at| !seen.contains_key(&(*at as i64))).count());
                let expected = RunFigures {
                    items,
                    distinct: tracked.len() as u64,
                    doubled: tracked.values().map(|times| **times - 1).sum(),
                    missing: gaps as u64,
                    highest,
                    untracked: seen.iter().filter(|(place, _)| **place < 0).map(|(_, times)| times).sum(),
                };
                prop_assert_eq!(runs.figures(run.as_bytes()).unwrap(), vec![(Signal::Traces, expected)]);
            }
        }
    }

    #[test]
    fn only_what_was_taken_is_noted() {
        let runs = Runs::new();
        let spans: Vec<_> = (0..5).map(|place| ("a".to_owned(), place)).collect();
        runs.note(&traces(&spans), Items(3));
        let (_, figures) = runs.figures(b"a").unwrap()[0];
        assert_eq!((figures.items, figures.highest), (3, Some(2)));
    }

    #[test]
    fn runs_names_and_pages_are_bounded() {
        let runs = Runs::new();
        let many: Vec<_> = (0..MOST_RUNS + 10).map(|run| (format!("run {run}"), 0)).collect();
        runs.note(&traces(&many), Items(u64::MAX));
        runs.note(&traces(&[("x".repeat(LONGEST_NAME + 1), 0)]), Items(1));
        assert_eq!((runs.names().len(), runs.nameless()), (MOST_RUNS, 11));

        let apart = |from: i64, count: i64| -> Vec<_> {
            (from..from + count).map(|page| ("run 0".to_owned(), page << 16)).collect()
        };
        let left = (MOST_PAGES - runs.pages()) as i64;
        runs.note(&traces(&apart(1, left)), Items(u64::MAX));
        assert_eq!(runs.pages(), MOST_PAGES);
        runs.note(&traces(&apart(left + 1, 5)), Items(u64::MAX));
        let (_, figures) = runs.figures(b"run 0").unwrap()[0];
        assert_eq!((figures.untracked, runs.pages()), (5, MOST_PAGES));
        // What has a page is told apart as before.
        runs.note(&traces(&[("run 0".to_owned(), 1)]), Items(1));
        assert_eq!(runs.figures(b"run 0").unwrap()[0].1.items, figures.items + 1);
    }
}
