//! Chance that repeats: the numbers of a request depend on the seed and on how many requests came before it.

use std::time::Duration;

/// Deals the numbers of one request.
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    /// The dice of the request that is the `turn`-th since `seed` was set.
    pub(super) fn of(seed: u64, turn: u64) -> Dice {
        // Neighbouring turns are spread over all seeds: their first numbers must have nothing to do with each other.
        let mut spread = fastrand::Rng::with_seed(turn.wrapping_mul(GOLDEN) ^ seed.rotate_left(32));
        Dice(fastrand::Rng::with_seed(spread.u64(..)))
    }

    /// A number from 0 up to, and without, 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0.f64()
    }
}

/// How long answers are made to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Anything in between is as likely.
    Uniform { least: Duration, most: Duration },
    /// Around the mean, both ways; never below zero.
    Normal { mean: Duration, deviation: Duration },
    /// As times between unrelated events are.
    Exponential { mean: Duration },
    /// Mostly close to the least, at times far above it: the smaller the shape, the farther.
    Pareto { least: Duration, shape: f64 },
}

impl Latency {
    /// One latency, [`LONGEST`] at most.
    pub(super) fn draw(self, dice: &mut Dice) -> Duration {
        // From 0, which has no logarithm, the share is kept away.
        let mut share = || 1.0 - dice.share();
        let seconds = match self {
            Latency::Fixed(length) => return length.min(LONGEST),
            Latency::Uniform { least, most } => {
                least.as_secs_f64() + share() * most.saturating_sub(least).as_secs_f64()
            }
            Latency::Normal { mean, deviation } => {
                // Box and Muller.
                let (radius, turn) = ((-2.0 * share().ln()).sqrt(), std::f64::consts::TAU * share());
                mean.as_secs_f64() + deviation.as_secs_f64() * radius * turn.cos()
            }
            Latency::Exponential { mean } => -share().ln() * mean.as_secs_f64(),
            Latency::Pareto { least, shape } => least.as_secs_f64() * share().powf(-1.0 / shape),
        };
        Duration::try_from_secs_f64(seconds.max(0.0)).map_or(LONGEST, |length| length.min(LONGEST))
    }
}

/// No latency is longer.
pub(super) const LONGEST: Duration = Duration::from_secs(300);

/// 2^64 by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u64 = 20_000;

    #[test]
    fn shares_are_spread_evenly_and_repeat() {
        for seed in [0, 1, u64::MAX] {
            let shares: Vec<f64> = (0..COUNT).map(|turn| Dice::of(seed, turn).share()).collect();
            let below = shares.iter().filter(|share| **share < 0.05).count() as f64 / COUNT as f64;
            assert!((0.04..0.06).contains(&below), "{seed}: {below}");
            assert_eq!(shares[7], Dice::of(seed, 7).share());
        }
    }

    fn mean(latency: Latency) -> f64 {
        let total: f64 = (0..COUNT).map(|turn| latency.draw(&mut Dice::of(3, turn)).as_secs_f64()).sum();
        total / COUNT as f64
    }

    #[test]
    fn latencies_have_the_mean_that_they_are_asked_for() {
        let ms = Duration::from_millis;
        for (latency, expected) in [
            (Latency::Fixed(ms(20)), 0.020),
            (Latency::Uniform { least: ms(10), most: ms(50) }, 0.030),
            (Latency::Normal { mean: ms(20), deviation: ms(2) }, 0.020),
            (Latency::Exponential { mean: ms(20) }, 0.020),
            // shape / (shape - 1) times the least
            (Latency::Pareto { least: ms(10), shape: 3.0 }, 0.015),
        ] {
            let found = mean(latency);
            assert!((found / expected - 1.0).abs() < 0.05, "{latency:?}: {found}");
        }
    }

    #[test]
    fn no_latency_is_beyond_the_longest() {
        let far = Latency::Pareto { least: Duration::from_secs(1), shape: 1e-9 };
        assert!((0..100).all(|turn| far.draw(&mut Dice::of(0, turn)) <= LONGEST));
    }
}
