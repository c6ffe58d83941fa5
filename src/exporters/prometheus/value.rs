//! What a series holds, and how values of delta temporality add up.

use std::collections::BTreeMap;

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Of a counter or a gauge.
    Int(i64),
    /// Of a counter or a gauge.
    Double(f64),
    /// With the bounds that its sender chose.
    Histogram(Histogram),
    /// With bounds at powers of a base.
    Exponential(Exponential),
    /// Quantiles that its sender has worked out.
    Summary(Summary),
}

/// A histogram: `counts` has one more than `bounds`, which are increasing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    pub(super) bounds: Vec<f64>,
    pub(super) counts: Vec<u64>,
    pub(super) sum: Option<f64>,
}

/// An exponential histogram. Buckets are known by the index that OTLP gives them: `base ^ index` is the lower bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Exponential {
    pub(super) scale: i32,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: u64,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
}

/// Buckets that are not empty: what is in between costs nothing, however far they are apart.
pub(super) type Buckets = BTreeMap<i64, u64>;

/// A summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Increasing, each with its value.
    pub(super) quantiles: Vec<(f64, f64)>,
}

/// Why a point cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfit(pub(super) &'static str);

impl Value {
    /// This and what came since. None where the two cannot be added: then what came is all that is known.
    pub(super) fn plus(&self, since: &Value) -> Option<Value> {
        Some(match (self, since) {
            (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
                Value::Double(self.as_number()? + since.as_number()?)
            }
            (Value::Histogram(a), Value::Histogram(b)) if a.bounds == b.bounds => Value::Histogram(a.plus(b)),
            (Value::Exponential(a), Value::Exponential(b)) => Value::Exponential(a.plus(b).ok()?),
            _ => return None,
        })
    }

    /// The number, where it is one.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Double(number) => Some(*number),
            Value::Histogram(_) | Value::Exponential(_) | Value::Summary(_) => None,
        }
    }
}

impl Histogram {
    /// # Errors
    /// When bounds and counts do not fit together.
    pub(super) fn new(bounds: Vec<f64>, counts: Vec<u64>, count: u64, sum: Option<f64>) -> Result<Histogram, Unfit> {
        if counts.is_empty() && bounds.is_empty() {
            return Ok(Histogram { bounds, counts: vec![count], sum });
        }
        if counts.len() != bounds.len() + 1 {
            return Err(Unfit("a histogram has one bucket more than bounds"));
        }
        if bounds.iter().any(|bound| bound.is_nan()) || bounds.windows(2).any(|pair| pair[1] <= pair[0]) {
            return Err(Unfit("the bounds of a histogram increase"));
        }
        Ok(Histogram { bounds, counts, sum }.without_last_infinity())
    }

    /// A bound at infinity is that of the last bucket anyway.
    fn without_last_infinity(mut self) -> Histogram {
        if self.bounds.last() == Some(&f64::INFINITY) {
            self.bounds.pop();
            let beyond = self.counts.pop().unwrap_or_default();
            if let Some(last) = self.counts.last_mut() {
                *last = last.saturating_add(beyond);
            }
        }
        self
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The upper bound of each bucket, with the count of everything up to it.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.counts).scan(0_u64, |sum, (bound, count)| {
            *sum = sum.saturating_add(*count);
            Some((bound, *sum))
        })
    }

    fn plus(&self, since: &Histogram) -> Histogram {
        let counts = self.counts.iter().zip(&since.counts).map(|(a, b)| a.saturating_add(*b)).collect();
        Histogram { bounds: self.bounds.clone(), counts, sum: added(self.sum, since.sum) }
    }
}

impl Exponential {
    /// At a scale that Prometheus knows, from -4 to 8, and with no more buckets than it is worth.
    ///
    /// # Errors
    /// When it is coarser than that.
    pub(super) fn fitted(mut self) -> Result<Exponential, Unfit> {
        if self.scale < MIN_SCALE {
            return Err(Unfit("the scale of an exponential histogram is -4 at least in Prometheus"));
        }
        self.coarsen(self.scale.min(MAX_SCALE));
        while MAX_BUCKETS < self.positive.len() + self.negative.len() {
            if self.scale == MIN_SCALE {
                return Err(Unfit("the exponential histogram has too many buckets"));
            }
            self.coarsen(self.scale - 1);
        }
        Ok(self)
    }

