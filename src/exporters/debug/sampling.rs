//! Which log entries the debug exporter writes: of each message the first few of a second, and one in so many of the
//! rest, as the Collector's logger does (zap's sampler).

use std::fmt::{self, Display, Write};
use std::hash::{DefaultHasher, Hasher};
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Counts how often each message occurs in a second.
#[derive(Debug)]
pub(super) struct Sampler(Option<Counters>);

#[derive(Debug)]
struct Counters {
    initial: u64,
    thereafter: Option<NonZeroU64>,
    /// By the hash of the message. A few messages may share a counter, as in zap: memory stays bounded.
    slots: Mutex<Box<[Slot]>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// When the second ends; nothing before the first message.
    until: Option<Instant>,
    count: u64,
}

impl Sampler {
    /// Of each message and second `initial` are written, and then one in `thereafter`: none of them where it is nothing
    /// or 0.
    pub(super) fn new(initial: u64, thereafter: Option<u64>) -> Sampler {
        let thereafter = thereafter.and_then(NonZeroU64::new);
        if thereafter == Some(NonZeroU64::MIN) {
            return Sampler(None);
        }
        let slots = Mutex::new(vec![Slot::default(); SLOTS].into());
        Sampler(Some(Counters { initial, thereafter, slots }))
    }

    /// Whether `message`, which comes now, is written. Where everything is, it is not even looked at.
    pub(super) fn shows(&self, message: &dyn Display) -> bool {
        self.0.as_ref().is_none_or(|counters| counters.shows(message))
    }
}

impl Counters {
    fn shows(&self, message: &dyn Display) -> bool {
        let mut hashing = Hashing(DefaultHasher::new());
        // A message that cannot be written to its end counts by its beginning.
        let _ = write!(hashing, "{message}");
        let index = usize::try_from(hashing.0.finish() % SLOTS as u64).unwrap_or(0);
        let now = Instant::now();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut slots[index];
        if slot.until.is_none_or(|until| until <= now) {
            *slot = Slot { until: Some(now + SECOND), count: 0 };
        }
        slot.count += 1;
        match slot.count.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(excess) => self.thereafter.is_some_and(|every| excess % every == 0),
        }
    }
}

/// Takes a text in without keeping it.
struct Hashing(DefaultHasher);

impl Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

const SECOND: Duration = Duration::from_secs(1);
const SLOTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(initial: u64, thereafter: Option<u64>, expected: &[u64]) {
        let sampler = Sampler::new(initial, thereafter);
        for second in 0..2 {
            for message in ["Traces", "Metrics"] {
                let shown: Vec<u64> = (1..=8).filter(|_| sampler.shows(&message)).collect();
                assert_eq!(shown, expected, "{message} in second {second}");
            }
            tokio::time::advance(SECOND).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_of_a_second_are_shown_and_then_one_in_so_many() {
        check(2, Some(1), &[1, 2, 3, 4, 5, 6, 7, 8]).await;
        check(2, Some(3), &[1, 2, 5, 8]).await;
        check(3, None, &[1, 2, 3]).await;
        check(0, None, &[]).await;
        check(0, Some(4), &[4, 8]).await;
    }
}
