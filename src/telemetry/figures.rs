//! The numbers of one moment, asked for by the names and labels that `/metrics` has: whoever shows them shows the same.

use std::collections::BTreeMap;

use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::registry::{Labels, Registry};

/// Every metric at one moment.
#[derive(Debug)]
pub struct Figures(BTreeMap<String, MetricFamily>);

impl Registry {
    /// Every metric as it is now.
    pub fn figures(&self) -> Figures {
        Figures(self.gather().into_iter().map(|family| (family.name().to_owned(), family)).collect())
    }
}

impl Figures {
    /// The sum of all series of `name` that have these labels, among others; nothing where there is none.
    pub fn sum(&self, name: &str, labels: Labels<'_>) -> Option<f64> {
        let family = self.0.get(name)?;
        let found: Vec<f64> = of(family, labels).filter_map(|metric| value(family, metric)).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// The same as a count, 0 where there is none.
    pub fn count(&self, name: &str, labels: Labels<'_>) -> u64 {
        // Counters are exact up to 2^53, and never negative.
        self.sum(name, labels).unwrap_or_default() as u64
    }

    /// The mean of each value of the label `by`, over all histograms of `name` that have these labels.
    pub fn means(&self, name: &str, labels: Labels<'_>, by: &str) -> BTreeMap<String, f64> {
        let mut sums: BTreeMap<String, (f64, u64)> = BTreeMap::new();
        for metric in self.0.get(name).into_iter().flat_map(|family| of(family, labels)) {
            let Some(of) = metric.get_label().iter().find(|label| label.name() == by) else { continue };
            let histogram = metric.get_histogram();
            let (sum, count) = sums.entry(of.value().to_owned()).or_default();
            *sum += histogram.get_sample_sum();
            *count += histogram.get_sample_count();
        }
        let known = sums.into_iter().filter(|(_, (_, count))| *count != 0);
        known.map(|(of, (sum, count))| (of, sum / count as f64)).collect()
    }
}

fn of<'a>(family: &'a MetricFamily, labels: Labels<'a>) -> impl Iterator<Item = &'a Metric> {
    family.get_metric().iter().filter(move |metric| {
        let has = |(name, value): &(&str, &str)| {
            metric.get_label().iter().any(|label| label.name() == *name && label.value() == *value)
        };
        labels.iter().all(has)
    })
}

fn value(family: &MetricFamily, metric: &Metric) -> Option<f64> {
    match family.get_field_type() {
        MetricType::COUNTER => Some(metric.get_counter().get_value()),
        MetricType::GAUGE => Some(metric.get_gauge().get_value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_their_labels() {
        let registry = Registry::new();
        for (exporter, place, sent) in [("a", "x", 2), ("a", "y", 3), ("b", "x", 5)] {
            registry.counter("sent", "Sent", &[("exporter", exporter), ("place", place)]).add(sent);
        }
        let figures = registry.figures();
        assert_eq!(figures.sum("sent", &[("exporter", "a")]), Some(5.0));
        assert_eq!(figures.count("sent", &[("exporter", "c")]), 0);
        assert_eq!(figures.sum("other", &[]), None);
    }

    #[test]
    fn histograms_have_means_by_label() {
        let registry = Registry::new();
        let took = |phase: &'static str| registry.histogram("took", "Took", &[1.0], &[("phase", phase)]);
        took("connect").observe(1.0);
        took("connect").observe(2.0);
        drop(took("tls"));
        let means = registry.figures().means("took", &[], "phase");
        assert_eq!(means.into_iter().collect::<Vec<_>>(), [("connect".to_owned(), 1.5)]);
    }
}
