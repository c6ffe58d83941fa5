//! How one reader of the metrics wants to see them: with which suffixes, with which labels, and how many of them.

use prometheus::proto::{LabelPair, MetricFamily, MetricType};

use crate::config::{MetricsLevel, Spelling};

/// What a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// How metrics are called.
    pub spelling: Spelling,
    /// How much is shown.
    pub level: MetricsLevel,
}

impl Default for View {
    fn default() -> View {
        View { spelling: Spelling::default(), level: MetricsLevel::Normal }
    }
}

impl View {
    /// `family` as it is seen; nothing where it is not shown.
    pub(super) fn of(self, mut family: MetricFamily) -> Option<MetricFamily> {
        if !self.shows(family.name()) {
            return None;
        }
        let Spelling { without_scope_info, without_units, without_type_suffix } = self.spelling;
        let is_ours = family.name() != TARGET_INFO;
        if !without_units && let Some(unit) = unit(family.name()) {
            append(&mut family, unit);
        }
        if !without_type_suffix && family.get_field_type() == MetricType::COUNTER {
            append(&mut family, "_total");
        }
        if !without_scope_info && is_ours {
            for metric in family.mut_metric() {
                let mut labels = metric.take_label();
                labels.extend(SCOPE.map(|(name, value)| pair(name, value)));
                metric.set_label(labels);
            }
        }
        Some(family)
    }

    fn shows(self, name: &str) -> bool {
        match self.level {
            MetricsLevel::None => false,
            MetricsLevel::Basic => !name.starts_with("otelcol_processor_batch_") && !DETAILS.contains(&name),
            MetricsLevel::Normal => !DETAILS.contains(&name),
            MetricsLevel::Detailed => true,
        }
    }
}

fn append(family: &mut MetricFamily, suffix: &str) {
    let name = family.name().to_owned();
    if !name.ends_with(suffix) {
        family.set_name(format!("{name}{suffix}"));
    }
}

/// The word that Prometheus expects behind the name of a metric with a real unit.
fn unit(name: &str) -> Option<&'static str> {
    UNITS.iter().find(|(known, _)| *known == name).map(|(_, unit)| *unit)
}

pub(super) fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

pub(super) const TARGET_INFO: &str = "target_info";
/// What only the level `detailed` shows.
const DETAILS: [&str; 3] = [
    "otelcol_exporter_queue_batch_send_size",
    "otelcol_exporter_queue_batch_send_size_bytes",
    "otelcol_processor_batch_batch_send_size_bytes",
];
/// Everything else counts things.
const UNITS: &[(&str, &str)] = &[
    ("otelcol_process_cpu_seconds", "_seconds"),
    ("otelcol_process_memory_rss", "_bytes"),
    ("otelcol_process_uptime", "_seconds"),
    ("otelcol_processor_batch_batch_send_size_bytes", "_bytes"),
    ("otelcol_exporter_queue_batch_send_size_bytes", "_bytes"),
];
const SCOPE: [(&str, &str); 2] =
    [("otel_scope_name", env!("CARGO_PKG_NAME")), ("otel_scope_version", env!("CARGO_PKG_VERSION"))];
