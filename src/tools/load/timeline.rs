//! How did it go over time? A hundred or so points, however long it takes.

use std::time::Duration;

use super::latency::Latency;
use super::tally::Tally;
use crate::units::Items;

/// The course of a run, in points of equal length.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// How long a point is.
    pub step: Duration,
    /// The points, one after the other from the beginning.
    pub points: Vec<Point>,
}

/// What happened in one stretch of time.
#[derive(Clone, Debug)]
pub struct Point {
    /// Requests that the peer took.
    pub accepted: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Items of both.
    pub items: Items,
    /// The latency of those that were taken.
    pub latency: Latency,
}

impl Timeline {
    pub(super) fn new() -> Timeline {
        Timeline { step: FIRST_STEP, points: Vec::new() }
    }

    /// Adds what came in by `elapsed`, since the last time.
    pub(super) fn add(&mut self, elapsed: Duration, tally: &Tally) {
        let mut at = place(elapsed, self.step);
        while MOST_POINTS <= at {
            let mut pairs = std::mem::take(&mut self.points).into_iter();
            while let Some(mut point) = pairs.next() {
                pairs.next().iter().for_each(|second| point.add(second));
                self.points.push(point);
            }
            self.step *= 2;
            at = place(elapsed, self.step);
        }
        while self.points.len() <= at {
            self.points.push(Point::new());
        }
        if let Some(point) = self.points.get_mut(at) {
            let latency = tally.latency.clone();
            point.add(&Point { accepted: tally.accepted, failed: tally.failed, items: tally.items().sent, latency });
        }
    }
}

impl Point {
    pub(super) fn new() -> Point {
        Point { accepted: 0, failed: 0, items: Items::ZERO, latency: Latency::new(ROUGH) }
    }

    pub(super) fn add(&mut self, other: &Point) {
        self.accepted += other.accepted;
        self.failed += other.failed;
        self.items += other.items;
        self.latency.add(&other.latency);
    }
}

fn place(elapsed: Duration, step: Duration) -> usize {
    usize::try_from(elapsed.as_nanos() / step.as_nanos().max(1)).unwrap_or(usize::MAX)
}

const FIRST_STEP: Duration = Duration::from_millis(100);
const MOST_POINTS: usize = 120;
/// Significant digits of what is only plotted.
const ROUGH: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_longer_points_and_loses_nothing() {
        let mut timeline = Timeline::new();
        let mut tally = Tally::new();
        tally.accepted = 3;
        for second in 0..3600 {
            timeline.add(Duration::from_secs(second), &tally);
        }
        assert!(timeline.points.len() <= MOST_POINTS, "{}", timeline.points.len());
        assert!(Duration::from_secs(3600) <= timeline.step * timeline.points.len() as u32);
        assert_eq!(timeline.points.iter().map(|point| point.accepted).sum::<u64>(), 3 * 3600);
    }
}
