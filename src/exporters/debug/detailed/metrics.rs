//! The `detailed` layout of metrics: a descriptor for each, then its data points.

use std::f64::consts::LN_2;
use std::fmt::{Formatter, Result};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
    SummaryDataPoint, exemplar, number_data_point,
};

use crate::exporters::debug::float::Fixed;
use crate::exporters::debug::value::{Hex, time};

use super::{attributes, listed, resource, scope};

pub(in crate::exporters::debug) fn metrics(f: &mut Formatter<'_>, request: &ExportMetricsServiceRequest) -> Result {
    for (i, of_resource) in request.resource_metrics.iter().enumerate() {
        writeln!(f, "ResourceMetrics #{i}")?;
        resource(f, &of_resource.schema_url, of_resource.resource.as_ref())?;
        for (j, of_scope) in of_resource.scope_metrics.iter().enumerate() {
            writeln!(f, "ScopeMetrics #{j}\nScopeMetrics SchemaURL: {}", of_scope.schema_url)?;
            scope(f, of_scope.scope.as_ref())?;
            for (k, one) in of_scope.metrics.iter().enumerate() {
                writeln!(f, "Metric #{k}")?;
                metric(f, one)?;
            }
        }
    }
    Ok(())
}

fn metric(f: &mut Formatter<'_>, metric: &Metric) -> Result {
    writeln!(f, "Descriptor:")?;
    writeln!(f, "     -> Name: {}", metric.name)?;
    writeln!(f, "     -> Description: {}", metric.description)?;
    writeln!(f, "     -> Unit: {}", metric.unit)?;
    writeln!(f, "     -> DataType: {}", type_name(metric.data.as_ref()))?;
    attributes(f, "     ", "-> Metadata", &metric.metadata)?;
    match &metric.data {
        None => Ok(()),
        Some(Data::Gauge(gauge)) => each(f, &gauge.data_points, number),
        Some(Data::Sum(sum)) => {
            writeln!(f, "     -> IsMonotonic: {}", sum.is_monotonic)?;
            temporality(f, sum.aggregation_temporality)?;
            each(f, &sum.data_points, number)
        }
        Some(Data::Histogram(data)) => {
            temporality(f, data.aggregation_temporality)?;
            each(f, &data.data_points, histogram)
        }
        Some(Data::ExponentialHistogram(data)) => {
            temporality(f, data.aggregation_temporality)?;
            each(f, &data.data_points, exponential)
        }
        Some(Data::Summary(data)) => each(f, &data.data_points, summary),
    }
}

fn type_name(data: Option<&Data>) -> &'static str {
    match data {
        None => "Empty",
        Some(Data::Gauge(_)) => "Gauge",
        Some(Data::Sum(_)) => "Sum",
        Some(Data::Histogram(_)) => "Histogram",
        Some(Data::ExponentialHistogram(_)) => "ExponentialHistogram",
        Some(Data::Summary(_)) => "Summary",
    }
}

fn temporality(f: &mut Formatter<'_>, number: i32) -> Result {
    let name = AggregationTemporality::try_from(number).map_or("", |temporality| match temporality {
        AggregationTemporality::Unspecified => "Unspecified",
        AggregationTemporality::Delta => "Delta",
        AggregationTemporality::Cumulative => "Cumulative",
    });
    writeln!(f, "     -> AggregationTemporality: {name}")
}

fn each<T>(f: &mut Formatter<'_>, points: &[T], one: fn(&mut Formatter<'_>, usize, &T) -> Result) -> Result {
    points.iter().enumerate().try_for_each(|(index, point)| one(f, index, point))
}

fn number(f: &mut Formatter<'_>, index: usize, point: &NumberDataPoint) -> Result {
    writeln!(f, "NumberDataPoints #{index}")?;
    head(f, &point.attributes, point.start_time_unix_nano, point.time_unix_nano)?;
    match point.value {
        None => {}
        Some(number_data_point::Value::AsInt(value)) => writeln!(f, "Value: {value}")?,
        Some(number_data_point::Value::AsDouble(value)) => writeln!(f, "Value: {}", Fixed(value))?,
    }
    listed(f, "Exemplars:", &point.exemplars, exemplar)
}

