//! Data points of all kinds of metrics: gauge, sum, histogram, exponential histogram and summary.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
};
use prost::Message;

use super::{Dice, END, Order, marks, resource, scope, text};

pub(super) fn request(order: &Order<'_>) -> Vec<u8> {
    let mut dice = order.dice(0x706f_696e_7473);
    let mut points = Points::default();
    for (sequence, number) in order.items() {
        let attributes = attributes(order, sequence, &mut dice);
        points.add(number, order.began, attributes, &mut dice);
    }
    let metrics = points.metrics();
    let scope_metrics =
        vec![ScopeMetrics { scope: Some(scope("io.opentelemetry.runtime")), metrics, ..ScopeMetrics::default() }];
    let metrics = ResourceMetrics { resource: Some(resource(order)), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![metrics] }.encode_to_vec()
}

/// The data points of each metric.
#[derive(Default)]
struct Points {
    gauge: Vec<NumberDataPoint>,
    sum: Vec<NumberDataPoint>,
    histogram: Vec<HistogramDataPoint>,
    exponential: Vec<ExponentialHistogramDataPoint>,
    summary: Vec<SummaryDataPoint>,
}

impl Points {
    /// Adds a data point to the metric of this number, which began at this time.
    fn add(&mut self, metric: u64, began: u64, attributes: Vec<KeyValue>, dice: &mut Dice) {
        match metric % 5 {
            0 => {
                let value = number_data_point::Value::AsDouble(dice.below(1000) as f64 / 1e3);
                self.gauge.push(number(0, attributes, value));
            }
            1 => {
                let value = number_data_point::Value::AsInt(i64::try_from(dice.below(1 << 40)).unwrap_or(0));
                self.sum.push(number(began, attributes, value));
            }
            2 => self.histogram.push(histogram(began, attributes, dice)),
            3 => self.exponential.push(exponential(began, attributes, dice)),
            _ => self.summary.push(summary(began, attributes, dice)),
        }
    }

    /// The metrics that have data points.
    fn metrics(self) -> Vec<Metric> {
        let aggregation_temporality = AggregationTemporality::Cumulative as i32;
        let Points { gauge, sum, histogram, exponential, summary } = self;
        let all = [
            (gauge.len(), "jvm.cpu.recent_utilization", "1", Data::Gauge(Gauge { data_points: gauge })),
            (
                sum.len(),
                "http.server.response.body.size",
                "By",
                Data::Sum(Sum { data_points: sum, aggregation_temporality, is_monotonic: true }),
            ),
            (
                histogram.len(),
                "http.server.request.duration",
                "s",
                Data::Histogram(Histogram { data_points: histogram, aggregation_temporality }),
            ),
            (
                exponential.len(),
                "http.client.request.duration",
                "s",
                Data::ExponentialHistogram(ExponentialHistogram { data_points: exponential, aggregation_temporality }),
            ),
            (summary.len(), "jvm.gc.pause", "s", Data::Summary(Summary { data_points: summary })),
        ];
        let metrics = all.into_iter().filter(|(points, ..)| *points > 0).map(|(_, name, unit, data)| Metric {
            name: name.to_owned(),
            description: "Generated to test with".to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        });
        metrics.collect()
    }
}

fn number(start_time_unix_nano: u64, attributes: Vec<KeyValue>, value: number_data_point::Value) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano,
        time_unix_nano: END,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn histogram(start_time_unix_nano: u64, attributes: Vec<KeyValue>, dice: &mut Dice) -> HistogramDataPoint {
    let bucket_counts: Vec<u64> = (0..=BOUNDS.len()).map(|_| dice.below(500)).collect();
    HistogramDataPoint {
        attributes,
        start_time_unix_nano,
        time_unix_nano: END,
        count: bucket_counts.iter().sum(),
        sum: Some(dice.below(100_000) as f64 / 1e3),
        bucket_counts,
        explicit_bounds: BOUNDS.to_vec(),
        min: Some(0.001),
        max: Some(9.5),
        ..HistogramDataPoint::default()
    }
}

fn exponential(start_time_unix_nano: u64, attributes: Vec<KeyValue>, dice: &mut Dice) -> ExponentialHistogramDataPoint {
    let bucket_counts: Vec<u64> = (0..40).map(|_| dice.below(200)).collect();
    ExponentialHistogramDataPoint {
        attributes,
        start_time_unix_nano,
        time_unix_nano: END,
        count: bucket_counts.iter().sum(),
        sum: Some(dice.below(100_000) as f64 / 1e3),
        scale: 3,
        positive: Some(Buckets { offset: -20, bucket_counts }),
        min: Some(0.001),
        max: Some(9.5),
        ..ExponentialHistogramDataPoint::default()
    }
}

fn summary(start_time_unix_nano: u64, attributes: Vec<KeyValue>, dice: &mut Dice) -> SummaryDataPoint {
    let quantile_values =
        [0.5, 0.9, 0.99].map(|quantile| ValueAtQuantile { quantile, value: dice.below(1000) as f64 / 1e3 });
    SummaryDataPoint {
        attributes,
        start_time_unix_nano,
        time_unix_nano: END,
        count: dice.below(1000),
        sum: dice.below(1000) as f64,
        quantile_values: quantile_values.to_vec(),
        ..SummaryDataPoint::default()
    }
}

fn attributes(order: &Order<'_>, sequence: u64, dice: &mut Dice) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("http.request.method", dice.pick(&["GET", "POST", "PUT"]).unwrap_or_default()),
        text("http.route", dice.pick(&["/api/v2/checkout", "/api/v2/cart/{id}/items"]).unwrap_or_default()),
        text("url.scheme", "https"),
    ];
    attributes.extend(marks(order, sequence, dice));
    attributes
}

/// Those that the semantic conventions advise for durations of HTTP requests.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
