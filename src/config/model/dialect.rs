//! What an exporter over HTTP says: OTLP, Prometheus' remote write or Zipkin's spans.

use super::{ResourceLabels, Translation};
use crate::signal::Signal;
use crate::units::ByteCount;

/// What the requests of an exporter over HTTP are. Everything else of them is alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Dialect {
    /// `otlp_http`
    #[default]
    Otlp,
    /// `prometheusremotewrite`: `prometheus.WriteRequest`, in a block of snappy.
    RemoteWrite(Box<RemoteWrite>),
    /// `zipkin`: a list of spans, v2.
    Zipkin(Zipkin),
}

/// `exporters::prometheusremotewrite`, beside what all exporters over HTTP have.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteWrite {
    /// `namespace`, in front of every name.
    pub namespace: String,
    /// `external_labels`, on every series.
    pub external_labels: Vec<(String, String)>,
    /// `resource_to_telemetry_conversion`
    pub resource_labels: ResourceLabels,
    /// `disable_scope_info: false`: whether series say which scope they are from; true.
    pub scope_labels: bool,
    /// `add_metric_suffixes`, or `translation_strategy`.
    pub translation: Translation,
    /// `target_info::enabled`: whether the attributes of resources are sent as a series; true.
    pub target_info: bool,
    /// `max_batch_size_bytes`: a larger request is cut, unless it has a single item. None: no bound.
    pub max_body: Option<ByteCount>,
    /// `send_metadata`: whether types, units and descriptions are sent; false.
    pub metadata: bool,
}

/// `exporters::zipkin`, beside what all exporters over HTTP have. Its `format` is their `encoding`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zipkin {
    /// `default_service_name`, where a resource has none; `<missing service name>`.
    pub default_service_name: String,
}

impl Zipkin {
    /// What it takes.
    pub const SIGNAL: Signal = Signal::Traces;
}
