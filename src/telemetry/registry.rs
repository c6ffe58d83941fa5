//! Which metrics there are: every series by name and labels, and their text for Prometheus.
//!
//! Names are the Collector's with its default reader: `otelcol_` in front, no `_total`, no unit behind. They are always
//! given in full, since `target_info` has no prefix.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, Metric, MetricFamily, MetricType};

use super::series::{Counter, Gauge, Histogram};
use super::view::{View, pair};

/// Every metric of the process. Cheap to clone; clones are one registry.
#[derive(Clone, Default)]
pub struct Registry(Arc<Inner>);

/// The name of a metric: known when the relay is built, or made of a signal's noun.
pub type Name = Cow<'static, str>;

/// What tells the series of one metric apart.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

#[derive(Default)]
struct Inner {
    exposition: prometheus::Registry,
    families: Mutex<BTreeMap<Name, Family>>,
}

/// All series of one name.
#[derive(Clone)]
struct Family {
    desc: Arc<Desc>,
    kind: MetricType,
    series: Arc<Mutex<BTreeMap<Key, Series>>>,
}

/// Labels in the order of their names.
type Key = Vec<(Name, String)>;

/// Where the value of a series is.
#[derive(Clone)]
enum Series {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
    Read(Arc<dyn Fn() -> f64 + Send + Sync>),
}

impl Registry {
    /// A registry without any metric.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// The counter of this name and these labels: a new one at 0, or the one that is there already, so that counts
    /// survive a rebuild. `help` is used by the first series of a name.
    pub fn counter(&self, name: impl Into<Name>, help: &'static str, labels: Labels<'_>) -> Counter {
        let made = Counter::new();
        match self.series(name.into(), help, MetricType::COUNTER, labels, Series::Counter(made.clone())) {
            Some(Series::Counter(there)) => there,
            _ => made,
        }
    }

    /// The gauge of this name and these labels: a new one at 0, or the one that is there already.
    pub fn gauge(&self, name: impl Into<Name>, help: &'static str, labels: Labels<'_>) -> Gauge {
        let made = Gauge::default();
        match self.series(name.into(), help, MetricType::GAUGE, labels, Series::Gauge(made.clone())) {
            Some(Series::Gauge(there)) => there,
            _ => made,
        }
    }

    /// The histogram of this name and these labels: a new one, or the one that is there already with its own buckets.
    /// `buckets` are upper bounds in ascending order, without infinity.
    pub fn histogram(
        &self,
        name: impl Into<Name>,
        help: &'static str,
        buckets: &'static [f64],
        labels: Labels<'_>,
    ) -> Histogram {
        let made = Histogram::new(buckets);
        match self.series(name.into(), help, MetricType::HISTOGRAM, labels, Series::Histogram(made.clone())) {
            Some(Series::Histogram(there)) => there,
            _ => made,
        }
    }

    /// A gauge that is `read` at each scrape; it takes the place of an earlier one of the same name and labels.
    ///
    /// `read` lives until it is replaced, so it must own neither a stage nor the end of a channel (a drain would wait
    /// for it for ever): let it read an atomic. It must not use this registry.
    pub fn gauge_fn(
        &self,
        name: impl Into<Name>,
        help: &'static str,
        labels: Labels<'_>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.replace(name.into(), help, MetricType::GAUGE, labels, Arc::new(read));
    }

    /// Like [`Registry::gauge_fn`], for a number that only grows.
    pub fn counter_fn(
        &self,
        name: impl Into<Name>,
        help: &'static str,
        labels: Labels<'_>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.replace(name.into(), help, MetricType::COUNTER, labels, Arc::new(read));
    }

    /// Forgets the series of this name and these labels, if there is one.
    pub fn forget(&self, name: &str, labels: Labels<'_>) {
        let family = lock(&self.0.families).get(name).cloned();
        if let Some(family) = family {
            lock(&family.series).remove(&key(labels));
        }
    }

