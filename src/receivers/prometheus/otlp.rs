//! How series become OTLP metrics, by the compatibility specification ("Prometheus Metric points to OTLP").

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    self as otlp, AggregationTemporality, DataPointFlags, Metric, ResourceMetrics, ScopeMetrics, exemplar,
    metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::exposition::{About, Exemplar, Kind};
use super::series::{Key, Scope, Values};
use crate::units::ucum;

/// One point of a series, or its end.
pub(super) struct Point {
    pub(super) key: Key,
    /// None: the series is not shown any more.
    pub(super) values: Option<Values>,
    /// In nanoseconds since 1970, as all times here; 0 where nothing is counted.
    pub(super) start: u64,
    pub(super) time: u64,
}

/// The metrics of one scope.
type Metrics = BTreeMap<(String, Kind), Metric>;

/// Metrics by their source, scope and name.
#[derive(Default)]
pub(super) struct Request {
    sources: BTreeMap<(String, String), BTreeMap<Scope, Metrics>>,
}

impl Request {
    /// Adds `point`. `about` is what its page says of families.
    pub(super) fn add(&mut self, point: Point, about: &HashMap<String, About>) {
        let Point { key, values, start, time } = point;
        let Key { source, scope, name, kind, labels } = key;
        let scopes = self.sources.entry(source).or_default();
        let metrics = scopes.entry(scope).or_default();
        let metric = metrics.entry((name.clone(), kind)).or_insert_with(|| empty(name, kind, about));
        let at = At { attributes: labels.into_iter().map(pair).collect(), start, time };
        match &mut metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.push(number(at, values)),
            Some(Data::Sum(sum)) => sum.data_points.push(number(at, values)),
            Some(Data::Histogram(all)) => all.data_points.push(histogram(at, values)),
            Some(Data::Summary(all)) => all.data_points.push(summary(at, values)),
            Some(Data::ExponentialHistogram(_)) | None => {}
        }
    }

    /// The request. `targets` are the attributes that targets say of themselves.
    pub(super) fn finish(
        self,
        scheme: &str,
        targets: &HashMap<(String, String), Vec<(String, String)>>,
    ) -> ExportMetricsServiceRequest {
        let of_source = |(source, scopes): ((String, String), BTreeMap<Scope, _>)| {
            let more = targets.get(&source).map(Vec::as_slice).unwrap_or_default();
            let attributes = resource(&source, scheme, more);
            ResourceMetrics {
                resource: Some(Resource { attributes, ..Resource::default() }),
                scope_metrics: scopes.into_iter().map(of_scope).collect(),
                schema_url: String::new(),
            }
        };
        ExportMetricsServiceRequest { resource_metrics: self.sources.into_iter().map(of_source).collect() }
    }
}

fn of_scope((scope, metrics): (Scope, Metrics)) -> ScopeMetrics {
    let Scope { name, version, schema_url, attributes } = scope;
    let (name, version) = match name.as_str() {
        "" => (OWN_SCOPE.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        _ => (name, version),
    };
    let attributes = attributes.into_iter().map(pair).collect();
    let scope = InstrumentationScope { name, version, attributes, ..InstrumentationScope::default() };
    ScopeMetrics { scope: Some(scope), metrics: metrics.into_values().collect(), schema_url }
}

/// What a target is, and what it says of itself.
fn resource((job, instance): &(String, String), scheme: &str, more: &[(String, String)]) -> Vec<KeyValue> {
    let (host, port) = match instance.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host.trim_matches(['[', ']']), port),
        _ => (instance.as_str(), ""),
    };
    // A loopback address names no host to anybody else.
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified());
    let host = if is_here { "" } else { host };
    let known = [
        ("service.name", job.as_str()),
        ("service.instance.id", instance),
        ("server.address", host),
        ("server.port", port),
        ("url.scheme", scheme),
    ];
    let known = known.into_iter().filter(|(_, value)| !value.is_empty());
    let mut attributes: BTreeMap<String, String> =
        known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    attributes.extend(more.iter().cloned());
    attributes.into_iter().map(pair).collect()
}

fn empty(name: String, kind: Kind, about: &HashMap<String, About>) -> Metric {
    let cumulative = AggregationTemporality::Cumulative as i32;
    let data = match kind {
        Kind::Gauge | Kind::Unknown => Data::Gauge(otlp::Gauge::default()),
        Kind::Counter | Kind::Info | Kind::StateSet => Data::Sum(otlp::Sum {
            aggregation_temporality: cumulative,
            is_monotonic: kind == Kind::Counter,
            ..otlp::Sum::default()
        }),
        Kind::Histogram | Kind::GaugeHistogram => {
            Data::Histogram(otlp::Histogram { aggregation_temporality: cumulative, ..otlp::Histogram::default() })
        }
        Kind::Summary => Data::Summary(otlp::Summary::default()),
    };
    let family = [name.as_str(), name.trim_end_matches("_total"), name.trim_end_matches("_info")];
    let about = family.iter().find_map(|family| about.get(*family)).cloned().unwrap_or_default();
    Metric {
        name,
        description: about.help,
        unit: ucum::symbol(&about.unit),
        metadata: vec![pair(("prometheus.type".to_owned(), kind.word().to_owned()))],
        data: Some(data),
    }
}

