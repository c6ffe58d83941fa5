//! What do the tests send? Requests of each signal whose items carry a number, with every type of value.

use std::ops::Range;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
    exponential_histogram_data_point::Buckets, metric::Data, number_data_point, summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::profiles::v1development::{
    Profile, ProfilesDictionary, ResourceProfiles, Sample, ScopeProfiles, ValueType,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

use super::export::{Export, ID, Signal};

const NOW: u64 = 1_700_000_000_000_000_000;
/// The resource attribute that tells senders apart.
pub const SENDER: &str = "service.name";

/// A request with one item for each of `ids`, from `sender`.
pub fn request(signal: Signal, sender: &str, ids: Range<u64>) -> Export {
    match signal {
        Signal::Traces => traces(sender, ids),
        Signal::Metrics => metrics(sender, ids),
        Signal::Logs => logs(sender, ids),
        Signal::Profiles => profiles(sender, ids),
    }
}

/// Spans with nothing but what a span needs, for tests that send many.
pub fn lean_spans(sender: &str, ids: Range<u64>) -> Export {
    let spans = ids.map(|id| Span {
        trace_id: trace_id(id),
        span_id: id.to_be_bytes().to_vec(),
        name: "lean".to_owned(),
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW + id,
        ..Span::default()
    });
    let scope = ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() };
    let name = pair(SENDER, Value::StringValue(sender.to_owned()));
    let resource = Resource { attributes: vec![name], ..Resource::default() };
    let resource = ResourceSpans { resource: Some(resource), scope_spans: vec![scope], ..ResourceSpans::default() };
    Export::Traces(ExportTraceServiceRequest { resource_spans: vec![resource] })
}

/// The sender of a traces request, by its first resource.
pub fn sender_of(export: &Export) -> String {
    let Export::Traces(request) = export else { panic!("only spans have a sender here: {export:?}") };
    let resource = request.resource_spans[0].resource.as_ref().expect("a resource");
    let attribute = resource.attributes.iter().find(|a| a.key == SENDER).expect("a sender");
    match attribute.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(name)) => name.clone(),
        other => panic!("the sender is no string: {other:?}"),
    }
}

fn traces(sender: &str, ids: Range<u64>) -> Export {
    let spans = ids.map(|id| Span {
        trace_id: trace_id(id),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: (id | 1 << 63).to_be_bytes().to_vec(),
        trace_state: "vendor=1".to_owned(),
        flags: 0x101,
        name: format!("GET /items/{id}"),
        kind: span::SpanKind::Server as i32,
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW + id,
        attributes: every_value(),
        events: vec![span::Event {
            time_unix_nano: NOW,
            name: "event".to_owned(),
            attributes: every_value(),
            dropped_attributes_count: 2,
        }],
        links: vec![span::Link {
            trace_id: trace_id(id + 1),
            span_id: (id + 1).to_be_bytes().to_vec(),
            attributes: every_value(),
            ..span::Link::default()
        }],
        status: Some(Status { message: "on purpose".to_owned(), code: 2 }),
        ..Span::default()
    });
    let scope = ScopeSpans { scope: Some(scope()), spans: spans.collect(), schema_url: "urn:scope".to_owned() };
    let resource = ResourceSpans {
        resource: Some(resource(sender)),
        scope_spans: vec![scope],
        schema_url: "urn:resource".to_owned(),
    };
    Export::Traces(ExportTraceServiceRequest { resource_spans: vec![resource] })
}

fn logs(sender: &str, ids: Range<u64>) -> Export {
    let records = ids.map(|id| LogRecord {
        time_unix_nano: NOW + id,
        observed_time_unix_nano: NOW,
        severity_number: 13,
        severity_text: "WARN".to_owned(),
        body: Some(value(Value::KvlistValue(KeyValueList { values: every_value() }))),
        attributes: numbered(id),
        trace_id: trace_id(id),
        span_id: id.to_be_bytes().to_vec(),
        event_name: "event".to_owned(),
        ..LogRecord::default()
    });
    let scope = ScopeLogs { scope: Some(scope()), log_records: records.collect(), schema_url: "urn:scope".to_owned() };
    let resource =
        ResourceLogs { resource: Some(resource(sender)), scope_logs: vec![scope], ..ResourceLogs::default() };
    Export::Logs(ExportLogsServiceRequest { resource_logs: vec![resource] })
}

/// The five kinds of metrics in turn, one data point each.
fn metrics(sender: &str, ids: Range<u64>) -> Export {
    let metrics = ids.map(|id| Metric {
        name: format!("metric.{}", id % 5),
        description: "described".to_owned(),
        unit: "By".to_owned(),
        metadata: vec![pair("meta", Value::BoolValue(true))],
        data: Some(data_point(id)),
    });
    let scope = ScopeMetrics { scope: Some(scope()), metrics: metrics.collect(), schema_url: "urn:scope".to_owned() };
    let resource =
        ResourceMetrics { resource: Some(resource(sender)), scope_metrics: vec![scope], ..ResourceMetrics::default() };
    Export::Metrics(ExportMetricsServiceRequest { resource_metrics: vec![resource] })
}

