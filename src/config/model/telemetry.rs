//! `service::telemetry`

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::{Exporter, ListenAddress};

/// `service::telemetry`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Telemetry {
    /// `logs`
    pub logs: Logs,
    /// `metrics`
    pub metrics: Metrics,
    /// `resource`
    pub resource: Resource,
}

/// `service::telemetry::logs`
#[derive(Clone, Debug, PartialEq)]
pub struct Logs {
    /// `level`; info.
    pub level: LogLevel,
    /// `encoding`; console.
    pub encoding: LogEncoding,
    /// `output_paths`; standard error.
    pub outputs: Vec<LogOutput>,
    /// `error_output_paths`: where it is said that a line cannot be written; standard error.
    pub error_outputs: Vec<LogOutput>,
    /// `sampling`; none unless it is written (the Collector: 10 of each line in 10 s, then each hundredth): the relay
    /// sums up its repeated lines by itself.
    pub sampling: Option<LogSampling>,
    /// `initial_fields`: what every line has.
    pub initial_fields: Vec<(String, Value)>,
    /// `disable_zap_resource`: whether JSON lines leave out the attributes of `resource`; false.
    pub without_resource: bool,
}

/// `service::telemetry::logs::level`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens once.
    Info,
    /// What a person should look at.
    Warn,
    /// What does not work.
    Error,
}

/// `service::telemetry::logs::encoding`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEncoding {
    /// One readable line.
    Console,
    /// One JSON object.
    Json,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogOutput {
    /// `stderr`
    Stderr,
    /// `stdout`
    Stdout,
    /// The end of a file.
    File(PathBuf),
}

/// `service::telemetry::logs::sampling`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSampling {
    /// `tick`: after so long each line counts from the start again; 10 s.
    pub tick: Duration,
    /// `initial`: so many lines of one level and message are written; 10.
    pub initial: u64,
    /// `thereafter`: then one in so many; 100. Zero: none.
    pub thereafter: u64,
}

/// `service::telemetry::metrics`
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// `level`; normal.
    pub level: MetricsLevel,
    /// `readers`; one that Prometheus scrapes on localhost:8888. None are served with the level `none`.
    pub readers: Vec<MetricsReader>,
}

/// `service::telemetry::metrics::level`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsLevel {
    /// No metrics at all.
    None,
    /// Without those of the batch processor.
    Basic,
    /// Everything.
    Normal,
    /// Everything.
    Detailed,
}

/// A member of `service::telemetry::metrics::readers`.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricsReader {
    /// `pull::exporter::prometheus`
    Prometheus(PrometheusReader),
    /// `periodic::exporter::otlp`
    Periodic(Box<PeriodicReader>),
}

/// `service::telemetry::metrics::readers::pull::exporter::prometheus`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrometheusReader {
    /// `host` and `port`; localhost:8888.
    pub listen: ListenAddress,
    /// How metrics are called there.
    pub spelling: Spelling,
}

/// How metrics are called. All true unless written otherwise, as in the Collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// `without_scope_info`: no `otel_scope_name` and `otel_scope_version` on each series.
    pub without_scope_info: bool,
    /// `without_units`: no `_seconds` and `_bytes` behind the names.
    pub without_units: bool,
    /// `without_type_suffix`: no `_total` behind the names of counters.
    pub without_type_suffix: bool,
}

/// `service::telemetry::metrics::readers::periodic`
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodicReader {
    /// `interval`; 1 min.
    pub interval: Duration,
    /// `exporter::otlp`, as the exporter that does it. Its time limit is the reader's `timeout`; 30 s.
    pub exporter: Exporter,
}

/// `service::telemetry::resource`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// `attributes`, over those that the relay gives itself. Null takes one of those away.
    pub attributes: Vec<(String, Value)>,
}

impl Default for Logs {
    fn default() -> Logs {
        Logs {
            level: LogLevel::Info,
            encoding: LogEncoding::Console,
            outputs: vec![LogOutput::Stderr],
            error_outputs: vec![LogOutput::Stderr],
            sampling: None,
            initial_fields: Vec::new(),
            without_resource: false,
        }
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics { level: MetricsLevel::Normal, readers: vec![MetricsReader::Prometheus(PrometheusReader::default())] }
    }
}

impl Default for PrometheusReader {
    fn default() -> PrometheusReader {
        let listen = ListenAddress { host: "localhost".to_owned(), port: 8888 };
        PrometheusReader { listen, spelling: Spelling::default() }
    }
}

impl Default for Spelling {
    fn default() -> Spelling {
        Spelling { without_scope_info: true, without_units: true, without_type_suffix: true }
    }
}