/// What all kinds of points have.
struct At {
    attributes: Vec<KeyValue>,
    start: u64,
    time: u64,
}

/// The flags of a point whose deciding value is this.
fn flags(value: Option<f64>) -> u32 {
    let is_recorded = value.is_some_and(|value| value.to_bits() != STALE);
    if is_recorded { 0 } else { DataPointFlags::NoRecordedValueMask as u32 }
}

fn number(at: At, values: Option<Values>) -> otlp::NumberDataPoint {
    let Values { value, exemplars, .. } = values.unwrap_or_default();
    let flags = flags(value);
    otlp::NumberDataPoint {
        attributes: at.attributes,
        start_time_unix_nano: at.start,
        time_unix_nano: at.time,
        exemplars: exemplars.into_iter().map(|exemplar| self::exemplar(exemplar, at.time)).collect(),
        flags,
        value: value.filter(|_| flags == 0).map(number_data_point::Value::AsDouble),
    }
}

fn histogram(at: At, values: Option<Values>) -> otlp::HistogramDataPoint {
    let Values { sum, count, mut buckets, exemplars, .. } = values.unwrap_or_default();
    buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    buckets.dedup_by(|(next, _), (kept, _)| next == kept);
    let infinite = buckets.pop_if(|(bound, _)| *bound == f64::INFINITY).map(|(_, count)| count);
    let count = count.or(infinite).or(buckets.last().map(|(_, count)| *count));
    let flags = flags(count);
    let point = otlp::HistogramDataPoint {
        attributes: at.attributes,
        start_time_unix_nano: at.start,
        time_unix_nano: at.time,
        flags,
        ..otlp::HistogramDataPoint::default()
    };
    let Some(count) = count.filter(|_| flags == 0) else { return point };
    // Casts of floats saturate, and what is no number is none.
    let count = count as u64;
    let mut below = 0;
    let mut counts: Vec<u64> = buckets
        .iter()
        .map(|(_, upto)| {
            let upto = (*upto as u64).clamp(below, count.max(below));
            let own = upto - below;
            below = upto;
            own
        })
        .collect();
    counts.push(count.saturating_sub(below));
    otlp::HistogramDataPoint {
        count,
        sum: sum.filter(|sum| !sum.is_nan()),
        explicit_bounds: buckets.into_iter().map(|(bound, _)| bound).collect(),
        bucket_counts: counts,
        exemplars: exemplars.into_iter().map(|exemplar| self::exemplar(exemplar, at.time)).collect(),
        ..point
    }
}

fn summary(at: At, values: Option<Values>) -> otlp::SummaryDataPoint {
    let Values { sum, count, mut quantiles, .. } = values.unwrap_or_default();
    quantiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let first = quantiles.first().map(|(_, value)| *value);
    let flags = flags(count.or(first));
    let of = |(quantile, value): (f64, f64)| ValueAtQuantile { quantile, value };
    otlp::SummaryDataPoint {
        attributes: at.attributes,
        start_time_unix_nano: at.start,
        time_unix_nano: at.time,
        count: count.filter(|_| flags == 0).unwrap_or_default() as u64,
        sum: sum.filter(|_| flags == 0).unwrap_or_default(),
        quantile_values: quantiles.into_iter().filter(|_| flags == 0).map(of).collect(),
        flags,
    }
}

fn exemplar(exemplar: Exemplar, time: u64) -> otlp::Exemplar {
    let Exemplar { mut labels, value, time: own } = exemplar;
    let mut id = |name: &str, length: usize| {
        let at = labels.iter().position(|(known, value)| known == name && value.len() == 2 * length)?;
        let id = hex(&labels[at].1)?;
        labels.remove(at);
        Some(id)
    };
    let (trace_id, span_id) = (id("trace_id", 16), id("span_id", 8));
    otlp::Exemplar {
        trace_id: trace_id.unwrap_or_default(),
        span_id: span_id.unwrap_or_default(),
        filtered_attributes: labels.into_iter().map(pair).collect(),
        time_unix_nano: own.unwrap_or(time),
        value: Some(exemplar::Value::AsDouble(value)),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    Some(digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

fn pair((key, value): (String, String)) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::StringValue(value)) });
    KeyValue { key, value, ..KeyValue::default() }
}

const OWN_SCOPE: &str = "otlp-relay/receiver/prometheus";

/// The value that ends a series (Prometheus: model/value, "StaleNaN"), in a page of another Prometheus.
const STALE: u64 = 0x7ff0_0000_0000_0002;