    fn plus(&self, since: &Exponential) -> Result<Exponential, Unfit> {
        let (mut sum, mut since) = (self.clone(), since.clone());
        let scale = sum.scale.min(since.scale);
        sum.coarsen(scale);
        since.coarsen(scale);
        for (all, new) in [(&mut sum.positive, &since.positive), (&mut sum.negative, &since.negative)] {
            for (index, count) in new {
                let known = all.entry(*index).or_default();
                *known = known.saturating_add(*count);
            }
        }
        sum.zero_threshold = sum.zero_threshold.max(since.zero_threshold);
        sum.zero_count = sum.zero_count.saturating_add(since.zero_count);
        sum.count = sum.count.saturating_add(since.count);
        sum.sum = added(sum.sum, since.sum);
        sum.fitted()
    }

    /// Down to `scale`: each step joins pairs of buckets.
    fn coarsen(&mut self, scale: i32) {
        let steps = self.scale.saturating_sub(scale);
        if steps <= 0 {
            return;
        }
        // An index has 32 bits: more steps than that change nothing.
        let steps = steps.min(63);
        for buckets in [&mut self.positive, &mut self.negative] {
            let mut coarse = Buckets::new();
            for (index, count) in std::mem::take(buckets) {
                let known = coarse.entry(index >> steps).or_default();
                *known = known.saturating_add(count);
            }
            *buckets = coarse;
        }
        self.scale = scale;
    }
}

/// The buckets that are not empty, of those that begin at `offset`.
pub(super) fn buckets(offset: i32, counts: &[u64]) -> Buckets {
    let indexed = counts.iter().zip(i64::from(offset)..).filter(|(count, _)| **count != 0);
    indexed.map(|(count, index)| (index, *count)).collect()
}

/// A sum is known where both parts are.
fn added(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? + b?)
}

const MIN_SCALE: i32 = -4;

const MAX_SCALE: i32 = 8;

/// Eight times what SDKs send at most.
const MAX_BUCKETS: usize = 1280;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn exponential(scale: i32, offset: i32, counts: &[u64]) -> Exponential {
        let count = counts.iter().sum();
        Exponential { scale, positive: buckets(offset, counts), count, sum: Some(1.0), ..Exponential::default() }
    }

    #[test]
    fn buckets_of_finer_scales_are_joined() {
        let fine = exponential(10, -3, &[1, 2, 3, 4, 5]).fitted().unwrap();
        assert_eq!((fine.scale, fine.positive), (8, [(-1, 6), (0, 9)].into()));
        assert!(exponential(-5, 0, &[1]).fitted().is_err());
    }

    #[test]
    fn histograms_of_different_scales_add_up() {
        let sum = Value::Exponential(exponential(1, 0, &[1, 1])).plus(&Value::Exponential(exponential(0, 1, &[5])));
        let Some(Value::Exponential(sum)) = sum else { panic!("{sum:?}") };
        assert_eq!((sum.scale, sum.positive, sum.count, sum.sum), (0, [(0, 2), (1, 5)].into(), 7, Some(2.0)));
    }

    #[test]
    fn buckets_far_apart_cost_no_more_than_near_ones() {
        let near = Value::Exponential(exponential(8, i32::MIN, &[1]));
        let Some(Value::Exponential(sum)) = near.plus(&Value::Exponential(exponential(8, i32::MAX, &[1]))) else {
            panic!("they add up");
        };
        assert_eq!(sum.positive.len(), 2);
    }

    #[test]
    fn bounds_and_counts_fit_together() {
        let new = |bounds: &[f64], counts: &[u64]| Histogram::new(bounds.to_vec(), counts.to_vec(), 7, None);
        assert_eq!(new(&[], &[]).unwrap().counts, [7]);
        assert_eq!(new(&[1.0, f64::INFINITY], &[1, 2, 3]).unwrap().counts, [1, 5]);
        for (bounds, counts) in [(&[1.0][..], &[1][..]), (&[2.0, 1.0], &[1, 1, 1]), (&[f64::NAN], &[1, 1])] {
            assert!(new(bounds, counts).is_err(), "{bounds:?}");
        }
        let cumulative: Vec<_> = new(&[1.0, 2.0], &[1, 2, 3]).unwrap().cumulative().collect();
        assert_eq!(cumulative, [(1.0, 1), (2.0, 3), (f64::INFINITY, 6)]);
    }

    #[test]
    fn other_bounds_begin_anew() {
        let histogram = |bound| Value::Histogram(Histogram::new(vec![bound], vec![1, 1], 2, None).unwrap());
        assert!(histogram(1.0).plus(&histogram(1.0)).is_some());
        assert!(histogram(1.0).plus(&histogram(2.0)).is_none());
        assert_eq!(Value::Int(i64::MAX).plus(&Value::Int(1)), Some(Value::Int(i64::MAX)));
        assert_eq!(Value::Int(1).plus(&Value::Double(0.5)), Some(Value::Double(1.5)));
    }
}
