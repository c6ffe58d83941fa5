//! What is in a metrics request: each of its points, as it will be shown.

use std::sync::Arc;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as WireBuckets;
use opentelemetry_proto::tonic::metrics::v1::{
    self as otlp, AggregationTemporality, DataPointFlags, Metric, exemplar, metric::Data, number_data_point,
};

use super::labels::{Labeller, OfScope, pair};
use super::name::{Namer, Role, unit_word};
use super::refusals::{Reason, Refusals};
use super::store::{Change, Exemplar, Head, Kind, Point, Sample, Store, Target};
use super::value::{Exponential, Histogram, Summary, Unfit, Value, buckets};

/// Reads requests as one exporter does.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) namer: Namer,
    pub(super) labeller: Labeller,
}

/// What the points of one metric become.
struct OfMetric<'a> {
    head: Arc<Head>,
    scope: &'a OfScope,
    temporality: Temporality,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temporality {
    Cumulative,
    Delta,
}

/// A point as far as all kinds of points are alike.
struct Raw<'a> {
    attributes: &'a [KeyValue],
    start: u64,
    time: u64,
    flags: u32,
    exemplars: &'a [otlp::Exemplar],
}

impl Reader {
    /// Brings what `request` says into `store`; answers what is not taken.
    pub(super) fn read(&self, request: &ExportMetricsServiceRequest, store: &Store, now: Instant) -> Refusals {
        let mut refusals = Refusals::default();
        for of_resource in &request.resource_metrics {
            let (target, points) = self.resource(of_resource, &mut refusals);
            store.take(target, points, now).into_iter().for_each(|refused| refusals.note_refused(refused));
        }
        refusals
    }

    /// What comes from one resource: the target that it is, and its points.
    pub(super) fn resource(
        &self,
        of_resource: &otlp::ResourceMetrics,
        refusals: &mut Refusals,
    ) -> (Option<Target>, Vec<Point>) {
        let attributes = of_resource.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let resource = self.labeller.resource(attributes);
        let mut points = Vec::new();
        for of_scope in &of_resource.scope_metrics {
            let scope = self.labeller.scope(&resource, of_scope.scope.as_ref(), &of_scope.schema_url);
            for metric in &of_scope.metrics {
                self.metric(metric, &scope, &mut points, refusals);
            }
        }
        (self.labeller.target(&resource, attributes), points)
    }

    fn metric(&self, metric: &Metric, scope: &OfScope, points: &mut Vec<Point>, refusals: &mut Refusals) {
        let Some(data) = &metric.data else { return };
        let (kind, role, temporality) = match shape(metric, data) {
            Ok(shape) => shape,
            Err(reason) => return refusals.note(&metric.name, reason, count(data)),
        };
        let Some(name) = self.namer.metric(&metric.name, &metric.unit, role) else {
            return refusals.note(&metric.name, Reason::Nameless, count(data));
        };
        let head = Head {
            name: name.into(),
            kind,
            help: metric.description.as_str().into(),
            unit: unit_word(&metric.unit, role).into(),
        };
        let of = OfMetric { head: Arc::new(head), scope, temporality };
        let mut take = |raw: Raw<'_>, value: Result<Value, Unfit>| match self.point(&of, &raw, value) {
            Ok(point) => points.push(point),
            Err(Unfit(why)) => refusals.note(&metric.name, Reason::Unfit(why), 1),
        };
        match data {
            Data::Gauge(gauge) => gauge.data_points.iter().for_each(|point| take(raw!(point), number(point))),
            Data::Sum(sum) => sum.data_points.iter().for_each(|point| take(raw!(point), number(point))),
            Data::Histogram(all) => all.data_points.iter().for_each(|point| take(raw!(point), histogram(point))),
            Data::ExponentialHistogram(all) => {
                all.data_points.iter().for_each(|point| take(raw!(point), exponential(point)));
            }
            Data::Summary(all) => all.data_points.iter().for_each(|point| {
                let raw = Raw {
                    attributes: &point.attributes,
                    start: point.start_time_unix_nano,
                    time: point.time_unix_nano,
                    flags: point.flags,
                    exemplars: &[],
                };
                take(raw, summary(point));
            }),
        }
    }

    fn point(&self, of: &OfMetric<'_>, raw: &Raw<'_>, value: Result<Value, Unfit>) -> Result<Point, Unfit> {
        let labels = self.labeller.point(of.scope, raw.attributes, of.head.kind);
        let change = if raw.flags & DataPointFlags::NoRecordedValueMask as u32 != 0 {
            Change::End { time: raw.time, last: value.ok().map(Arc::new) }
        } else {
            let exemplars = raw.exemplars.iter().map(exemplar).collect();
            let sample = Sample { value: Arc::new(value?), start: raw.start, time: raw.time, exemplars };
            match of.temporality {
                Temporality::Cumulative => Change::Replace(sample),
                Temporality::Delta => Change::Add(sample),
            }
        };
        Ok(Point { head: Arc::clone(&of.head), labels, change })
    }
}

/// A point of any kind but a summary, which has no exemplars.
macro_rules! raw {
    ($point:expr) => {
        Raw {
            attributes: &$point.attributes,
            start: $point.start_time_unix_nano,
            time: $point.time_unix_nano,
            flags: $point.flags,
            exemplars: &$point.exemplars,
        }
    };
}
use raw;

