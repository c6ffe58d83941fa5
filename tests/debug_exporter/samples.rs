//! One request of each signal with something in most of its fields.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::profiles::v1development as profiles;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// 2020-02-11 20:26:12 and some.
const TIME: u64 = 1_581_452_772_000_000_321;

fn value(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn text(key: &str, content: &str) -> KeyValue {
    KeyValue { key: key.into(), value: value(Value::StringValue(content.into())), ..KeyValue::default() }
}

fn resource() -> Option<Resource> {
    Some(Resource { attributes: vec![text("service.name", "shop")], ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: "lib".into(), version: "1.0".into(), ..InstrumentationScope::default() })
}

pub(crate) fn traces() -> ExportTraceServiceRequest {
    let number = KeyValue { key: "n".into(), value: value(Value::IntValue(5)), ..KeyValue::default() };
    let event = Event {
        time_unix_nano: TIME,
        name: "retry".into(),
        attributes: vec![text("why", "timeout")],
        dropped_attributes_count: 2,
    };
    let full = Span {
        trace_id: vec![0xab; 16],
        span_id: vec![0x01; 8],
        parent_span_id: vec![0x02; 8],
        trace_state: "a=b".into(),
        name: "checkout".into(),
        kind: 2,
        start_time_unix_nano: TIME,
        end_time_unix_nano: TIME + 679,
        attributes: vec![text("http.method", "GET"), number],
        dropped_attributes_count: 1,
        events: vec![event],
        links: vec![Link { trace_id: vec![0xcd; 16], span_id: vec![0x03; 8], ..Link::default() }],
        status: Some(Status { message: "no stock".into(), code: 2 }),
        ..Span::default()
    };
    let of_scope = ScopeSpans { scope: scope(), spans: vec![full, Span::default()], schema_url: String::new() };
    let resource_spans =
        vec![ResourceSpans { resource: resource(), scope_spans: vec![of_scope], schema_url: "https://r".into() }];
    ExportTraceServiceRequest { resource_spans }
}

pub(crate) fn logs() -> ExportLogsServiceRequest {
    let full = LogRecord {
        time_unix_nano: TIME,
        observed_time_unix_nano: TIME,
        severity_number: 10,
        severity_text: "info".into(),
        body: value(Value::StringValue("two\nlines \u{1b}[31m".into())),
        attributes: vec![text("k", "v"), text("l", "w")],
        flags: 1,
        trace_id: vec![0xab; 16],
        span_id: vec![0x01; 8],
        event_name: "login".into(),
        ..LogRecord::default()
    };
    let log_records = vec![full, LogRecord::default()];
    let of_scope = ScopeLogs { scope: None, log_records, schema_url: "https://s".into() };
    let entity_refs = vec![EntityRef {
        schema_url: "https://e".into(),
        r#type: "service".into(),
        id_keys: vec!["service.name".into()],
        description_keys: vec!["service.version".into()],
    }];
    let resource = Some(Resource { entity_refs, ..Resource::default() });
    let resource_logs = vec![ResourceLogs { resource, scope_logs: vec![of_scope], schema_url: String::new() }];
    ExportLogsServiceRequest { resource_logs }
}

pub(crate) fn metrics() -> ExportMetricsServiceRequest {
    let metric = |name: &str, data| Metric { name: name.into(), data, ..Metric::default() };
    let described = Metric {
        description: "a gauge".into(),
        unit: "By".into(),
        metadata: vec![text("m", "n")],
        ..metric("g", Some(gauge()))
    };
    let metrics = vec![
        described,
        metric("s", Some(sum())),
        metric("h", Some(histogram())),
        metric("e", Some(exponential())),
        metric("q", Some(summary())),
        metric("empty", None),
    ];
    let scope_metrics = vec![ScopeMetrics { scope: None, metrics, schema_url: String::new() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { resource: None, scope_metrics, schema_url: String::new() }],
    }
}

fn gauge() -> Data {
    let attributes = || vec![text("a", "1"), text("b", "2")];
    let point = |value| NumberDataPoint { attributes: attributes(), value: Some(value), ..NumberDataPoint::default() };
    let double = point(number_data_point::Value::AsDouble(1.5));
    let int = point(number_data_point::Value::AsInt(3));
    Data::Gauge(Gauge { data_points: vec![double, int, NumberDataPoint::default()] })
}

fn sum() -> Data {
    let exemplar = Exemplar {
        filtered_attributes: vec![text("x", "y")],
        trace_id: vec![0xab; 16],
        span_id: vec![0x01; 8],
        value: Some(exemplar::Value::AsInt(7)),
        ..Exemplar::default()
    };
    let point = NumberDataPoint {
        value: Some(number_data_point::Value::AsInt(9)),
        exemplars: vec![exemplar],
        ..NumberDataPoint::default()
    };
    Data::Sum(Sum { data_points: vec![point], aggregation_temporality: 2, is_monotonic: true })
}

fn histogram() -> Data {
    let point = HistogramDataPoint {
        count: 3,
        sum: Some(6.5),
        min: Some(0.5),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![2.5],
        ..HistogramDataPoint::default()
    };
    Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 1 })
}

