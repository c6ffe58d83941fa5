//! How series become OTLP metrics, by the compatibility specification ("Prometheus Metric points to OTLP").

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    self as otlp, AggregationTemporality, DataPointFlags, Metric, ResourceMetrics, ScopeMetrics, exemplar,
    metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::exposition::{About, Exemplar, Kind};
use super::native::{Native, Side};
use super::series::{Key, Scope, Targets, Values};
use crate::units::ucum;

/// One point of a series, or its end.
pub(super) struct Point {
    pub(super) key: Key,
    pub(super) state: State,
    /// In nanoseconds since 1970, as all times here; 0 where nothing is counted.
    pub(super) start: u64,
    pub(super) time: u64,
}

/// What is known of a series at one time.
pub(super) enum State {
    Shown(Values),
    /// The series is not shown any more; these bounds or quantiles it had.
    Ended(Box<[f64]>),
}

/// Whether names lose what unit and kind say anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    #[default]
    Whole,
    Trimmed,
}

/// The metrics of one scope.
type Metrics = BTreeMap<(String, Kind), Metric>;

/// Metrics by their source, scope and name.
#[derive(Default)]
pub(super) struct Request {
    sources: BTreeMap<(String, String), BTreeMap<Scope, Metrics>>,
    names: Names,
}

impl Request {
    /// One without a point.
    pub(super) fn new(names: Names) -> Request {
        Request { names, ..Request::default() }
    }

