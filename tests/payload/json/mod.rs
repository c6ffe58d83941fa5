//! OTLP/JSON: what is read, what is refused and with which words, and what is written.

mod noise;
mod reading;
mod refusing;
mod round_trips;
mod writing;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use prost::Message;

/// `json` as prost decodes what becomes of it.
#[track_caller]
fn decoded<M: Message + Default>(signal: Signal, json: &str) -> M {
    let payload = Payload::from_json(signal, json.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{json}"));
    M::decode(payload.to_bytes()).unwrap()
}

/// The one span with these members.
#[track_caller]
fn span(members: &str) -> Span {
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#);
    let mut request: ExportTraceServiceRequest = decoded(Signal::Traces, &json);
    request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0)
}

/// The one metric with these members.
#[track_caller]
fn metric(members: &str) -> Metric {
    let json = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{{members}}}]}}]}}]}}"#);
    let mut request: ExportMetricsServiceRequest = decoded(Signal::Metrics, &json);
    request.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0)
}

/// The one log record with these members.
#[track_caller]
fn log_record(members: &str) -> LogRecord {
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{members}}}]}}]}}]}}"#);
    let mut request: ExportLogsServiceRequest = decoded(Signal::Logs, &json);
    request.resource_logs.remove(0).scope_logs.remove(0).log_records.remove(0)
}

/// The value of a log record with this body.
#[track_caller]
fn value(body: &str) -> Option<Value> {
    log_record(&format!(r#""body":{body}"#)).body.and_then(|body| body.value)
}
