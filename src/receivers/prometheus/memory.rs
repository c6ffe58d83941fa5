//! What a target showed before: since when a series counts, and which series are not shown any more.

use std::collections::HashMap;

use super::exposition::Kind;
use super::series::{Key, Values};

/// The series of the scrape before. Bounded by what one page may show.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: HashMap<Key, Known>,
    scrape: u64,
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
    scrape: u64,
}

impl Memory {
    /// A new scrape begins.
    pub(super) fn begin(&mut self) {
        self.scrape += 1;
    }

    /// Since when `key` counts, of which `values` were seen at `time`: what the target says, else the time of the first
    /// scrape; where it fell, that of the scrape before. New series are counted.
    pub(super) fn start(&mut self, key: &Key, values: &Values, time: u64, new: &mut u64) -> u64 {
        let total = values.value.or(values.count).unwrap_or_default();
        let said = values
            .created
            .map(|seconds| ((seconds * 1e6).round() as u64).saturating_mul(1000))
            .filter(|start| *start != 0 && *start <= time);
        let scrape = self.scrape;
        let says_time = values.time.is_some();
        let Some(known) = self.known.get_mut(key) else {
            *new += 1;
            let start = said.unwrap_or(time);
            self.known.insert(key.clone(), Known { start, time, total, says_time, scrape });
            return start;
        };
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

    /// The series that the scrape has not shown, which are forgotten.
    pub(super) fn gone(&mut self) -> Vec<Key> {
        let scrape = self.scrape;
        let gone = self.known.extract_if(|_, known| known.scrape != scrape);
        gone.filter(|(_, known)| !known.says_time).map(|(key, _)| key).collect()
    }
}

/// Whether points of this kind say since when they count.
pub(super) fn counts(kind: Kind) -> bool {
    !matches!(kind, Kind::Gauge | Kind::Unknown)
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
        Values { value: Some(value), ..Values::default() }
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
        assert_eq!(memory.gone(), [key("a")]);
        memory.begin();
        assert_eq!(memory.gone(), []);
    }
}