    /// A gauge of 1 whose labels say something; it takes the place of an earlier one of this name, whatever its labels.
    pub(super) fn info(&self, name: &'static str, help: &'static str, labels: Vec<(String, String)>) {
        let Some(family) = self.family(name.into(), help, MetricType::GAUGE) else { return };
        let mut key: Key = labels.into_iter().map(|(name, value)| (name.into(), value)).collect();
        key.sort();
        // Prometheus refuses a series that has a label twice.
        key.dedup_by(|later, earlier| later.0 == earlier.0);
        let gauge = Gauge::default();
        gauge.set(1.0);
        *lock(&family.series) = BTreeMap::from([(key, Series::Gauge(gauge))]);
    }

    /// Every metric as it is, by name.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.0.exposition.gather()
    }

    /// Every metric in Prometheus' text exposition format, version 0.0.4, with the Collector's usual spelling.
    pub fn render(&self) -> String {
        self.render_as(View::default())
    }

    /// What `view` shows, in Prometheus' text exposition format, version 0.0.4.
    pub fn render_as(&self, view: View) -> String {
        let mut text = String::new();
        for family in self.gather().into_iter().filter_map(|family| view.of(family)) {
            let before = text.len();
            // A family that cannot be written must not hide the others.
            if let Err(error) = prometheus::TextEncoder::new().encode_utf8(std::slice::from_ref(&family), &mut text) {
                text.truncate(before);
                tracing::warn!(metric = family.name(), error = %error, "a metric cannot be shown");
            }
        }
        text
    }

    fn series(
        &self,
        name: Name,
        help: &'static str,
        kind: MetricType,
        labels: Labels<'_>,
        made: Series,
    ) -> Option<Series> {
        let family = self.family(name, help, kind)?;
        Some(lock(&family.series).entry(key(labels)).or_insert(made).clone())
    }

    fn replace(
        &self,
        name: Name,
        help: &'static str,
        kind: MetricType,
        labels: Labels<'_>,
        read: Arc<dyn Fn() -> f64 + Send + Sync>,
    ) {
        if let Some(family) = self.family(name, help, kind) {
            lock(&family.series).insert(key(labels), Series::Read(read));
        }
    }

    /// The family of this name. Nothing where the name is taken by another kind or is none, which is a bug of the
    /// relay: it is logged, and the series counts without being shown.
    fn family(&self, name: Name, help: &'static str, kind: MetricType) -> Option<Family> {
        let mut families = lock(&self.0.families);
        if let Some(family) = families.get(&name) {
            let fits = family.kind == kind;
            if !fits {
                tracing::error!(metric = %name, "a metric has two kinds; one of them is not shown");
            }
            return fits.then(|| family.clone());
        }
        let made = Desc::new(name.clone().into_owned(), help.to_owned(), Vec::new(), HashMap::new())
            .map(|desc| Family { desc: Arc::new(desc), kind, series: Arc::default() })
            .and_then(|family| self.0.exposition.register(Box::new(family.clone())).map(|()| family));
        match made {
            Ok(family) => {
                families.insert(name, family.clone());
                Some(family)
            }
            Err(error) => {
                tracing::error!(metric = %name, error = %error, "a metric cannot be registered");
                None
            }
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Collector for Family {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Copied out first: reading a value is somebody else's code, which must not run under the lock.
        let series: Vec<_> =
            lock(&self.series).iter().map(|(labels, series)| (labels.clone(), series.clone())).collect();
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(self.kind);
        family.set_metric(series.iter().map(|(labels, series)| series.sample(self.kind, labels)).collect());
        vec![family]
    }
}

impl Series {
    fn sample(&self, kind: MetricType, labels: &[(Name, String)]) -> Metric {
        let mut metric = Metric::from_label(labels.iter().map(|(name, value)| pair(name, value)).collect());
        let value = match self {
            Series::Histogram(histogram) => {
                metric.set_histogram(histogram.sample());
                return metric;
            }
            // Exact up to 2^53.
            Series::Counter(counter) => counter.get() as f64,
            Series::Gauge(gauge) => gauge.get(),
            Series::Read(read) => read(),
        };
        if kind == MetricType::COUNTER {
            let mut counter = proto::Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        metric
    }
}

/// In this order labels are written, too.
fn key(labels: Labels<'_>) -> Key {
    let mut key: Key = labels.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
    key.sort();
    key
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
