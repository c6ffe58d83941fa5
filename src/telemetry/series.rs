//! What a metric is while it is written to: counters split by worker thread, gauges and histograms, all lock-free.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::proto;

use crate::flow::{worker_count, worker_index};

/// A number that only grows. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct Counter(Arc<[Shard]>);

/// A number that goes up and down. Cheap to clone; clones share the number.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicU64>);

/// Counts values by size. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Buckets>);

/// One worker's part of a counter, alone on its cache line (and on the neighbour that is fetched with it).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(AtomicU64);

#[derive(Debug)]
struct Buckets {
    bounds: &'static [f64],
    /// One more than there are bounds: the last is for all that is larger.
    counts: Box<[AtomicU64]>,
    sum: Gauge,
}

impl Counter {
    pub(super) fn new() -> Counter {
        Counter((0..worker_count()).map(|_| Shard::default()).collect())
    }

    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.0[worker_index() % self.0.len()].0.fetch_add(n, Ordering::Relaxed);
    }

    /// What has been counted by all workers.
    pub fn get(&self) -> u64 {
        self.0.iter().map(|shard| shard.0.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl Gauge {
    /// From now on it is `value`.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Adds `by`, which may be negative.
    pub fn add(&self, by: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + by).to_bits());
        // The closure never declines, so neither does the update.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }

    /// What it is.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram(Arc::new(Buckets { bounds, counts, sum: Gauge::default() }))
    }

    /// Counts `value` in the first bucket whose bound is not below it.
    pub fn observe(&self, value: f64) {
        let bucket = self.0.bounds.partition_point(|&bound| bound < value);
        self.0.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.sum.add(value);
    }

    pub(super) fn sample(&self) -> proto::Histogram {
        let mut sample = proto::Histogram::default();
        let mut seen = 0;
        let mut buckets = Vec::with_capacity(self.0.bounds.len());
        for (bound, count) in self.0.bounds.iter().zip(&self.0.counts) {
            seen += count.load(Ordering::Relaxed);
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(seen);
            buckets.push(bucket);
        }
        let beyond = self.0.counts.last().map_or(0, |count| count.load(Ordering::Relaxed));
        sample.set_bucket(buckets);
        sample.set_sample_count(seen + beyond);
        sample.set_sample_sum(self.0.sum.get());
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_many_threads_add_up() {
        let counter = Counter::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| counter.add(2)));
            }
        });
        assert_eq!(counter.get(), 8000);
    }

    #[test]
    fn a_value_on_a_bound_counts_below_it() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        [0.5, 1.0, 2.0, 3.0].into_iter().for_each(|value| histogram.observe(value));
        let sample = histogram.sample();
        let cumulative: Vec<u64> = sample.get_bucket().iter().map(proto::Bucket::cumulative_count).collect();
        assert_eq!((cumulative, sample.get_sample_count(), sample.get_sample_sum()), (vec![2, 3], 4, 6.5));
    }
}
