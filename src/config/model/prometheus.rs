//! `exporters::prometheus`

use std::time::Duration;

use http::HeaderName;

use super::{ListenAddress, Secret, ServerTls};
use crate::signal::Signal;

/// `exporters::prometheus`
#[derive(Clone, Debug, PartialEq)]
pub struct Prometheus {
    /// `endpoint`: where it is scraped.
    pub listen: ListenAddress,
    /// `tls`; none means plaintext.
    pub tls: Option<Box<ServerTls>>,
    /// `response_headers`, in the order written.
    pub response_headers: Vec<(HeaderName, Secret)>,
    /// `read_header_timeout`, or `read_timeout`: how long the head of a request may take.
    pub header_timeout: Option<Duration>,
    /// `idle_timeout`, or `read_timeout`: how long a connection may be silent.
    pub idle_timeout: Option<Duration>,
    /// `keep_alives_enabled: false`: a connection ends behind its first answer.
    pub one_request: bool,
    /// `namespace`, in front of every name.
    pub namespace: String,
    /// `const_labels`, on every series.
    pub const_labels: Vec<(String, String)>,
    /// `send_timestamps`: whether samples have their time; false.
    pub send_timestamps: bool,
    /// `metric_expiration`: how long a series is shown that nothing comes for; 5 minutes.
    pub metric_expiration: Duration,
    /// `resource_constant_labels`, or what `resource_to_telemetry_conversion` comes to.
    pub resource_labels: ResourceLabels,
    /// `enable_open_metrics`: whether OpenMetrics is spoken; false.
    pub open_metrics: bool,
    /// `without_scope_info: false`: whether series say which scope they are from; true.
    pub scope_labels: bool,
    /// `translation_strategy`, or what `add_metric_suffixes` comes to.
    pub translation: Translation,
    /// `max_series`, a key of the relay's own: how many series are held; 200000.
    pub max_series: usize,
}

impl Prometheus {
    /// What it takes.
    pub const SIGNAL: Signal = Signal::Metrics;
}

/// Which resource attributes are labels of every series, by patterns with `*` and `?`. All are, but those excluded, where
/// only that is written; none where nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceLabels {
    /// `included`
    pub included: Vec<String>,
    /// `excluded`
    pub excluded: Vec<String>,
}

/// `translation_strategy`: what becomes of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Translation {
    /// `UnderscoreEscapingWithSuffixes`
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// `UnderscoreEscapingWithoutSuffixes`
    UnderscoreEscapingWithoutSuffixes,
    /// `NoUTF8EscapingWithSuffixes`
    NoUtf8EscapingWithSuffixes,
    /// `NoTranslation`
    NoTranslation,
}

impl Translation {
    /// Whether characters that not every Prometheus knows become underscores.
    pub fn escapes(self) -> bool {
        matches!(self, Translation::UnderscoreEscapingWithSuffixes | Translation::UnderscoreEscapingWithoutSuffixes)
    }

    /// Whether names get their unit and type.
    pub fn adds_suffixes(self) -> bool {
        matches!(self, Translation::UnderscoreEscapingWithSuffixes | Translation::NoUtf8EscapingWithSuffixes)
    }
}
