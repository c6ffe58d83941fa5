//! What is in an export request, item by item, however it was merged and split on its way?

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum, Summary, metric::Data,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message;

/// The attribute that carries the number of a generated log record or data point.
pub const ID: &str = "test.id";

/// A kind of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
    Profiles,
}

impl Signal {
    pub const ALL: [Signal; 4] = [Signal::Traces, Signal::Metrics, Signal::Logs, Signal::Profiles];

    /// The path of OTLP/HTTP.
    pub fn path(self) -> &'static str {
        match self {
            Signal::Traces => "/v1/traces",
            Signal::Metrics => "/v1/metrics",
            Signal::Logs => "/v1/logs",
            Signal::Profiles => "/v1development/profiles",
        }
    }

    /// The path of the gRPC method.
    pub fn method(self) -> &'static str {
        match self {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Signal::Profiles => "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        }
    }

    /// The name of a pipeline.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
            Signal::Profiles => "profiles",
        }
    }

    /// What the Collector's metrics call the items.
    pub fn noun(self) -> &'static str {
        match self {
            Signal::Traces => "spans",
            Signal::Metrics => "metric_points",
            Signal::Logs => "log_records",
            Signal::Profiles => "profile_samples",
        }
    }
}

/// A request of any signal.
#[derive(Clone, Debug, PartialEq)]
pub enum Export {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
    Profiles(ExportProfilesServiceRequest),
}

impl Export {
    /// Decodes a body as `signal`.
    pub fn decode(signal: Signal, body: &[u8]) -> Result<Export, prost::DecodeError> {
        Ok(match signal {
            Signal::Traces => Export::Traces(Message::decode(body)?),
            Signal::Metrics => Export::Metrics(Message::decode(body)?),
            Signal::Logs => Export::Logs(Message::decode(body)?),
            Signal::Profiles => Export::Profiles(Message::decode(body)?),
        })
    }

    pub fn encode(&self) -> Vec<u8> {
        match self {
            Export::Traces(request) => request.encode_to_vec(),
            Export::Metrics(request) => request.encode_to_vec(),
            Export::Logs(request) => request.encode_to_vec(),
            Export::Profiles(request) => request.encode_to_vec(),
        }
    }

    pub fn signal(&self) -> Signal {
        match self {
            Export::Traces(_) => Signal::Traces,
            Export::Metrics(_) => Signal::Metrics,
            Export::Logs(_) => Signal::Logs,
            Export::Profiles(_) => Signal::Profiles,
        }
    }

    /// Spans, data points, log records or samples.
    pub fn items(&self) -> u64 {
        let count = match self {
            Export::Traces(r) => {
                r.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum::<usize>()
            }
            Export::Metrics(r) => {
                let scopes = r.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
                scopes.flat_map(|s| &s.metrics).map(|m| single_points(m).len()).sum()
            }
            Export::Logs(r) => {
                r.resource_logs.iter().flat_map(|r| &r.scope_logs).map(|s| s.log_records.len()).sum::<usize>()
            }
            Export::Profiles(r) => {
                let scopes = r.resource_profiles.iter().flat_map(|r| &r.scope_profiles);
                scopes.flat_map(|s| &s.profiles).map(|p| p.samples.len()).sum()
            }
        };
        count as u64
    }

    /// Each item as a request of its own, with its resource, scope and metric. A profiles request is one piece: its
    /// items mean nothing without its dictionary.
    pub fn pieces(&self) -> Vec<Export> {
        match self {
            Export::Traces(request) => spans(request),
            Export::Metrics(request) => data_points(request),
            Export::Logs(request) => log_records(request),
            Export::Profiles(_) => vec![self.clone()],
        }
    }

    /// The number that `generate` gave each item, or a span's id as a number.
    pub fn ids(&self) -> Vec<u64> {
        match self {
            Export::Traces(r) => {
                let scopes = r.resource_spans.iter().flat_map(|r| &r.scope_spans);
                scopes.flat_map(|s| &s.spans).map(|s| number(&s.span_id)).collect()
            }
            Export::Metrics(r) => {
                let scopes = r.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
                let points = scopes.flat_map(|s| &s.metrics).flat_map(single_points);
                points.map(|metric| id_attribute(point_attributes(&metric))).collect()
            }
            Export::Logs(r) => {
                let scopes = r.resource_logs.iter().flat_map(|r| &r.scope_logs);
                scopes.flat_map(|s| &s.log_records).map(|l| id_attribute(&l.attributes)).collect()
            }
            Export::Profiles(r) => {
                let scopes = r.resource_profiles.iter().flat_map(|r| &r.scope_profiles);
                scopes.flat_map(|s| &s.profiles).map(|p| number(&p.profile_id[8..])).collect()
            }
        }
    }
}

