//! What each client sends, so that two empty sides are no success.

use std::collections::BTreeSet;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::support::backend::Backend;
use crate::support::export::{Export, Signal};

/// Spans, and log records, of one run.
pub(crate) const COUNT: usize = 600;

/// The kinds of metrics that instruments make, each with the temporality that the clients ask for.
pub(crate) const INSTRUMENTS: &[&str] = &["cumulative sum", "delta histogram", "delta exponential", "gauge"];
/// The same, and what only a bridge from other metrics makes.
pub(crate) const BRIDGED: &[&str] = &["cumulative sum", "delta histogram", "delta exponential", "gauge", "summary"];

/// That all of it is at `reference`.
pub(crate) fn check_known(reference: &Backend, kinds: &[&str]) {
    assert_eq!(reference.accepted_ids(Signal::Traces), (1..=COUNT as u64).collect::<Vec<_>>());
    let exports = reference.accepted();
    let items = |signal| exports.iter().filter(|e| e.signal() == signal).map(|e| e.items()).sum::<u64>();
    assert_eq!(items(Signal::Logs), COUNT as u64);
    // Five instruments, ten attribute sets, three collections.
    assert!(items(Signal::Metrics) >= 150, "{} data points", items(Signal::Metrics));
    let found: BTreeSet<String> = exports.iter().flat_map(metrics_of).map(|metric| kind(&metric)).collect();
    for kind in kinds {
        assert!(found.contains(*kind), "no {kind} among {found:?}");
    }
    let spans: Vec<Span> = exports.iter().flat_map(spans_of).collect();
    let parent = spans.iter().find(|span| span.name == "parent").expect("a parent");
    assert_eq!(sorted(&parent.attributes), sorted(&attributes()));
}

fn spans_of(export: &Arc<Export>) -> Vec<Span> {
    match export.as_ref() {
        Export::Traces(request) => {
            let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
            scopes.flat_map(|scope| scope.spans.clone()).collect()
        }
        _ => Vec::new(),
    }
}

fn metrics_of(export: &Arc<Export>) -> Vec<Metric> {
    match export.as_ref() {
        Export::Metrics(request) => {
            let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
            scopes.flat_map(|scope| scope.metrics.clone()).collect()
        }
        _ => Vec::new(),
    }
}

fn kind(metric: &Metric) -> String {
    let temporality = |number| match number {
        1 => "delta",
        2 => "cumulative",
        _ => "unspecified",
    };
    match metric.data.as_ref().expect("data") {
        Data::Gauge(_) => "gauge".to_owned(),
        Data::Summary(_) => "summary".to_owned(),
        Data::Sum(data) => format!("{} sum", temporality(data.aggregation_temporality)),
        Data::Histogram(data) => format!("{} histogram", temporality(data.aggregation_temporality)),
        Data::ExponentialHistogram(data) => format!("{} exponential", temporality(data.aggregation_temporality)),
    }
}

fn sorted(attributes: &[KeyValue]) -> BTreeSet<String> {
    attributes.iter().map(|attribute| format!("{attribute:?}")).collect()
}

/// One of each type that all SDKs have: all clients hold the same list.
fn attributes() -> Vec<KeyValue> {
    let list = |values: Vec<Value>| {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Value::ArrayValue(ArrayValue { values })
    };
    let text = |text: &str| Value::StringValue(text.to_owned());
    let all = [
        ("test.string", text("grüße \u{1f30d}")),
        ("test.empty", text("")),
        ("test.bool", Value::BoolValue(true)),
        ("test.int", Value::IntValue(-9_007_199_254_740_991)),
        ("test.double", Value::DoubleValue(0.1)),
        ("test.strings", list(vec![text("a"), text(""), text("ß")])),
        ("test.bools", list(vec![Value::BoolValue(true), Value::BoolValue(false)])),
        ("test.ints", list(vec![Value::IntValue(1), Value::IntValue(-2)])),
        ("test.doubles", list(vec![Value::DoubleValue(0.5), Value::DoubleValue(-1.25)])),
    ];
    let pair = |(key, value): (&str, Value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    all.into_iter().map(pair).collect()
}
