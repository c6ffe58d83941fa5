//! Where the relay's own metrics are read: `service::telemetry::metrics`.

use crate::config::decode::endpoint;
use crate::config::model::{ListenAddress, Metrics, MetricsLevel, MetricsReader, PrometheusReader, Spelling};
use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

use super::periodic;

/// Reads `metrics`.
pub(super) fn read(mut section: Section<'_>) -> Metrics {
    let default = Metrics::default();
    let level = section.value("level").and_then(|level| level.level(METRIC_LEVELS, NONE)).unwrap_or(default.level);
    let early = early_address(&mut section);
    let readers = match section.value("readers") {
        None => early.map_or(default.readers, |reader| vec![reader]),
        Some(list) => {
            if list.asks_for_nothing() && level != MetricsLevel::None {
                list.warn("collector telemetry metrics reader should exist when metric level is not none");
            }
            list.items().into_iter().filter_map(reader).collect()
        }
    };
    if level != MetricsLevel::Detailed
        && let Some(views) = section.value("views").filter(|views| !views.asks_for_nothing())
    {
        views.wrong("views can only be set when service::telemetry::metrics::level is detailed");
    }
    section.rest(&[("views", Rule::NoEffect("the relay has one view of its metrics"))]);
    section.finish();
    Metrics { level, readers }
}

/// `address`, which the Collector had before `readers`.
fn early_address(metrics: &mut Section<'_>) -> Option<MetricsReader> {
    let value = metrics.value("address")?;
    let listen = endpoint::listen(&value, 8888)?;
    let warning = Problem::new(None, "", "the key \"address\" is gone from the Collector");
    let ListenAddress { host, port } = &listen;
    value
        .warn_of(warning.hint(format!(
            "write readers: [{{pull: {{exporter: {{prometheus: {{host: '{host}', port: {port}}}}}}}}}]"
        )));
    Some(MetricsReader::Prometheus(PrometheusReader { listen, spelling: Spelling::default() }))
}

fn reader(member: Reading<'_>) -> Option<MetricsReader> {
    let mut section = member.section()?;
    let pull = section.value("pull").and_then(Reading::section);
    let periodic = section.value("periodic").and_then(Reading::section);
    let reader = match (pull, periodic) {
        (Some(_), Some(_)) => {
            section.whole().wrong("a reader is either pull or periodic");
            None
        }
        (Some(pull), None) => read_pull(pull).map(MetricsReader::Prometheus),
        (None, Some(reader)) => periodic::read(reader).map(Box::new).map(MetricsReader::Periodic),
        (None, None) => {
            section.whole().wrong("a reader needs pull or periodic");
            None
        }
    };
    section.finish();
    reader
}

fn read_pull(mut pull: Section<'_>) -> Option<PrometheusReader> {
    let exporter = pull.value("exporter").and_then(Reading::section);
    pull.rest(READER_REST);
    let Some(mut exporter) = exporter else {
        pull.whole().wrong("a pull reader needs an exporter");
        return None;
    };
    pull.finish();
    let prometheus = exporter.entry("prometheus").and_then(Reading::section);
    if prometheus.is_none() {
        exporter.whole().wrong("a pull reader needs the exporter prometheus");
    }
    exporter.finish();
    prometheus.map(read_prometheus)
}

fn read_prometheus(mut section: Section<'_>) -> PrometheusReader {
    let default = PrometheusReader::default();
    let host = section.text("host").unwrap_or(default.listen.host);
    let port = section.value("port").and_then(|value| {
        let port = u16::try_from(value.unsigned()?).ok();
        if port.is_none() {
            value.refuse(value.fault("invalid port").hint("ports go up to 65535").is(Mistake::InvalidEndpoint));
        }
        port
    });
    let mut without = |key, default| section.boolean(key).unwrap_or(default);
    let spelling = Spelling {
        without_scope_info: without("without_scope_info", default.spelling.without_scope_info),
        without_units: without("without_units", default.spelling.without_units),
        without_type_suffix: without("without_type_suffix", default.spelling.without_type_suffix),
    };
    section.rest(PROMETHEUS_REST);
    section.finish();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    PrometheusReader { listen: ListenAddress { host, port: port.unwrap_or(default.listen.port) }, spelling }
}

/// The number of the first level.
const NONE: i128 = -1;

const METRIC_LEVELS: &[(&str, MetricsLevel)] = &[
    ("none", MetricsLevel::None),
    ("basic", MetricsLevel::Basic),
    ("normal", MetricsLevel::Normal),
    ("detailed", MetricsLevel::Detailed),
];

pub(super) const READER_REST: &[(&str, Rule)] = &[
    ("producers", Rule::NoEffect("the relay is the only producer of its metrics")),
    ("cardinality_limits", Rule::NoEffect("the relay's series are few")),
];

const SPELLING: &str = "the relay spells its metrics by the without_* keys";
const PROMETHEUS_REST: &[(&str, Rule)] =
    &[("with_resource_constant_labels", Rule::NoEffect(SPELLING)), ("translation_strategy", Rule::NoEffect(SPELLING))];