/// Fails unless both sides hold the same items, each as often, whatever requests they travel in.
pub fn assert_same_items<'a>(
    expected: impl IntoIterator<Item = &'a Export>,
    found: impl IntoIterator<Item = &'a Export>,
) {
    let mut tally: BTreeMap<(Signal, Vec<u8>), i64> = BTreeMap::new();
    for piece in expected.into_iter().flat_map(Export::pieces) {
        *tally.entry((piece.signal(), piece.encode())).or_default() += 1;
    }
    for piece in found.into_iter().flat_map(Export::pieces) {
        *tally.entry((piece.signal(), piece.encode())).or_default() -= 1;
    }
    let missing = tally.iter().filter(|(_, count)| **count > 0);
    let surplus = tally.iter().filter(|(_, count)| **count < 0);
    let show = |((signal, body), count): (&(Signal, Vec<u8>), &i64)| {
        format!("{} x {:#?}", count.abs(), Export::decode(*signal, body).expect("own encoding"))
    };
    let counts = (missing.clone().count(), surplus.clone().count());
    let examples: Vec<String> = missing.take(1).chain(surplus.take(1)).map(show).collect();
    assert!(
        counts == (0, 0),
        "{} kinds of items are missing, {} are too many or changed, such as {}",
        counts.0,
        counts.1,
        examples.join("\nand ")
    );
}

fn spans(request: &ExportTraceServiceRequest) -> Vec<Export> {
    let mut pieces = Vec::new();
    for resource in &request.resource_spans {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let scope = ScopeSpans { spans: vec![span.clone()], ..scope.clone_head() };
                let resource = ResourceSpans { scope_spans: vec![scope], ..resource.clone_head() };
                pieces.push(Export::Traces(ExportTraceServiceRequest { resource_spans: vec![resource] }));
            }
        }
    }
    pieces
}

fn log_records(request: &ExportLogsServiceRequest) -> Vec<Export> {
    let mut pieces = Vec::new();
    for resource in &request.resource_logs {
        for scope in &resource.scope_logs {
            for record in &scope.log_records {
                let scope = ScopeLogs { log_records: vec![record.clone()], ..scope.clone_head() };
                let resource = ResourceLogs { scope_logs: vec![scope], ..resource.clone_head() };
                pieces.push(Export::Logs(ExportLogsServiceRequest { resource_logs: vec![resource] }));
            }
        }
    }
    pieces
}

fn data_points(request: &ExportMetricsServiceRequest) -> Vec<Export> {
    let mut pieces = Vec::new();
    for resource in &request.resource_metrics {
        for scope in &resource.scope_metrics {
            for point in scope.metrics.iter().flat_map(single_points) {
                let scope = ScopeMetrics { metrics: vec![point], ..scope.clone_head() };
                let resource = ResourceMetrics { scope_metrics: vec![scope], ..resource.clone_head() };
                pieces.push(Export::Metrics(ExportMetricsServiceRequest { resource_metrics: vec![resource] }));
            }
        }
    }
    pieces
}

/// A copy without the list that a request of one piece replaces.
trait CloneHead: Sized {
    fn clone_head(&self) -> Self;
}

macro_rules! clone_head {
    ($($type:ident { $($field:ident),+ } without $list:ident;)+) => {
        $(impl CloneHead for $type {
            fn clone_head(&self) -> $type {
                $type { $($field: self.$field.clone(),)+ $list: Vec::new() }
            }
        })+
    };
}

clone_head! {
    ResourceSpans { resource, schema_url } without scope_spans;
    ScopeSpans { scope, schema_url } without spans;
    ResourceLogs { resource, schema_url } without scope_logs;
    ScopeLogs { scope, schema_url } without log_records;
    ResourceMetrics { resource, schema_url } without scope_metrics;
    ScopeMetrics { scope, schema_url } without metrics;
}

/// The metric once for each of its data points.
fn single_points(metric: &Metric) -> Vec<Metric> {
    macro_rules! split {
        ($kind:ident, $data:ident) => {
            $data
                .data_points
                .iter()
                .map(|point| Data::$kind($kind { data_points: vec![point.clone()], ..$data.clone() }))
                .collect()
        };
    }
    let points: Vec<Data> = match &metric.data {
        Some(Data::Gauge(data)) => {
            data.data_points.iter().map(|point| Data::Gauge(Gauge { data_points: vec![point.clone()] })).collect()
        }
        Some(Data::Summary(data)) => {
            data.data_points.iter().map(|point| Data::Summary(Summary { data_points: vec![point.clone()] })).collect()
        }
        Some(Data::Sum(data)) => split!(Sum, data),
        Some(Data::Histogram(data)) => split!(Histogram, data),
        Some(Data::ExponentialHistogram(data)) => split!(ExponentialHistogram, data),
        None => Vec::new(),
    };
    let with = |data| Metric {
        name: metric.name.clone(),
        description: metric.description.clone(),
        unit: metric.unit.clone(),
        metadata: metric.metadata.clone(),
        data: Some(data),
    };
    points.into_iter().map(with).collect()
}

fn point_attributes(metric: &Metric) -> &[KeyValue] {
    match metric.data.as_ref().expect("a metric with a point") {
        Data::Gauge(data) => &data.data_points[0].attributes,
        Data::Sum(data) => &data.data_points[0].attributes,
        Data::Histogram(data) => &data.data_points[0].attributes,
        Data::ExponentialHistogram(data) => &data.data_points[0].attributes,
        Data::Summary(data) => &data.data_points[0].attributes,
    }
}

fn id_attribute(attributes: &[KeyValue]) -> u64 {
    let found = attributes.iter().find(|a| a.key == ID).and_then(|a| a.value.as_ref()?.value.as_ref());
    match found {
        Some(Value::IntValue(id)) => *id as u64,
        other => panic!("no {ID}: {other:?}"),
    }
}

fn number(id: &[u8]) -> u64 {
    u64::from_be_bytes(id.try_into().expect("8 bytes"))
}
