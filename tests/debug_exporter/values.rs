//! How values of each type are written, alone and within one another, in both layouts.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use otlp_relay::config::Verbosity;
use otlp_relay::signal::Signal;

use crate::{check, settings};

fn slice(values: &[Option<Value>]) -> Value {
    let values = values.iter().map(|value| AnyValue { value: value.clone() }).collect();
    Value::ArrayValue(ArrayValue { values })
}

fn map(pairs: &[(&str, Option<Value>)]) -> Value {
    Value::KvlistValue(KeyValueList { values: pairs.iter().map(pair).collect() })
}

fn pair((key, value): &(&str, Option<Value>)) -> KeyValue {
    KeyValue { key: (*key).to_owned(), value: Some(AnyValue { value: value.clone() }), ..KeyValue::default() }
}

/// Each with its type and its text.
fn values() -> Vec<(Option<Value>, &'static str, &'static str)> {
    let text = |text: &str| Value::StringValue(text.to_owned());
    let nested = map(&[
        ("z", Some(slice(&[Some(map(&[("k", Some(Value::BoolValue(false)))])), None]))),
        ("a", Some(Value::BytesValue(vec![0, 255]))),
        ("m", Some(text("\"<&>\"\n"))),
        ("n", None),
    ]);
    vec![
        (None, "Empty", ""),
        (Some(text("")), "Str", ""),
        (Some(text("a b=\"c\"")), "Str", "a b=\"c\""),
        (Some(Value::BoolValue(true)), "Bool", "true"),
        (Some(Value::IntValue(i64::MIN)), "Int", "-9223372036854775808"),
        (Some(Value::DoubleValue(34.22)), "Double", "34.22"),
        (Some(Value::DoubleValue(1e21)), "Double", "1e+21"),
        (Some(Value::DoubleValue(1e-7)), "Double", "1e-7"),
        (Some(Value::DoubleValue(3.0)), "Double", "3"),
        (Some(Value::DoubleValue(f64::NEG_INFINITY)), "Double", "-Infinity"),
        (Some(Value::BytesValue(vec![])), "Bytes", ""),
        (Some(Value::BytesValue(b"foob".to_vec())), "Bytes", "Zm9vYg=="),
        (Some(slice(&[])), "Slice", "[]"),
        (Some(slice(&[Some(Value::DoubleValue(0.5)), Some(slice(&[Some(text("x"))]))])), "Slice", "[0.5,[\"x\"]]"),
        (Some(slice(&[Some(Value::DoubleValue(f64::NAN))])), "Slice", ""),
        (Some(map(&[])), "Map", "{}"),
        (Some(nested), "Map", r#"{"a":"AP8=","m":"\"<&>\"\n","n":null,"z":[{"k":false},null]}"#),
    ]
}

/// A log record with `value` as its body and as its attribute `k`.
fn request(value: &Option<Value>) -> ExportLogsServiceRequest {
    let body = Some(AnyValue { value: value.clone() });
    let record = LogRecord { body, attributes: vec![pair(&("k", value.clone()))], ..LogRecord::default() };
    let scope = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() }],
    }
}

const SUMMARY: &str = "Logs exporter=debug data_type=logs resource logs=1 log records=1\n";
const END: &str = " exporter=debug data_type=logs\n";

#[test]
fn normal_writes_values_without_their_type() {
    for (value, _, text) in values() {
        let expected = format!("{SUMMARY}ResourceLog #0\nScopeLog #0\n{text} k={text}\n{END}");
        check(Signal::Logs, settings(Verbosity::Normal), &[request(&value)], &expected);
    }
}

#[test]
fn detailed_writes_values_with_their_type() {
    let before = concat!(
        "ResourceLog #0\nResource SchemaURL: \nScopeLogs #0\nScopeLogs SchemaURL: \nInstrumentationScope  \nLogRecord #0\n",
        "ObservedTimestamp: 1970-01-01 00:00:00 +0000 UTC\nTimestamp: 1970-01-01 00:00:00 +0000 UTC\n",
        "SeverityText: \nSeverityNumber: Unspecified(0)\n",
    );
    for (value, name, text) in values() {
        let shown = format!("Body: {name}({text})\nAttributes:\n     -> k: {name}({text})\n");
        let expected = format!("{SUMMARY}{before}{shown}Trace ID: \nSpan ID: \nFlags: 0\n{END}");
        check(Signal::Logs, settings(Verbosity::Detailed), &[request(&value)], &expected);
    }
}
