//! Native histograms, as OTLP has them: the buckets of a side in a row, from its first one on.

use crate::protocol::prometheus::{Histogram, Span};

/// A histogram whose bounds are powers of a base.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Native {
    pub(super) scale: i32,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: u64,
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) positive: Side,
    pub(super) negative: Side,
}

/// The buckets of one sign. A bucket is known by its lower bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) offset: i32,
    pub(super) counts: Vec<u64>,
}

/// Whether `histogram` has native buckets, beside those with bounds of their own or without any.
pub(super) fn is_native(histogram: &Histogram) -> bool {
    !histogram.positive_span.is_empty()
        || !histogram.negative_span.is_empty()
        || histogram.zero_threshold.is_some_and(|threshold| threshold > 0.0)
        || histogram.zero_count.is_some_and(|count| count > 0)
        || histogram.zero_count_float.is_some_and(|count| count > 0.0)
}

/// What native buckets say (Prometheus: "Native Histograms", and the compatibility specification, "Exponential
/// Histograms").
///
/// Buckets that are not on the page, since they are empty, are taken out of `room`.
///
/// # Errors
/// When its scale is none, or its buckets are too many to be written in a row.
pub(super) fn native(histogram: &Histogram, room: &mut usize) -> Result<Native, String> {
    let scale = histogram.schema.unwrap_or_default();
    if !SCALES.contains(&scale) {
        return Err(format!("a native histogram has the schema {scale}"));
    }
    // Casts of floats saturate, and what is no number is none.
    let floats = |counts: &[f64]| counts.iter().map(|count| *count as u64).collect::<Vec<u64>>();
    let own = |deltas: &[i64], counts: &[f64]| if counts.is_empty() { absolute(deltas) } else { floats(counts) };
    let float = |float: Option<f64>| float.map(|count| count as u64);
    Ok(Native {
        scale,
        zero_threshold: histogram.zero_threshold.unwrap_or_default(),
        zero_count: float(histogram.zero_count_float).or(histogram.zero_count).unwrap_or_default(),
        count: float(histogram.count_float).or(histogram.count).unwrap_or_default(),
        sum: histogram.sum,
        positive: side(&histogram.positive_span, own(&histogram.positive_delta, &histogram.positive_count), room)?,
        negative: side(&histogram.negative_span, own(&histogram.negative_delta, &histogram.negative_count), room)?,
    })
}

/// Each count is written as what it has more than the one before.
fn absolute(deltas: &[i64]) -> Vec<u64> {
    let mut count = 0_i64;
    let mut next = |delta: &i64| {
        count = count.saturating_add(*delta);
        u64::try_from(count).unwrap_or_default()
    };
    deltas.iter().map(&mut next).collect()
}

fn side(spans: &[Span], counts: Vec<u64>, room: &mut usize) -> Result<Side, String> {
    let Some(first) = spans.first() else { return Ok(Side::default()) };
    // A span is known by the upper bound of its first bucket.
    let mut side = Side { offset: first.offset.unwrap_or_default().saturating_sub(1), counts: Vec::new() };
    let mut counts = counts.into_iter();
    for (index, span) in spans.iter().enumerate() {
        let gap = if index == 0 { 0 } else { span.offset.unwrap_or_default() };
        let gap = usize::try_from(gap).map_err(|_| "spans of a native histogram overlap".to_owned())?;
        let length = span.length.unwrap_or_default() as usize;
        if MOST_BUCKETS < side.counts.len().saturating_add(gap).saturating_add(length) {
            return Err(format!("a native histogram spans more than {MOST_BUCKETS} buckets"));
        }
        let left = room.checked_sub(gap + length.saturating_sub(counts.len()));
        *room = left.ok_or_else(|| "the native histograms have too many empty buckets".to_owned())?;
        side.counts.resize(side.counts.len() + gap, 0);
        side.counts.extend(counts.by_ref().chain(std::iter::repeat(0)).take(length));
    }
    Ok(side)
}

/// Those that OTLP's own histograms have. Prometheus has -4 to 8, and others that are no powers.
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;

/// Of one sign. Clients keep 160 unless told otherwise; all positive numbers have 2048 * 256 at the finest scale.
const MOST_BUCKETS: usize = 1 << 14;

/// How many buckets may be added to those of one page: 32 MiB of them.
pub(super) const ROOM: usize = 4 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn span(offset: i32, length: u32) -> Span {
        Span { offset: Some(offset), length: Some(length) }
    }

    #[test]
    fn spans_become_rows_of_buckets() {
        let histogram = Histogram {
            schema: Some(1),
            positive_span: vec![span(0, 2), span(1, 2)],
            positive_delta: vec![1, 1, -1, 0],
            negative_span: vec![span(-1, 1)],
            negative_count: vec![1.5],
            ..Histogram::default()
        };
        let found = native(&histogram, &mut { ROOM }).unwrap();
        assert_eq!(found.positive, Side { offset: -1, counts: vec![1, 2, 0, 1, 1] });
        assert_eq!(found.negative, Side { offset: -2, counts: vec![1] });
        assert!(is_native(&histogram) && !is_native(&Histogram::default()));
    }

    #[test]
    fn rows_that_nobody_could_hold_are_refused() {
        let wide = |spans| native(&Histogram { positive_span: spans, ..Histogram::default() }, &mut { ROOM });
        assert!(wide(vec![span(0, 1), span(i32::MAX, 1)]).unwrap_err().contains("more than 16384"));
        assert!(wide(vec![span(0, u32::MAX)]).is_err());
        assert!(wide(vec![span(0, 1), span(-1, 1)]).unwrap_err().contains("overlap"));
        assert!(native(&Histogram { schema: Some(-53), ..Histogram::default() }, &mut { ROOM }).is_err());
        let gap = Histogram { positive_span: vec![span(0, 1), span(9, 1)], ..Histogram::default() };
        assert!(native(&gap, &mut 5).unwrap_err().contains("too many empty"));
        // Counts that are missing are none.
        assert_eq!(wide(vec![span(i32::MIN, 2)]).unwrap().positive.counts, [0, 0]);
    }
}
