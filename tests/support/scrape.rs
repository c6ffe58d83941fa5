//! What do the relay's metrics say? Prometheus text, parsed.

use std::collections::{BTreeMap, BTreeSet};

/// One scrape.
#[derive(Clone, Debug)]
pub struct Metrics {
    series: Vec<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Parses the text exposition format; fails the test on a line that is none of it.
    pub fn parse(text: &str) -> Metrics {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Metrics { series: lines.map(Series::parse).collect() }
    }

    /// The sum of all series of `name` with these labels, among others. None where there is no such series.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = |series: &&Series| {
            let has = |(name, value): &(&str, &str)| series.labels.get(*name).map(String::as_str) == Some(value);
            series.name == name && labels.iter().all(has)
        };
        let found: Vec<f64> = self.series.iter().filter(wanted).map(|series| series.value).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// As [`Metrics::sum`], for a series that must exist.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.sum(name, labels).unwrap_or_else(|| panic!("no series {name} {labels:?} among {:#?}", self.names()))
    }

    /// The values of `label` in all series that have counted something.
    pub fn counted(&self, label: &str) -> BTreeSet<String> {
        let counting = self.series.iter().filter(|series| series.value > 0.0);
        counting.filter_map(|series| series.labels.get(label)).filter(|value| !value.is_empty()).cloned().collect()
    }

    /// The names of all series.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
        names.dedup();
        names
    }
}

impl Series {
    fn parse(line: &str) -> Series {
        let parsed = match line.split_once('{') {
            Some((name, rest)) => parse_labels(rest).map(|(labels, value)| (name, labels, value)),
            None => line.split_once(' ').map(|(name, value)| (name, BTreeMap::new(), value)),
        };
        let series = parsed.and_then(|(name, labels, value)| {
            let value = value.split_whitespace().next()?.parse().ok()?;
            Some(Series { name: name.to_owned(), labels, value })
        });
        series.unwrap_or_else(|| panic!("not a line of the exposition format: {line}"))
    }
}

/// `a="b",c="d"} 1`: the labels, and what follows.
fn parse_labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(value) = rest.strip_prefix('}') {
            return Some((labels, value.trim_start()));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next()? {
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (at, '"') => break at,
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.to_owned(), value);
        rest = &quoted[end + 1..];
    }
}