/// What a metric is in Prometheus.
fn shape(metric: &Metric, data: &Data) -> Result<(Kind, Role, Temporality), Reason> {
    Ok(match data {
        Data::Gauge(_) if is_unknown(metric) => (Kind::Unknown, Role::Other, Temporality::Cumulative),
        Data::Gauge(_) => (Kind::Gauge, Role::Gauge, Temporality::Cumulative),
        Data::Sum(sum) => match (sum.is_monotonic, temporality(sum.aggregation_temporality)?) {
            (true, temporality) => (Kind::Counter, Role::Counter, temporality),
            (false, Temporality::Cumulative) => (Kind::Gauge, Role::Other, Temporality::Cumulative),
            (false, Temporality::Delta) => return Err(Reason::DeltaOfGauge),
        },
        Data::Histogram(all) => (Kind::Histogram, Role::Other, temporality(all.aggregation_temporality)?),
        Data::ExponentialHistogram(all) => (Kind::Histogram, Role::Other, temporality(all.aggregation_temporality)?),
        Data::Summary(_) => (Kind::Summary, Role::Other, Temporality::Cumulative),
    })
}

/// A gauge that Prometheus itself knew no type of.
fn is_unknown(metric: &Metric) -> bool {
    let is_type = |pair: &&KeyValue| pair.key == "prometheus.type";
    let value = metric.metadata.iter().find(is_type).and_then(|pair| pair.value.as_ref()?.value.as_ref());
    matches!(value, Some(Any::StringValue(text)) if text == "unknown")
}

fn temporality(number: i32) -> Result<Temporality, Reason> {
    match AggregationTemporality::try_from(number) {
        Ok(AggregationTemporality::Cumulative) => Ok(Temporality::Cumulative),
        Ok(AggregationTemporality::Delta) => Ok(Temporality::Delta),
        Ok(AggregationTemporality::Unspecified) | Err(_) => Err(Reason::NoTemporality),
    }
}

fn count(data: &Data) -> u64 {
    let points = match data {
        Data::Gauge(all) => all.data_points.len(),
        Data::Sum(all) => all.data_points.len(),
        Data::Histogram(all) => all.data_points.len(),
        Data::ExponentialHistogram(all) => all.data_points.len(),
        Data::Summary(all) => all.data_points.len(),
    };
    points as u64
}

fn number(point: &otlp::NumberDataPoint) -> Result<Value, Unfit> {
    Ok(match point.value {
        Some(number_data_point::Value::AsInt(number)) => Value::Int(number),
        Some(number_data_point::Value::AsDouble(number)) => Value::Double(number),
        // As the Collector reads it.
        None => Value::Int(0),
    })
}

fn histogram(point: &otlp::HistogramDataPoint) -> Result<Value, Unfit> {
    let (bounds, counts) = (point.explicit_bounds.clone(), point.bucket_counts.clone());
    Histogram::new(bounds, counts, point.count, point.sum).map(Value::Histogram)
}

fn exponential(point: &otlp::ExponentialHistogramDataPoint) -> Result<Value, Unfit> {
    let filled = |side: &Option<WireBuckets>| {
        side.as_ref().map(|side| buckets(side.offset, &side.bucket_counts)).unwrap_or_default()
    };
    let exponential = Exponential {
        scale: point.scale,
        zero_threshold: point.zero_threshold,
        zero_count: point.zero_count,
        positive: filled(&point.positive),
        negative: filled(&point.negative),
        count: point.count,
        sum: point.sum,
    };
    exponential.fitted().map(Value::Exponential)
}

fn summary(point: &otlp::SummaryDataPoint) -> Result<Value, Unfit> {
    let mut quantiles: Vec<(f64, f64)> =
        point.quantile_values.iter().map(|value| (value.quantile, value.value)).collect();
    quantiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    // One value for each quantile: two would be one series twice.
    quantiles.dedup_by(|(a, _), (b, _)| a == b);
    Ok(Value::Summary(Summary { count: point.count, sum: point.sum, quantiles }))
}

fn exemplar(exemplar: &otlp::Exemplar) -> Exemplar {
    let value = match exemplar.value {
        Some(exemplar::Value::AsInt(number)) => number as f64,
        Some(exemplar::Value::AsDouble(number)) => number,
        None => 0.0,
    };
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let ids = [("trace_id", &exemplar.trace_id), ("span_id", &exemplar.span_id)];
    let ids = ids.into_iter().filter(|(_, id)| id.iter().any(|byte| *byte != 0));
    let mut labels: Vec<(String, String)> = ids.map(|(name, id)| (name.to_owned(), hex(id))).collect();
    let own: Vec<(String, String)> = exemplar.filtered_attributes.iter().map(pair).collect();
    let size = |labels: &[(String, String)]| -> usize {
        labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum()
    };
    if size(&labels) + size(&own) <= MAX_EXEMPLAR {
        labels.extend(own);
    }
    Exemplar { labels, value, time: exemplar.time_unix_nano }
}

/// OpenMetrics 1.0, "Exemplars": characters of all names and values.
const MAX_EXEMPLAR: usize = 128;