fn histogram(f: &mut Formatter<'_>, index: usize, point: &HistogramDataPoint) -> Result {
    writeln!(f, "HistogramDataPoints #{index}")?;
    head(f, &point.attributes, point.start_time_unix_nano, point.time_unix_nano)?;
    writeln!(f, "Count: {}", point.count)?;
    extremes(f, point.sum, point.min, point.max)?;
    each(f, &point.explicit_bounds, |f, at, bound| writeln!(f, "ExplicitBounds #{at}: {}", Fixed(*bound)))?;
    each(f, &point.bucket_counts, |f, at, count| writeln!(f, "Buckets #{at}, Count: {count}"))?;
    listed(f, "Exemplars:", &point.exemplars, exemplar)
}

fn exponential(f: &mut Formatter<'_>, index: usize, point: &ExponentialHistogramDataPoint) -> Result {
    writeln!(f, "ExponentialHistogramDataPoints #{index}")?;
    head(f, &point.attributes, point.start_time_unix_nano, point.time_unix_nano)?;
    writeln!(f, "Count: {}", point.count)?;
    extremes(f, point.sum, point.min, point.max)?;
    let factor = LN_2 * (-f64::from(point.scale)).exp2();
    let bounds = |offset: i32, place: usize| {
        let index = f64::from(offset) + place as f64;
        ((index * factor).exp(), ((index + 1.0) * factor).exp())
    };
    if let Some(buckets) = &point.negative {
        for (place, count) in buckets.bucket_counts.iter().enumerate().rev() {
            let (lower, upper) = bounds(buckets.offset, place);
            writeln!(f, "Bucket [{}, {}), Count: {count}", Fixed(-upper), Fixed(-lower))?;
        }
    }
    if point.zero_count != 0 {
        writeln!(f, "Bucket [0, 0], Count: {}", point.zero_count)?;
    }
    if let Some(buckets) = &point.positive {
        for (place, count) in buckets.bucket_counts.iter().enumerate() {
            let (lower, upper) = bounds(buckets.offset, place);
            writeln!(f, "Bucket ({}, {}], Count: {count}", Fixed(lower), Fixed(upper))?;
        }
    }
    listed(f, "Exemplars:", &point.exemplars, exemplar)
}

fn summary(f: &mut Formatter<'_>, index: usize, point: &SummaryDataPoint) -> Result {
    writeln!(f, "SummaryDataPoints #{index}")?;
    head(f, &point.attributes, point.start_time_unix_nano, point.time_unix_nano)?;
    writeln!(f, "Count: {}\nSum: {}", point.count, Fixed(point.sum))?;
    each(f, &point.quantile_values, |f, at, value| {
        writeln!(f, "QuantileValue #{at}: Quantile {}, Value {}", Fixed(value.quantile), Fixed(value.value))
    })
}

fn head(f: &mut Formatter<'_>, of_point: &[KeyValue], start: u64, end: u64) -> Result {
    attributes(f, "", "Data point attributes", of_point)?;
    writeln!(f, "StartTimestamp: {}\nTimestamp: {}", time(start), time(end))
}

fn extremes(f: &mut Formatter<'_>, sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> Result {
    for (name, value) in [("Sum", sum), ("Min", min), ("Max", max)] {
        if let Some(value) = value {
            writeln!(f, "{name}: {}", Fixed(value))?;
        }
    }
    Ok(())
}

fn exemplar(f: &mut Formatter<'_>, index: usize, exemplar: &Exemplar) -> Result {
    writeln!(f, "Exemplar #{index}")?;
    writeln!(f, "     -> Trace ID: {}", Hex(&exemplar.trace_id))?;
    writeln!(f, "     -> Span ID: {}", Hex(&exemplar.span_id))?;
    writeln!(f, "     -> Timestamp: {}", time(exemplar.time_unix_nano))?;
    match exemplar.value {
        None => {}
        Some(exemplar::Value::AsInt(value)) => writeln!(f, "     -> Value: {value}")?,
        Some(exemplar::Value::AsDouble(value)) => writeln!(f, "     -> Value: {}", Fixed(value))?,
    }
    attributes(f, "     ", "-> FilteredAttributes", &exemplar.filtered_attributes)
}