    /// Adds `point`. `about` is what its page says of families.
    pub(super) fn add(&mut self, point: Point, about: &HashMap<String, About>) {
        let Point { key, state, start, time } = point;
        let Key { source, scope, name, kind, labels } = key;
        let scopes = self.sources.entry(source).or_default();
        let metrics = scopes.entry(scope).or_default();
        let names = self.names;
        let metric = metrics.entry((name.clone(), kind)).or_insert_with(|| empty(name, kind, about, names));
        let at = At { attributes: labels.into_iter().map(pair).collect(), start, time };
        match &mut metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.push(number(at, state)),
            Some(Data::Sum(sum)) => sum.data_points.push(number(at, state)),
            Some(Data::Histogram(all)) => all.data_points.push(histogram(at, state)),
            Some(Data::ExponentialHistogram(all)) => all.data_points.push(exponential(at, state)),
            Some(Data::Summary(all)) => all.data_points.push(summary(at, state)),
            None => {}
        }
    }

    /// The request. `targets` are the attributes that targets say of themselves.
    pub(super) fn finish(self, scheme: &str, targets: &Targets) -> ExportMetricsServiceRequest {
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
    let is_none = [&name, &version, &schema_url].iter().all(|text| text.is_empty()) && attributes.is_empty();
    let (name, version) =
        if is_none { (OWN_SCOPE.to_owned(), env!("CARGO_PKG_VERSION").to_owned()) } else { (name, version) };
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

fn empty(name: String, kind: Kind, about: &HashMap<String, About>, names: Names) -> Metric {
    let cumulative = AggregationTemporality::Cumulative as i32;
    let data = match kind {
        Kind::Gauge | Kind::GaugeHistogram | Kind::Unknown => Data::Gauge(otlp::Gauge::default()),
        Kind::Counter | Kind::Info | Kind::StateSet => Data::Sum(otlp::Sum {
            aggregation_temporality: cumulative,
            is_monotonic: kind == Kind::Counter,
            ..otlp::Sum::default()
        }),
        Kind::Histogram => {
            Data::Histogram(otlp::Histogram { aggregation_temporality: cumulative, ..otlp::Histogram::default() })
        }
        Kind::NativeHistogram => Data::ExponentialHistogram(otlp::ExponentialHistogram {
            aggregation_temporality: cumulative,
            ..otlp::ExponentialHistogram::default()
        }),
        Kind::Summary => Data::Summary(otlp::Summary::default()),
    };
    let stem = name.strip_suffix("_total").unwrap_or(&name);
    let about = about.get(&name).or_else(|| about.get(stem)).cloned().unwrap_or_default();
    let trimmed = || {
        let stem = if kind == Kind::Counter { stem } else { &name };
        let without_unit = stem.strip_suffix(about.unit.as_str()).and_then(|stem| stem.strip_suffix('_'));
        without_unit.filter(|stem| !stem.is_empty()).unwrap_or(stem).to_owned()
    };
    Metric {
        name: if names == Names::Trimmed { trimmed() } else { name },
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

fn number(at: At, state: State) -> otlp::NumberDataPoint {
    let (Values { value, exemplars, .. }, _) = parts(state);
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

/// The values, or the marks of what has none any more.
fn parts(state: State) -> (Values, Box<[f64]>) {
    match state {
        State::Shown(values) => (values, Box::default()),
        State::Ended(marks) => (Values::default(), marks),
    }
}

fn histogram(at: At, state: State) -> otlp::HistogramDataPoint {
    let (Values { sum, count, mut buckets, exemplars, .. }, marks) = parts(state);
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
    let Some(count) = count.filter(|_| flags == 0) else {
        let bounds: Vec<f64> = marks.iter().copied().filter(|bound| *bound != f64::INFINITY).collect();
        return otlp::HistogramDataPoint { bucket_counts: vec![0; bounds.len() + 1], explicit_bounds: bounds, ..point };
    };
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
        sum,
        explicit_bounds: buckets.into_iter().map(|(bound, _)| bound).collect(),
        bucket_counts: counts,
        exemplars: exemplars.into_iter().map(|exemplar| self::exemplar(exemplar, at.time)).collect(),
        ..point
    }
}

fn exponential(at: At, state: State) -> otlp::ExponentialHistogramDataPoint {
    let (Values { native, exemplars, .. }, _) = parts(state);
    let stale = |native: &Native| native.sum.is_some_and(|sum| sum.to_bits() == STALE);
    let native = native.filter(|native| !stale(native));
    let flags = if native.is_some() { 0 } else { DataPointFlags::NoRecordedValueMask as u32 };
    let native = native.unwrap_or_default();
    let side = |Side { offset, counts }| Buckets { offset, bucket_counts: counts };
    otlp::ExponentialHistogramDataPoint {
        attributes: at.attributes,
        start_time_unix_nano: at.start,
        time_unix_nano: at.time,
        count: native.count,
        sum: native.sum,
        scale: native.scale,
        zero_count: native.zero_count,
        zero_threshold: native.zero_threshold,
        positive: Some(side(native.positive)),
        negative: Some(side(native.negative)),
        flags,
        exemplars: exemplars.into_iter().map(|exemplar| self::exemplar(exemplar, at.time)).collect(),
        ..otlp::ExponentialHistogramDataPoint::default()
    }
}

fn summary(at: At, state: State) -> otlp::SummaryDataPoint {
    let (Values { sum, count, mut quantiles, .. }, marks) = parts(state);
    quantiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let first = quantiles.first().map(|(_, value)| *value);
    let flags = flags(count.or(first));
    let of = |(quantile, value): (f64, f64)| ValueAtQuantile { quantile, value };
    let marks = marks.iter().map(|quantile| (*quantile, 0.0));
    otlp::SummaryDataPoint {
        attributes: at.attributes,
        start_time_unix_nano: at.start,
        time_unix_nano: at.time,
        count: count.filter(|_| flags == 0).unwrap_or_default() as u64,
        sum: sum.filter(|_| flags == 0).unwrap_or_default(),
        quantile_values: quantiles.into_iter().filter(|_| flags == 0).chain(marks).map(of).collect(),
        flags,
    }
}

fn exemplar(exemplar: Exemplar, time: u64) -> otlp::Exemplar {
    let Exemplar { mut labels, value, time: own } = exemplar;
    let mut id = |name: &str, length: usize| {
        let at = labels.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let id = id(&labels[at].1, length)?;
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

/// An id of `length` bytes. As in the Collector a shorter one has zeros in front, and of a longer one the beginning counts.
fn id(text: &str, length: usize) -> Option<Vec<u8>> {
    let text = text.get(..2 * length).unwrap_or(text);
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes = digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8);
    Some(std::iter::repeat_n(0, length - digits.len() / 2).chain(bytes).collect())
}

fn pair((key, value): (String, String)) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::StringValue(value)) });
    KeyValue { key, value, ..KeyValue::default() }
}

const OWN_SCOPE: &str = "otlp-relay/receiver/prometheus";

/// The value that ends a series (Prometheus: model/value, "StaleNaN"), in a page of another Prometheus.
const STALE: u64 = 0x7ff0_0000_0000_0002;
