//! How the relay watches itself: `service::telemetry`.

use crate::config::model::{ListenAddress, LogEncoding, LogLevel, Telemetry};
use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

use super::endpoint;

/// Reads `telemetry` of the service.
pub(super) fn read(service: &mut Section<'_>) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let Some(mut section) = service.entry("telemetry").and_then(Reading::section) else { return telemetry };
    if let Some(logs) = section.entry("logs").and_then(Reading::section) {
        (telemetry.log_level, telemetry.log_encoding) = read_logs(logs);
    }
    if let Some(metrics) = section.entry("metrics").and_then(Reading::section) {
        telemetry.metrics = read_metrics(metrics);
    }
    let traces = section.entry("traces").and_then(Reading::section);
    if traces.is_some_and(|mut traces| traces.has("processors") && traces.text("level").as_deref() != Some("none")) {
        section.rest(&[("traces", Rule::NoEffect("the relay makes no traces of itself"))]);
    }
    section.rest(&[("resource", Rule::NoEffect("the relay's own metrics carry no resource"))]);
    section.finish();
    telemetry
}

fn read_logs(mut logs: Section<'_>) -> (LogLevel, LogEncoding) {
    let level = logs.choice("level", LEVELS).unwrap_or(LogLevel::Info);
    let encoding = logs.choice("encoding", ENCODINGS).unwrap_or(LogEncoding::Console);
    logs.rest(LOGS_REST);
    logs.finish();
    (level, encoding)
}

fn read_metrics(mut metrics: Section<'_>) -> Option<ListenAddress> {
    let level = metrics.choice("level", METRIC_LEVELS).unwrap_or(MetricLevel::On);
    let early = early_address(&mut metrics);
    let readers = metrics.value("readers");
    let mut listen = match (&readers, early) {
        (None, Some(address)) => Some(address),
        (None, None) => Telemetry::default().metrics,
        (Some(readers), early) => first_pull(readers).or(early),
    };
    if let Some(readers) = readers.filter(|readers| readers.asks_for_nothing() && level == MetricLevel::On) {
        readers.warn("collector telemetry metrics reader should exist when metric level is not none");
    }
    metrics.rest(&[("views", Rule::NotYet)]);
    metrics.finish();
    if level == MetricLevel::Off {
        listen = None;
    }
    listen
}

/// `address`, which the Collector had before `readers`.
fn early_address(metrics: &mut Section<'_>) -> Option<ListenAddress> {
    let value = metrics.value("address")?;
    let listen = endpoint::listen(&value)?;
    let warning = Problem::new(None, "", "the key \"address\" is gone from the Collector");
    let ListenAddress { host, port } = &listen;
    value
        .warn_of(warning.hint(format!(
            "write readers: [{{pull: {{exporter: {{prometheus: {{host: '{host}', port: {port}}}}}}}}}]"
        )));
    Some(listen)
}

/// The address of the first pull reader. More of them would show the same metrics again.
fn first_pull(readers: &Reading<'_>) -> Option<ListenAddress> {
    let mut first = None;
    for reader in readers.items() {
        let Some(mut section) = reader.section() else { continue };
        let pull = section.value("pull").and_then(Reading::section);
        section.rest(&[("periodic", Rule::NotYet)]);
        let listen = pull.and_then(read_pull);
        match (&first, listen) {
            (None, Some(listen)) => first = Some(listen),
            (Some(_), Some(_)) => section.whole().warn("only the first pull reader is served"),
            (_, None) => {}
        }
        section.finish();
    }
    first
}

fn read_pull(mut pull: Section<'_>) -> Option<ListenAddress> {
    let mut exporter = pull.value("exporter").and_then(Reading::section)?;
    let prometheus = exporter.entry("prometheus").and_then(Reading::section);
    exporter.finish();
    pull.rest(&[("producers", Rule::NotYet), ("cardinality_limits", Rule::NoEffect("the relay's series are few"))]);
    pull.finish();
    let mut prometheus = prometheus?;
    let host = prometheus.text("host").unwrap_or_else(|| "localhost".to_owned());
    let port = prometheus.value("port").and_then(|value| {
        let port = u16::try_from(value.unsigned()?).ok();
        if port.is_none() {
            value.refuse(value.fault("invalid port").hint("ports go up to 65535").is(Mistake::InvalidEndpoint));
        }
        port
    });
    prometheus.rest(PROMETHEUS_REST);
    prometheus.finish();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(ListenAddress { host, port: port.unwrap_or(8888) })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum MetricLevel {
    Off,
    On,
}

const LEVELS: &[(&str, LogLevel)] = &[
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warn", LogLevel::Warn),
    ("error", LogLevel::Error),
    ("dpanic", LogLevel::Error),
    ("panic", LogLevel::Error),
    ("fatal", LogLevel::Error),
];

const ENCODINGS: &[(&str, LogEncoding)] = &[("console", LogEncoding::Console), ("json", LogEncoding::Json)];

/// The relay has one set of metrics for all levels but `none`.
const METRIC_LEVELS: &[(&str, MetricLevel)] = &[
    ("none", MetricLevel::Off),
    ("basic", MetricLevel::On),
    ("normal", MetricLevel::On),
    ("detailed", MetricLevel::On),
];

const LINES: &str = "the relay writes its lines in one way";
const LOGS_REST: &[(&str, Rule)] = &[
    ("development", Rule::Fixed("false", LINES)),
    ("disable_caller", Rule::Fixed("true", LINES)),
    ("disable_stacktrace", Rule::Fixed("true", LINES)),
    ("disable_zap_resource", Rule::NoEffect(LINES)),
    ("sampling", Rule::NoEffect("the relay sums up repeated lines by itself")),
    ("output_paths", Rule::Only(&["stderr"])),
    ("error_output_paths", Rule::Only(&["stderr"])),
    ("initial_fields", Rule::NoEffect(LINES)),
    ("processors", Rule::NotYet),
];

const SPELLING: &str = "the relay's metrics have the names of the Collector's default reader";
const PROMETHEUS_REST: &[(&str, Rule)] = &[
    ("without_scope_info", Rule::Fixed("true", SPELLING)),
    ("without_units", Rule::Fixed("true", SPELLING)),
    ("without_type_suffix", Rule::Fixed("true", SPELLING)),
    ("with_resource_constant_labels", Rule::NoEffect(SPELLING)),
    ("translation_strategy", Rule::NoEffect(SPELLING)),
];
