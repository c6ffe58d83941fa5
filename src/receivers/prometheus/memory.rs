//! What a target showed before: since when a series counts, and which series are not shown any more.

use std::collections::HashMap;

use super::exposition::{About, Kind};
use super::series::{Key, Values};

/// The series of the scrape before. Bounded by what one page may show.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: HashMap<Key, Known>,
    scrape: u64,
    /// What the last page that could be read said of its families.
    pub(super) about: HashMap<String, About>,
    /// How many samples said what a target is.
    targets: u64,
}

/// A series that has ended.
#[derive(Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) key: Key,
    /// The bounds or the quantiles that it had.
    pub(super) marks: Box<[f64]>,
}

#[derive(Debug)]
struct Known {
    /// In nanoseconds since 1970.
    start: u64,
    time: u64,
    /// What only grows, until its process starts anew.
    total: f64,
    /// Whether its samples say their time: nobody but the target knows when such a series ends.
    says_time: bool,
    /// How many samples it came in.
    samples: u64,
    marks: Box<[f64]>,
    scrape: u64,
}

impl Memory {
    /// A new scrape begins.
    pub(super) fn begin(&mut self) {
        self.scrape += 1;
    }

    /// Since when `key` counts, of which `values` were seen at `time`: what the target says, else the time of the first
    /// scrape; where it fell, that of the scrape before. New samples are counted.
    pub(super) fn start(&mut self, key: &Key, values: &Values, time: u64, new: &mut u64) -> u64 {
        let total = values.value.or(values.count).unwrap_or_default();
        let said = values
            .created
            .map(|seconds| ((seconds * 1e6).round() as u64).saturating_mul(1000))
            .filter(|start| *start != 0 && *start <= time);
        let scrape = self.scrape;
        let (says_time, samples) = (values.time.is_some(), values.samples);
        let Some(known) = self.known.get_mut(key) else {
            *new += samples;
            let (start, marks) = (said.unwrap_or(time), marks(values));
            self.known.insert(key.clone(), Known { start, time, total, says_time, samples, marks, scrape });
            return start;
        };
        *new += samples.saturating_sub(known.samples);
        known.samples = samples;
        if known.marks.len() != values.buckets.len() + values.quantiles.len() {
            known.marks = marks(values);
        }
        if total < known.total {
            known.start = known.time;
        }
        if let Some(said) = said {
            known.start = said;
        }
        known.time = time;
        known.total = total;
        known.says_time = says_time;
        known.scrape = scrape;
        known.start
    }

    /// Counts those of `targets` samples that said what a target is which are new.
    pub(super) fn note_targets(&mut self, targets: u64, new: &mut u64) {
        *new += targets.saturating_sub(std::mem::replace(&mut self.targets, targets));
    }

    /// The series that the scrape has not shown, which are forgotten.
    pub(super) fn gone(&mut self) -> Vec<Ended> {
        let scrape = self.scrape;
        let gone = self.known.extract_if(|_, known| known.scrape != scrape);
        gone.filter(|(_, known)| !known.says_time).map(|(key, known)| Ended { key, marks: known.marks }).collect()
    }
}

/// The bounds or the quantiles of `values`.
fn marks(values: &Values) -> Box<[f64]> {
    let bounds = values.buckets.iter().map(|(bound, _)| *bound);
    let mut marks: Vec<f64> = bounds.chain(values.quantiles.iter().map(|(quantile, _)| *quantile)).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    marks.into()
}

/// Whether points of this kind say since when they count.
pub(super) fn counts(kind: Kind) -> bool {
    !matches!(kind, Kind::Gauge | Kind::GaugeHistogram | Kind::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key {
            source: (String::new(), String::new()),
            scope: super::super::series::Scope::default(),
            name: name.to_owned(),
            kind: Kind::Counter,
            labels: Vec::new(),
        }
    }

    fn number(value: f64) -> Values {
        Values { value: Some(value), samples: 1, ..Values::default() }
    }

    #[test]
    fn a_series_counts_since_its_first_scrape_or_since_it_fell() {
        let (mut memory, mut new) = (Memory::default(), 0);
        let mut at = |time, value| {
            memory.begin();
            memory.start(&key("a"), &number(value), time, &mut new)
        };
        assert_eq!([at(10, 5.0), at(20, 6.0), at(30, 6.0), at(40, 1.0), at(50, 2.0)], [10, 10, 10, 30, 30]);
        assert_eq!(new, 1);
        let said = Values { created: Some(1e-6 * 7.0), ..number(3.0) };
        memory.begin();
        assert_eq!(memory.start(&key("a"), &said, 60_000, &mut new), 7000);
    }

    #[test]
    fn what_is_not_shown_any_more_is_told_once() {
        let (mut memory, mut new) = (Memory::default(), 0);
        memory.begin();
        memory.start(&key("a"), &number(1.0), 1, &mut new);
        memory.start(&key("b"), &Values { time: Some(1), ..number(1.0) }, 1, &mut new);
        assert_eq!(memory.gone(), []);
        memory.begin();
        let marks = Box::default();
        assert_eq!(memory.gone(), [Ended { key: key("a"), marks }]);
        memory.begin();
        assert_eq!(memory.gone(), []);
    }

    #[test]
    fn an_ended_series_has_the_bounds_that_it_had() {
        let (mut memory, mut new) = (Memory::default(), 0);
        let histogram = |bounds: &[f64]| Values {
            buckets: bounds.iter().map(|bound| (*bound, 1.0)).collect(),
            samples: bounds.len() as u64 + 2,
            ..Values::default()
        };
        memory.begin();
        memory.start(&key("a"), &histogram(&[1.0, f64::INFINITY]), 1, &mut new);
        memory.begin();
        memory.start(&key("a"), &histogram(&[2.0, 1.0, f64::INFINITY]), 1, &mut new);
        assert_eq!(new, 5);
        memory.begin();
        assert_eq!(memory.gone()[0].marks[..], [1.0, 2.0, f64::INFINITY]);
    }
}
