//! How long requests took: an HDR histogram. The one file that knows its crate.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies in microseconds, each with as many significant digits as were asked for.
#[derive(Clone, Debug)]
pub struct Latency(Option<Histogram<u64>>);

impl Latency {
    /// No latencies yet; each is kept with `digits` significant digits, of which there are 1 to 5.
    pub(super) fn new(digits: u8) -> Latency {
        Latency(Histogram::new(digits).ok())
    }

    pub(super) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        if let Some(histogram) = &mut self.0 {
            // It grows as it needs to.
            let _ = histogram.record(micros.clamp(1, LONGEST_MICROS));
        }
    }

    /// Adds those of `other`.
    pub(super) fn add(&mut self, other: &Latency) {
        if let (Some(histogram), Some(other)) = (&mut self.0, &other.0) {
            // It grows as it needs to.
            let _ = histogram.add(other);
        }
    }

    pub(super) fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The latency that this share of the requests did not exceed; nothing where there are none.
    pub fn at(&self, quantile: f64) -> Option<Duration> {
        self.read(|histogram| histogram.value_at_quantile(quantile))
    }

    /// The shortest.
    pub fn shortest(&self) -> Option<Duration> {
        self.read(Histogram::min)
    }

    /// The longest.
    pub fn longest(&self) -> Option<Duration> {
        self.read(Histogram::max)
    }

    /// The mean.
    pub fn mean(&self) -> Option<Duration> {
        self.read(|histogram| histogram.mean().round() as u64)
    }

    fn read(&self, read: impl Fn(&Histogram<u64>) -> u64) -> Option<Duration> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        Some(Duration::from_micros(read(histogram)))
    }
}

/// A day: more is no latency, but would make the histogram large.
const LONGEST_MICROS: u64 = 86_400_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latency = Latency::new(3);
        assert_eq!((latency.at(0.5), latency.longest()), (None, None));
        (1..=1000).for_each(|millis| latency.record(Duration::from_millis(millis)));
        let mut sum = Latency::new(2);
        sum.add(&latency);
        let near = |found: Option<Duration>, millis: u64, percent: u64| {
            let (found, millis) = (found.unwrap_or_default().as_micros() as u64, millis * 1000);
            assert!(found.abs_diff(millis) <= millis * percent / 100, "{found} is not about {millis}");
        };
        near(latency.at(0.5), 500, 1);
        near(latency.at(0.99), 990, 1);
        near(latency.longest(), 1000, 1);
        near(sum.at(0.999), 999, 2);
        assert_eq!(sum.count(), 1000);
        latency.clear();
        latency.record(Duration::MAX);
        assert_eq!(latency.count(), 1);
    }
}
