//! The relay's own metrics as one OTLP request, for readers that are sent them.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};
use prost::Message;
use serde_json::Value;

use super::clock::Moment;
use super::registry::Registry;
use super::view::{TARGET_INFO, View};

/// Who a request is from and which time it speaks of.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The resource's attributes.
    pub attributes: &'a [(String, Value)],
    /// When counting began.
    pub began: Moment,
    /// When the values were read.
    pub now: Moment,
}

impl Registry {
    /// What `view` shows, as an encoded `ExportMetricsServiceRequest`. Names have no suffixes, as OTLP wants it.
    pub fn to_otlp(&self, view: View, origin: &Origin<'_>) -> Vec<u8> {
        let shown = self.gather().into_iter().filter_map(|family| view.of(family));
        let metrics = shown.filter(|family| family.name() != TARGET_INFO).map(|family| metric(&family, origin));
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let attributes = origin.attributes.iter().map(|(key, value)| key_value(key, any(value)));
        let resource = Resource { attributes: attributes.collect(), ..Resource::default() };
        let scope_metrics = ScopeMetrics { scope: Some(scope), metrics: metrics.collect(), ..ScopeMetrics::default() };
        let resource_metrics = ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![scope_metrics],
            ..ResourceMetrics::default()
        };
        ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }.encode_to_vec()
    }
}

fn metric(family: &MetricFamily, origin: &Origin<'_>) -> Metric {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let points = family.get_metric().iter();
    let data = match family.get_field_type() {
        MetricType::HISTOGRAM => metric::Data::Histogram(Histogram {
            data_points: points.map(|point| histogram(point, origin)).collect(),
            aggregation_temporality,
        }),
        MetricType::COUNTER => metric::Data::Sum(Sum {
            data_points: points.map(|point| number(point, point.get_counter().get_value(), origin)).collect(),
            aggregation_temporality,
            is_monotonic: true,
        }),
        _ => metric::Data::Gauge(Gauge {
            data_points: points.map(|point| number(point, point.get_gauge().get_value(), origin)).collect(),
        }),
    };
    Metric {
        name: family.name().to_owned(),
        description: family.help().to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(point: &proto::Metric, value: f64, origin: &Origin<'_>) -> NumberDataPoint {
    // Most count things; a double shows them just as well up to 2^53.
    let is_whole = value.fract() == 0.0 && value.abs() < EXACT;
    let value = if is_whole {
        number_data_point::Value::AsInt(value as i64)
    } else {
        number_data_point::Value::AsDouble(value)
    };
    NumberDataPoint {
        attributes: attributes(point.get_label()),
        start_time_unix_nano: origin.began.unix_nanos(),
        time_unix_nano: origin.now.unix_nanos(),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn histogram(point: &proto::Metric, origin: &Origin<'_>) -> HistogramDataPoint {
    let sample = point.get_histogram();
    let mut seen = 0;
    let mut bucket_counts = Vec::new();
    for bucket in sample.get_bucket() {
        bucket_counts.push(bucket.cumulative_count().saturating_sub(seen));
        seen = bucket.cumulative_count();
    }
    bucket_counts.push(sample.get_sample_count().saturating_sub(seen));
    HistogramDataPoint {
        attributes: attributes(point.get_label()),
        start_time_unix_nano: origin.began.unix_nanos(),
        time_unix_nano: origin.now.unix_nanos(),
        count: sample.get_sample_count(),
        sum: Some(sample.get_sample_sum()),
        explicit_bounds: sample.get_bucket().iter().map(proto::Bucket::upper_bound).collect(),
        bucket_counts,
        ..HistogramDataPoint::default()
    }
}

fn attributes(labels: &[LabelPair]) -> Vec<KeyValue> {
    labels.iter().map(|label| key_value(label.name(), text(label.value()))).collect()
}

fn key_value(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn any(value: &Value) -> any_value::Value {
    match value {
        Value::Bool(value) => any_value::Value::BoolValue(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => any_value::Value::IntValue(integer),
            (None, Some(float)) => any_value::Value::DoubleValue(float),
            (None, None) => text(&number.to_string()),
        },
        Value::String(value) => text(value),
        Value::Array(values) => {
            let values = values.iter().map(|value| AnyValue { value: Some(any(value)) }).collect();
            any_value::Value::ArrayValue(ArrayValue { values })
        }
        Value::Null | Value::Object(_) => text(&value.to_string()),
    }
}

fn text(value: &str) -> any_value::Value {
    any_value::Value::StringValue(value.to_owned())
}

/// Up to here a double holds every whole number: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_metric_is_sent_with_its_numbers() {
        let registry = Registry::new();
        registry.counter("otelcol_c", "Counts", &[("a", "b")]).add(3);
        registry.gauge("otelcol_g", "Measures", &[]).set(1.5);
        let histogram = registry.histogram("otelcol_h", "Sizes", &[1.0, 2.0], &[]);
        [0.5, 1.5, 1.6, 9.0].into_iter().for_each(|value| histogram.observe(value));
        let attributes = [("service.name".to_owned(), json!("n")), ("x".to_owned(), json!([1, true]))];
        registry.describe_target(&attributes);
        let (began, now) = (Moment::from_unix_nanos(5), Moment::from_unix_nanos(7));
        let bytes = registry.to_otlp(View::default(), &Origin { attributes: &attributes, began, now });
        let request = ExportMetricsServiceRequest::decode(&*bytes).unwrap();
        let resource = &request.resource_metrics[0];
        assert_eq!(resource.resource.as_ref().unwrap().attributes.len(), 2);
        let metrics = &resource.scope_metrics[0].metrics;
        let names: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names, ["otelcol_c", "otelcol_g", "otelcol_h"]);
        let Some(metric::Data::Sum(sum)) = &metrics[0].data else { unreachable!("{metrics:?}") };
        let point = &sum.data_points[0];
        assert_eq!(point.value, Some(number_data_point::Value::AsInt(3)));
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano, point.attributes.len()), (5, 7, 1));
        let Some(metric::Data::Histogram(histogram)) = &metrics[2].data else { unreachable!("{metrics:?}") };
        let point = &histogram.data_points[0];
        assert_eq!(
            (point.bucket_counts.as_slice(), point.explicit_bounds.as_slice()),
            (&[1, 2, 1][..], &[1.0, 2.0][..])
        );
        assert_eq!((point.count, point.sum), (4, Some(12.6)));
    }
}
