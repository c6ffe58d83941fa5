//! How samples become series: those of one histogram or summary belong together, and everything is told apart by its
//! target, scope, family and labels.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::config::Labels;

use super::exposition::{About, Exemplar, Kind, Sample};
use super::labels::NAME;
use super::native::Native;

/// What tells a series from all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// `job` and `instance`.
    pub(super) source: (String, String),
    pub(super) scope: Scope,
    /// The name of the metric.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Without `le` and `quantile`, where these are no labels.
    pub(super) labels: Vec<(String, String)>,
}

/// Which instrumentation a series is from, as the labels `otel_scope_*` say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) schema_url: String,
    pub(super) attributes: Vec<(String, String)>,
}

/// What is known of a series.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    /// Of a number.
    pub(super) value: Option<f64>,
    pub(super) sum: Option<f64>,
    pub(super) count: Option<f64>,
    /// In seconds since 1970.
    pub(super) created: Option<f64>,
    /// Upper bounds with the counts of everything up to them.
    pub(super) buckets: Vec<(f64, f64)>,
    pub(super) quantiles: Vec<(f64, f64)>,
    pub(super) native: Option<Box<Native>>,
    pub(super) exemplars: Vec<Exemplar>,
    /// What its samples say; in nanoseconds since 1970.
    pub(super) time: Option<u64>,
    /// How many samples it came in.
    pub(super) samples: u64,
}

/// The series of one scrape, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct AllSeries {
    /// The target itself: where a sample has no `job` or `instance` left.
    usual: (String, String),
    places: HashMap<Key, usize>,
    pub(super) all: Vec<(Key, Values)>,
    /// The attributes of each target that says something of itself, by `target_info`.
    pub(super) targets: Targets,
}

/// What targets say of themselves, by `job` and `instance`.
pub(super) type Targets = HashMap<(String, String), Vec<(String, String)>>;

/// What a sample is to its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Value,
    Bucket,
    Sum,
    Count,
    Created,
    Quantile,
}

impl AllSeries {
    /// None yet, of the target with these `job` and `instance`.
    pub(super) fn of(usual: (String, String)) -> AllSeries {
        AllSeries { usual, ..AllSeries::default() }
    }

    /// Adds `sample`, which has these `labels`.
    pub(super) fn add(&mut self, sample: Sample, mut labels: Labels, about: &HashMap<String, About>) {
        let name = labels.remove(NAME).unwrap_or_default();
        let (job, instance) = (labels.remove("job"), labels.remove("instance"));
        let source = (job.unwrap_or_else(|| self.usual.0.clone()), instance.unwrap_or_else(|| self.usual.1.clone()));
        if name == "target_info" {
            self.targets.insert(source, labels.into_iter().collect());
            return;
        }
        let scope = scope(&mut labels);
        let (family, kind, part) = match sample.native {
            Some(_) => (name.as_str(), Kind::NativeHistogram, Part::Value),
            None => family(&name, about),
        };
        let mark = match part {
            Part::Bucket if kind == Kind::GaugeHistogram => None,
            Part::Bucket => labels.remove("le"),
            Part::Quantile => labels.remove("quantile"),
            _ => None,
        };
        let mark = mark.and_then(|mark| mark.parse::<f64>().ok()).filter(|mark| !mark.is_nan());
        if mark.is_none() && kind != Kind::GaugeHistogram && matches!(part, Part::Bucket | Part::Quantile) {
            return;
        }
        // A counter is called what its samples are called, whatever the format calls the family.
        let named = match (kind, part) {
            (Kind::Counter, Part::Created) => name.replace("_created", "_total"),
            (Kind::Histogram | Kind::GaugeHistogram | Kind::Summary | Kind::Info, _) => family.to_owned(),
            _ => name,
        };
        let key = Key { source, scope, name: named, kind, labels: labels.into_iter().collect() };
        let values = self.values(key);
        values.time = sample.time.or(values.time);
        values.created = sample.created.or(values.created);
        values.samples += 1;
        match (part, mark) {
            (Part::Bucket, Some(bound)) => values.buckets.push((bound, sample.value)),
            (Part::Quantile, Some(quantile)) => values.quantiles.push((quantile, sample.value)),
            (Part::Sum, _) => values.sum = Some(sample.value),
            (Part::Count, _) => values.count = Some(sample.value),
            (Part::Created, _) => values.created = Some(sample.value),
            _ if sample.native.is_some() => {
                values.count = Some(sample.value);
                values.native = sample.native;
            }
            // Of two samples of one series the first counts, as in Prometheus.
            _ => values.value = values.value.or(Some(sample.value)),
        }
        values.exemplars.extend(sample.exemplars);
    }

    fn values(&mut self, key: Key) -> &mut Values {
        let at = match self.places.entry(key) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                let at = self.all.len();
                self.all.push((place.key().clone(), Values::default()));
                *place.insert(at)
            }
        };
        &mut self.all[at].1
    }
}

fn scope(labels: &mut Labels) -> Scope {
    let mut scope = Scope::default();
    let names: Vec<String> = labels.keys().filter(|name| name.starts_with(SCOPE)).cloned().collect();
    for name in names {
        let Some(value) = labels.remove(&name) else { continue };
        match name.strip_prefix(SCOPE).unwrap_or_default() {
            "name" => scope.name = value,
            "version" => scope.version = value,
            "schema_url" => scope.schema_url = value,
            other => scope.attributes.push((other.to_owned(), value)),
        }
    }
    scope
}

/// The family of a metric, what that is, and which part of it the metric is.
fn family<'n>(name: &'n str, about: &HashMap<String, About>) -> (&'n str, Kind, Part) {
    if let Some(known) = about.get(name) {
        let part = if known.kind == Kind::Summary { Part::Quantile } else { Part::Value };
        // A histogram has no sample of its own name.
        let is_bare = matches!(known.kind, Kind::Histogram | Kind::GaugeHistogram);
        return (name, if is_bare { Kind::Unknown } else { known.kind }, part);
    }
    for (suffix, part, kinds) in SUFFIXES {
        let Some(stem) = name.strip_suffix(suffix) else { continue };
        if let Some(known) = about.get(stem).filter(|known| kinds.contains(&known.kind)) {
            return (stem, known.kind, *part);
        }
    }
    (name, Kind::Unknown, Part::Value)
}

const SCOPE: &str = "otel_scope_";

/// What the parts of a family are called. A gauge histogram has no kind in OTLP: its parts are gauges, as in the Collector.
const SUFFIXES: &[(&str, Part, &[Kind])] = &[
    ("_bucket", Part::Bucket, &[Kind::Histogram, Kind::GaugeHistogram]),
    ("_sum", Part::Sum, &[Kind::Histogram, Kind::Summary]),
    ("_count", Part::Count, &[Kind::Histogram, Kind::Summary]),
    ("_created", Part::Created, &[Kind::Counter, Kind::Histogram, Kind::Summary]),
    ("_total", Part::Value, &[Kind::Counter]),
    ("_info", Part::Value, &[Kind::Info]),
];
