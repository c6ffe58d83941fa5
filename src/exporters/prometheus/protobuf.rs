//! The protobuf format: `io.prometheus.client.MetricFamily` messages, each behind its length. The one format with
//! native histograms.

use prost::Message;

use crate::protocol::prometheus as wire;
use crate::protocol::prometheus::Span;

use super::shown::Exposition;
use super::store::{Exemplar, Kind, Labels, Sample, Shown};
use super::value::{Buckets, Exponential, Histogram, Summary, Value};

/// Writes `exposition` down.
pub(super) fn write(exposition: &Exposition) -> Vec<u8> {
    let mut out = Vec::new();
    for family in &exposition.families {
        // Writing into a vector does not fail: it grows.
        let _ = wire_family(family, exposition.timestamps).encode_length_delimited(&mut out);
    }
    out
}

fn wire_family(family: &Shown, timestamps: bool) -> wire::MetricFamily {
    let head = &family.head;
    let kind = match head.kind {
        Kind::Counter => wire::COUNTER,
        Kind::Gauge => wire::GAUGE,
        Kind::Summary => wire::SUMMARY,
        Kind::Unknown => wire::UNTYPED,
        Kind::Histogram => wire::HISTOGRAM,
    };
    let metric = family.series.iter().map(|(labels, sample)| {
        let mut metric = wire_metric(head.kind, sample);
        metric.label = wire_labels(labels);
        metric.timestamp_ms = Some((sample.time / 1_000_000) as i64).filter(|time| timestamps && *time != 0);
        metric
    });
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    wire::MetricFamily {
        name: some(&head.name),
        help: some(&head.help),
        kind: Some(kind),
        metric: metric.collect(),
        unit: some(&head.unit),
    }
}

fn wire_metric(kind: Kind, sample: &Sample) -> wire::Metric {
    let created = timestamp(sample.start);
    match &*sample.value {
        Value::Int(_) | Value::Double(_) => {
            let value = sample.value.as_number();
            match kind {
                Kind::Counter => {
                    let exemplar = sample.exemplars.iter().max_by_key(|exemplar| exemplar.time).map(wire_exemplar);
                    wire::Metric {
                        counter: Some(wire::Counter { value, exemplar, created }),
                        ..wire::Metric::default()
                    }
                }
                Kind::Unknown => wire::Metric { untyped: Some(wire::Gauge { value }), ..wire::Metric::default() },
                _ => wire::Metric { gauge: Some(wire::Gauge { value }), ..wire::Metric::default() },
            }
        }
        Value::Histogram(histogram) => {
            let histogram = wire::Histogram { created, ..wire_histogram(histogram, &sample.exemplars) };
            wire::Metric { histogram: Some(histogram), ..wire::Metric::default() }
        }
        Value::Exponential(exponential) => {
            let histogram = wire::Histogram { created, ..native(exponential, &sample.exemplars) };
            wire::Metric { histogram: Some(histogram), ..wire::Metric::default() }
        }
        Value::Summary(Summary { count, sum, quantiles }) => {
            let quantile =
                |(quantile, value): &(f64, f64)| wire::Quantile { quantile: Some(*quantile), value: Some(*value) };
            let quantiles = quantiles.iter().map(quantile).collect();
            let summary = wire::Summary { count: Some(*count), sum: Some(*sum), quantiles, created };
            wire::Metric { summary: Some(summary), ..wire::Metric::default() }
        }
    }
}

fn wire_histogram(histogram: &Histogram, exemplars: &[Exemplar]) -> wire::Histogram {
    let mut below = f64::NEG_INFINITY;
    let bucket = histogram.cumulative().map(|(bound, count)| {
        let within = exemplars.iter().filter(|exemplar| below < exemplar.value && exemplar.value <= bound);
        let exemplar = within.max_by(|a, b| a.value.total_cmp(&b.value)).map(wire_exemplar);
        below = bound;
        wire::Bucket { count: Some(count), bound: Some(bound), exemplar, count_float: None }
    });
    let bucket = bucket.collect();
    wire::Histogram { count: Some(histogram.count()), sum: histogram.sum, bucket, ..wire::Histogram::default() }
}

/// By the compatibility specification, "Exponential Histograms": a bucket is known by its upper bound there.
fn native(exponential: &Exponential, exemplars: &[Exemplar]) -> wire::Histogram {
    let (negative_span, negative_delta) = spans(&exponential.negative);
    let (mut positive_span, positive_delta) = spans(&exponential.positive);
    if positive_span.is_empty() && negative_span.is_empty() {
        // An empty one tells that this is no histogram with bounds of its own.
        positive_span.push(Span { offset: Some(0), length: Some(0) });
    }
    let threshold = exponential.zero_threshold;
    wire::Histogram {
        count: Some(exponential.count),
        sum: exponential.sum,
        schema: Some(exponential.scale),
        zero_threshold: Some(if threshold == 0.0 { DEFAULT_ZERO_THRESHOLD } else { threshold }),
        zero_count: Some(exponential.zero_count),
        negative_span,
        negative_delta,
        positive_span,
        positive_delta,
        exemplars: exemplars.iter().filter(|exemplar| exemplar.time != 0).map(wire_exemplar).collect(),
        ..wire::Histogram::default()
    }
}

/// Runs of neighbours, each with its distance from the one before, and the counts as differences.
pub(super) fn spans(buckets: &Buckets) -> (Vec<Span>, Vec<i64>) {
    let (mut spans, mut deltas) = (Vec::<Span>::new(), Vec::new());
    let (mut next, mut last) = (0_i64, 0_i64);
    for (index, count) in buckets {
        let (index, count) = (index + 1, i64::try_from(*count).unwrap_or(i64::MAX));
        match spans.last_mut() {
            Some(Span { length: Some(length), .. }) if index == next => *length += 1,
            _ => {
                // Indices have 32 bits; a gap wider than that cannot be said, and means nothing to anybody.
                let Ok(offset) = i32::try_from(index - next) else { continue };
                spans.push(Span { offset: Some(offset), length: Some(1) });
            }
        }
        deltas.push(count - last);
        (next, last) = (index + 1, count);
    }
    (spans, deltas)
}
fn wire_labels(labels: &Labels) -> Vec<wire::LabelPair> {
    let pair = |(name, value): &(Box<str>, Box<str>)| wire::LabelPair {
        name: Some(name.to_string()),
        value: Some(value.to_string()),
    };
    labels.iter().map(pair).collect()
}

fn wire_exemplar(exemplar: &Exemplar) -> wire::Exemplar {
    let pair =
        |(name, value): &(String, String)| wire::LabelPair { name: Some(name.clone()), value: Some(value.clone()) };
    wire::Exemplar {
        label: exemplar.labels.iter().map(pair).collect(),
        value: Some(exemplar.value),
        timestamp: timestamp(exemplar.time),
    }
}

fn timestamp(nanos: u64) -> Option<wire::Timestamp> {
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    (nanos != 0).then_some(wire::Timestamp { seconds: seconds as i64, nanos: rest as i32 })
}

/// By the compatibility specification, where the point says none.
pub(super) const DEFAULT_ZERO_THRESHOLD: f64 = 1e-128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_become_spans_and_differences() {
        let (spans, deltas) = spans(&[(-3, 2), (-2, 5), (1, 4)].into());
        let spans: Vec<_> = spans.iter().map(|span| (span.offset.unwrap_or(9), span.length.unwrap_or(9))).collect();
        assert_eq!((spans, deltas), (vec![(-2, 2), (2, 1)], vec![2, 3, -1]));
    }
}
