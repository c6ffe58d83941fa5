//! The `normal` layout of data points: `name{k=v,k=v} value`.

use std::f64::consts::LN_2;
use std::fmt::{Formatter, Result};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
};

use crate::exporters::debug::float::{Fixed, Short};
use crate::exporters::debug::value::Pairs;

use super::{resource_line, scope_line};

pub(in crate::exporters::debug) fn metrics(f: &mut Formatter<'_>, request: &ExportMetricsServiceRequest) -> Result {
    for (i, of_resource) in request.resource_metrics.iter().enumerate() {
        resource_line(f, "ResourceMetrics", i, &of_resource.schema_url, of_resource.resource.as_ref())?;
        for (j, of_scope) in of_resource.scope_metrics.iter().enumerate() {
            scope_line(f, "ScopeMetrics", j, &of_scope.schema_url, of_scope.scope.as_ref())?;
            of_scope.metrics.iter().try_for_each(|metric| points(f, metric))?;
        }
    }
    Ok(())
}

fn points(f: &mut Formatter<'_>, metric: &Metric) -> Result {
    let name = metric.name.as_str();
    match &metric.data {
        None => Ok(()),
        Some(Data::Gauge(gauge)) => gauge.data_points.iter().try_for_each(|point| number(f, name, point)),
        Some(Data::Sum(sum)) => sum.data_points.iter().try_for_each(|point| number(f, name, point)),
        Some(Data::Histogram(data)) => data.data_points.iter().try_for_each(|point| histogram(f, name, point)),
        Some(Data::ExponentialHistogram(data)) => {
            data.data_points.iter().try_for_each(|point| exponential(f, name, point))
        }
        Some(Data::Summary(data)) => data.data_points.iter().try_for_each(|point| summary(f, name, point)),
    }
}

fn number(f: &mut Formatter<'_>, name: &str, point: &NumberDataPoint) -> Result {
    head(f, name, &point.attributes)?;
    match point.value {
        None => writeln!(f, " "),
        Some(Value::AsInt(value)) => writeln!(f, " {value}"),
        Some(Value::AsDouble(value)) => writeln!(f, " {}", Short(value)),
    }
}

fn histogram(f: &mut Formatter<'_>, name: &str, point: &HistogramDataPoint) -> Result {
    head(f, name, &point.attributes)?;
    write!(f, " count={}", point.count)?;
    extremes(f, point.sum, point.min, point.max)?;
    for (index, count) in point.bucket_counts.iter().enumerate() {
        match point.explicit_bounds.get(index) {
            Some(bound) => write!(f, " le{}={count}", Short(*bound))?,
            None => write!(f, " {count}")?,
        }
    }
    writeln!(f)
}

fn exponential(f: &mut Formatter<'_>, name: &str, point: &ExponentialHistogramDataPoint) -> Result {
    head(f, name, &point.attributes)?;
    write!(f, " count={}", point.count)?;
    extremes(f, point.sum, point.min, point.max)?;
    let factor = LN_2 * (-f64::from(point.scale)).exp2();
    let bound = |index: f64| (index * factor).exp();
    if let Some(buckets) = &point.negative {
        for (place, count) in buckets.bucket_counts.iter().enumerate().rev() {
            let index = f64::from(buckets.offset) + place as f64;
            write!(f, " le{}={count}", Short(-bound(index)))?;
        }
    }
    if point.zero_count != 0 {
        write!(f, " zero={}", point.zero_count)?;
    }
    if let Some(buckets) = &point.positive {
        for (place, count) in buckets.bucket_counts.iter().enumerate() {
            let index = f64::from(buckets.offset) + place as f64;
            write!(f, " le{}={count}", Short(bound(index + 1.0)))?;
        }
    }
    writeln!(f)
}

fn summary(f: &mut Formatter<'_>, name: &str, point: &SummaryDataPoint) -> Result {
    head(f, name, &point.attributes)?;
    write!(f, " count={} sum={}", point.count, Fixed(point.sum))?;
    for at in &point.quantile_values {
        write!(f, " q{}={}", Short(at.quantile), Short(at.value))?;
    }
    writeln!(f)
}

fn head(f: &mut Formatter<'_>, name: &str, attributes: &[KeyValue]) -> Result {
    write!(f, "{name}{{{}}}", Pairs { attributes, separator: "," })
}

fn extremes(f: &mut Formatter<'_>, sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> Result {
    for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
        if let Some(value) = value {
            write!(f, " {name}={}", Short(value))?;
        }
    }
    Ok(())
}