fn data_point(id: u64) -> Data {
    let aggregation_temporality = AggregationTemporality::Cumulative as i32;
    match id % 5 {
        0 => Data::Gauge(Gauge { data_points: vec![number_point(id, number_data_point::Value::AsDouble(f64::NAN))] }),
        1 => Data::Sum(Sum {
            data_points: vec![number_point(id, number_data_point::Value::AsInt(-1))],
            aggregation_temporality,
            is_monotonic: true,
        }),
        2 => Data::Histogram(Histogram { data_points: vec![histogram_point(id)], aggregation_temporality }),
        3 => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![exponential_point(id)],
            aggregation_temporality,
        }),
        _ => Data::Summary(Summary {
            data_points: vec![SummaryDataPoint {
                attributes: numbered(id),
                time_unix_nano: NOW,
                count: 3,
                sum: 4.5,
                quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 1.5 }],
                ..SummaryDataPoint::default()
            }],
        }),
    }
}

fn number_point(id: u64, value: number_data_point::Value) -> NumberDataPoint {
    NumberDataPoint { attributes: numbered(id), time_unix_nano: NOW, value: Some(value), ..NumberDataPoint::default() }
}

fn histogram_point(id: u64) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: numbered(id),
        time_unix_nano: NOW,
        count: 3,
        sum: Some(-0.0),
        bucket_counts: vec![1, 0, 2],
        explicit_bounds: vec![0.0, 10.0],
        min: Some(f64::NEG_INFINITY),
        max: Some(f64::INFINITY),
        ..HistogramDataPoint::default()
    }
}

fn exponential_point(id: u64) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: numbered(id),
        time_unix_nano: NOW,
        count: 6,
        scale: -2,
        zero_count: 1,
        positive: Some(Buckets { offset: -3, bucket_counts: vec![1, 0, 4] }),
        negative: Some(Buckets { offset: 7, bucket_counts: vec![] }),
        zero_threshold: 0.25,
        ..ExponentialHistogramDataPoint::default()
    }
}

/// One profile with one sample for each of `ids`.
fn profiles(sender: &str, ids: Range<u64>) -> Export {
    let sample = Sample { stack_index: 0, values: vec![1, -1], timestamps_unix_nano: vec![NOW], ..Sample::default() };
    let profiles = ids.map(|id| Profile {
        sample_type: Some(ValueType { type_strindex: 1, unit_strindex: 2 }),
        samples: vec![sample.clone()],
        time_unix_nano: NOW,
        duration_nano: id,
        profile_id: trace_id(id),
        ..Profile::default()
    });
    let scope =
        ScopeProfiles { scope: Some(scope()), profiles: profiles.collect(), schema_url: "urn:scope".to_owned() };
    let resource = ResourceProfiles {
        resource: Some(resource(sender)),
        scope_profiles: vec![scope],
        ..ResourceProfiles::default()
    };
    let strings = ["", "cpu", "nanoseconds"].map(str::to_owned).to_vec();
    let dictionary = ProfilesDictionary { string_table: strings, ..ProfilesDictionary::default() };
    Export::Profiles(ExportProfilesServiceRequest { resource_profiles: vec![resource], dictionary: Some(dictionary) })
}

fn resource(sender: &str) -> Resource {
    let mut attributes = every_value();
    attributes.push(pair(SENDER, Value::StringValue(sender.to_owned())));
    Resource { attributes, dropped_attributes_count: 1, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "test.scope".to_owned(),
        version: "1.2.3".to_owned(),
        attributes: every_value(),
        dropped_attributes_count: 3,
    }
}

fn trace_id(id: u64) -> Vec<u8> {
    [[0xAB; 8], id.to_be_bytes()].concat()
}

fn numbered(id: u64) -> Vec<KeyValue> {
    let mut attributes = every_value();
    attributes.push(pair(ID, Value::IntValue(id as i64)));
    attributes
}

/// One attribute of each type, an empty one, a repeated key, and nesting.
fn every_value() -> Vec<KeyValue> {
    let list = vec![value(Value::StringValue("in a list".to_owned())), AnyValue::default(), value(Value::IntValue(0))];
    vec![
        pair("string", Value::StringValue("grüße \u{1f30d}\0".to_owned())),
        pair("empty string", Value::StringValue(String::new())),
        pair("bool", Value::BoolValue(false)),
        pair("int", Value::IntValue(i64::MIN)),
        pair("double", Value::DoubleValue(0.1)),
        pair("bytes", Value::BytesValue(vec![0, 255, 16])),
        pair("array", Value::ArrayValue(ArrayValue { values: list })),
        pair("map", Value::KvlistValue(KeyValueList { values: vec![pair("inner", Value::BoolValue(true))] })),
        KeyValue { key: "no value".to_owned(), ..KeyValue::default() },
        pair("twice", Value::IntValue(1)),
        pair("twice", Value::IntValue(2)),
    ]
}

fn pair(key: &str, inner: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value(inner)), ..KeyValue::default() }
}

fn value(inner: Value) -> AnyValue {
    AnyValue { value: Some(inner) }
}