fn exponential() -> Data {
    let point = ExponentialHistogramDataPoint {
        count: 6,
        zero_count: 1,
        positive: Some(Buckets { offset: 0, bucket_counts: vec![2] }),
        negative: Some(Buckets { offset: 1, bucket_counts: vec![1, 2] }),
        ..ExponentialHistogramDataPoint::default()
    };
    Data::ExponentialHistogram(ExponentialHistogram { data_points: vec![point], aggregation_temporality: 1 })
}

fn summary() -> Data {
    let point = SummaryDataPoint {
        count: 2,
        sum: 3.0,
        quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 1.25 }],
        ..SummaryDataPoint::default()
    };
    Data::Summary(Summary { data_points: vec![point] })
}

pub(crate) fn profiles() -> ExportProfilesServiceRequest {
    let profile = profiles::Profile {
        samples: vec![profiles::Sample { values: vec![4, 5], attribute_indices: vec![0, 9], ..Default::default() }],
        time_unix_nano: TIME,
        duration_nano: 10,
        profile_id: vec![0x0a; 16],
        attribute_indices: vec![0],
        ..Default::default()
    };
    let of_scope = profiles::ScopeProfiles { scope: scope(), profiles: vec![profile], schema_url: String::new() };
    let of_resource =
        profiles::ResourceProfiles { resource: resource(), scope_profiles: vec![of_scope], schema_url: String::new() };
    ExportProfilesServiceRequest { resource_profiles: vec![of_resource], dictionary: Some(dictionary()) }
}

fn dictionary() -> profiles::ProfilesDictionary {
    let mapping = profiles::Mapping {
        memory_start: 2,
        memory_limit: 3,
        file_offset: 4,
        filename_strindex: 1,
        attribute_indices: vec![7, 8],
    };
    let lines = vec![profiles::Line { function_index: 1, line: 2, column: 3 }];
    let location = profiles::Location { mapping_index: 3, address: 4, lines, attribute_indices: vec![] };
    let function =
        profiles::Function { name_strindex: 1, system_name_strindex: 2, filename_strindex: 3, start_line: 5 };
    let long = value(Value::StringValue("v".repeat(300)));
    profiles::ProfilesDictionary {
        mapping_table: vec![mapping],
        location_table: vec![location],
        function_table: vec![function],
        link_table: vec![profiles::Link { trace_id: vec![0xab; 16], span_id: vec![0x01; 8] }],
        string_table: vec![String::new(), "key".into()],
        attribute_table: vec![profiles::KeyValueAndUnit { key_strindex: 1, value: long, unit_strindex: 0 }],
        stack_table: vec![],
    }
}
