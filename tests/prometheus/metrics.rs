//! Metrics for the tests of this program.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, metric::Data,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::support::export::Export;

pub(crate) const DELTA: i32 = 1;
pub(crate) const CUMULATIVE: i32 = 2;
const NOW: u64 = 1_700_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

pub(crate) fn pair(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// A request with `metrics` of the service `shop`.
pub(crate) fn request(metrics: Vec<Metric>) -> Export {
    let attributes = vec![pair("service.name", "shop"), pair("service.instance.id", "1"), pair("host.name", "h")];
    let scope = InstrumentationScope { name: "lib".to_owned(), ..InstrumentationScope::default() };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
    Export::Metrics(ExportMetricsServiceRequest { resource_metrics })
}

pub(crate) fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: format!("About \"{name}\" \\ and\nmore"),
        data: Some(data),
        ..Metric::default()
    }
}

/// A counter that stands at, or has grown by, `value` in the second `at`.
pub(crate) fn counter(name: &str, temporality: i32, value: i64, at: u64) -> Metric {
    let exemplar = Exemplar {
        trace_id: vec![0xAB; 16],
        span_id: vec![0xCD; 8],
        time_unix_nano: NOW,
        value: Some(exemplar::Value::AsInt(1)),
        ..Exemplar::default()
    };
    let point = NumberDataPoint {
        attributes: vec![pair("http.method", "GET"), pair("odd", "a\"b\\c\nd{e}")],
        start_time_unix_nano: NOW + (at - 1) * SECOND,
        time_unix_nano: NOW + at * SECOND,
        value: Some(number_data_point::Value::AsInt(value)),
        exemplars: vec![exemplar],
        ..NumberDataPoint::default()
    };
    let sum = Sum { data_points: vec![point], aggregation_temporality: temporality, is_monotonic: true };
    metric(name, "By", Data::Sum(sum))
}

pub(crate) fn gauge(name: &str, values: &[f64]) -> Metric {
    let points = values.iter().enumerate().map(|(index, value)| NumberDataPoint {
        attributes: vec![pair("index", &index.to_string())],
        time_unix_nano: NOW,
        value: Some(number_data_point::Value::AsDouble(*value)),
        ..NumberDataPoint::default()
    });
    metric(name, "1", Data::Gauge(Gauge { data_points: points.collect() }))
}

pub(crate) fn histogram(name: &str) -> Metric {
    let exemplar = |value| Exemplar {
        trace_id: vec![1; 16],
        value: Some(exemplar::Value::AsDouble(value)),
        ..Exemplar::default()
    };
    let point = HistogramDataPoint {
        time_unix_nano: NOW,
        count: 7,
        sum: Some(12.5),
        bucket_counts: vec![1, 2, 4],
        explicit_bounds: vec![0.5, 10.0],
        exemplars: vec![exemplar(0.25), exemplar(3.0), exemplar(4.0)],
        ..HistogramDataPoint::default()
    };
    let histogram = Histogram { data_points: vec![point], aggregation_temporality: CUMULATIVE };
    metric(name, "s", Data::Histogram(histogram))
}

pub(crate) fn exponential(name: &str) -> Metric {
    let point = ExponentialHistogramDataPoint {
        time_unix_nano: NOW,
        count: 5,
        sum: Some(9.0),
        scale: 2,
        positive: Some(Buckets { offset: 1, bucket_counts: vec![2, 3] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let all = ExponentialHistogram { data_points: vec![point], aggregation_temporality: CUMULATIVE };
    metric(name, "", Data::ExponentialHistogram(all))
}

pub(crate) fn summary(name: &str) -> Metric {
    let quantiles = [(0.5, 1.0), (0.99, f64::INFINITY)].map(|(quantile, value)| ValueAtQuantile { quantile, value });
    let point = SummaryDataPoint {
        time_unix_nano: NOW,
        count: 3,
        sum: 4.0,
        quantile_values: quantiles.to_vec(),
        ..SummaryDataPoint::default()
    };
    metric(name, "ms", Data::Summary(Summary { data_points: vec![point] }))
}

/// One of each kind.
pub(crate) fn all() -> Export {
    request(vec![
        counter("traffic.in", CUMULATIVE, 3_000_000, 1),
        gauge("use", &[0.1, 1e300, -0.0, f64::NAN, f64::INFINITY]),
        histogram("latency"),
        exponential("size"),
        summary("age"),
    ])
}

/// The end of each of these.
pub(crate) fn ended() -> Export {
    let mut all = all();
    let Export::Metrics(request) = &mut all else { return all };
    let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
    for data in scopes.flat_map(|scope| &mut scope.metrics).filter_map(|metric| metric.data.as_mut()) {
        // What has ended has nothing to look closer at.
        macro_rules! end {
            ($all:expr) => {
                $all.data_points.iter_mut().for_each(|point| (point.flags, point.exemplars) = (1, Vec::new()))
            };
        }
        match data {
            Data::Gauge(all) => end!(all),
            Data::Sum(all) => end!(all),
            Data::Histogram(all) => end!(all),
            Data::ExponentialHistogram(all) => end!(all),
            Data::Summary(all) => all.data_points.iter_mut().for_each(|point| point.flags = 1),
        }
    }
    all
}
