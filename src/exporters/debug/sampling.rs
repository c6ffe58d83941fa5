//! Which requests the debug exporter shows: the first of each second, and one in so many of the rest.
//!
//! The Collector samples lines by their text, so that under load it shows blocks without their summaries. Here a
//! request is shown whole or not at all.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Counts the requests of each second.
#[derive(Debug)]
pub(super) struct Sampler {
    initial: u64,
    thereafter: Option<NonZeroU64>,
    second: Mutex<Option<(Instant, u64)>>,
}

impl Sampler {
    /// Of each second `initial` requests are shown, and then one in `thereafter`; none of them where it is nothing or 0.
    pub(super) fn new(initial: u64, thereafter: Option<u64>) -> Sampler {
        Sampler { initial, thereafter: thereafter.and_then(NonZeroU64::new), second: Mutex::new(None) }
    }

    /// Whether the request that came now is shown.
    pub(super) fn shows(&self) -> bool {
        let now = Instant::now();
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, count) = second.filter(|(began, _)| now < *began + SECOND).unwrap_or((now, 0));
        *second = Some((began, count + 1));
        match count.checked_sub(self.initial) {
            None => true,
            Some(excess) => self.thereafter.is_some_and(|every| (excess + 1) % every == 0),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(initial: u64, thereafter: Option<u64>, expected: &[u64]) {
        let sampler = Sampler::new(initial, thereafter);
        for second in 0..2 {
            let shown: Vec<u64> = (1..=8).filter(|_| sampler.shows()).collect();
            assert_eq!(shown, expected, "second {second}");
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
