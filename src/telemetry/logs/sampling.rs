//! Which of many equal lines are written: in each tick the first few of a level and message, then one in so many.
//!
//! Zap's rule with zap's bound on memory: messages share a fixed number of counters by their hash.

use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::config::LogSampling;
use crate::telemetry::clock::Moment;

use super::MESSAGE;

/// Decides line by line.
#[derive(Debug)]
pub(super) struct Sampler {
    settings: LogSampling,
    counters: Box<[Counter]>,
}

#[derive(Debug, Default)]
struct Counter {
    /// When counting starts again, in nanoseconds of Unix time.
    until: AtomicU64,
    seen: AtomicU64,
}

impl Sampler {
    pub(super) fn new(settings: LogSampling) -> Sampler {
        Sampler { settings, counters: (0..COUNTERS).map(|_| Counter::default()).collect() }
    }

    /// Whether `event`, which happens at `now`, is written.
    pub(super) fn passes(&self, event: &Event<'_>, now: Moment) -> bool {
        let mut hash = MessageHash(DefaultHasher::new());
        event.metadata().level().to_string().hash(&mut hash.0);
        event.record(&mut hash);
        self.passes_as(hash.0.finish(), now)
    }

    fn passes_as(&self, hash: u64, now: Moment) -> bool {
        let LogSampling { tick, initial, thereafter } = self.settings;
        let Some(counter) = self.counters.get(usize::try_from(hash % COUNTERS).unwrap_or_default()) else {
            return true;
        };
        let nth = counter.count(now.unix_nanos(), u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX));
        nth <= initial || (thereafter != 0 && (nth - initial) % thereafter == 0)
    }
}

impl Counter {
    /// Counts one more in this tick, and says how many there are now.
    fn count(&self, now: u64, tick: u64) -> u64 {
        let until = self.until.load(Ordering::Acquire);
        if now < until {
            return self.seen.fetch_add(1, Ordering::AcqRel) + 1;
        }
        let next = now.saturating_add(tick);
        match self.until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.seen.store(1, Ordering::Release);
                1
            }
            // Another thread has begun the tick.
            Err(_) => self.seen.fetch_add(1, Ordering::AcqRel) + 1,
        }
    }
}

/// Hashes the message and nothing else.
struct MessageHash(DefaultHasher);

impl Visit for MessageHash {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            // Writing to a hash cannot fail.
            let _ = write!(Text(&mut self.0), "{value:?}");
        }
    }
}

struct Text<'a>(&'a mut DefaultHasher);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// As many as zap has for each level.
const COUNTERS: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(initial: u64, thereafter: u64, lines: u64, expected: &[u64]) {
        let sampler = Sampler::new(LogSampling { tick: Duration::from_secs(10), initial, thereafter });
        for tick in [100, 110, 120] {
            let now = Moment::from_unix_nanos(tick * 1_000_000_000);
            let passed: Vec<u64> = (1..=lines).filter(|_| sampler.passes_as(7, now)).collect();
            assert_eq!(passed, expected, "{initial} {thereafter} at {tick}");
        }
        assert_eq!(sampler.passes_as(8, Moment::from_unix_nanos(0)), initial != 0);
    }

    #[test]
    fn the_first_pass_and_then_one_in_so_many_in_each_tick() {
        check(2, 3, 9, &[1, 2, 5, 8]);
        check(2, 0, 9, &[1, 2]);
        check(0, 4, 9, &[4, 8]);
        check(1, 1, 4, &[1, 2, 3, 4]);
    }
}
