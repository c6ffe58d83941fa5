//! How many bytes of large bodies are read at a time over HTTP/1.1: when all clients send at once, as after an outage or into
//! one, most of what they send waits in their sockets, not in this program's memory. In HTTP/2 the windows see to that.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::units::ByteCount;

/// The turns of one receiver's requests. A client that sends slowly holds up others for [`LONGEST`] at most.
#[derive(Debug)]
pub(super) struct Turns {
    at_once: ByteCount,
    left: Semaphore,
}

/// What a body has of that while it is read.
pub(super) type Turn<'a> = Option<SemaphorePermit<'a>>;

impl Turns {
    /// As many bytes at a time as keep all cores busy.
    pub(super) fn new() -> Turns {
        let cores = thread::available_parallelism().map_or(1, NonZero::get) as u64;
        Turns::of(ByteCount(EACH_CORE.0 * cores.clamp(2, MOST_CORES)))
    }

    fn of(at_once: ByteCount) -> Turns {
        Turns { at_once, left: Semaphore::new(kib(at_once) as usize) }
    }

    /// Waits until a body of `length` is to be read. It is read without a turn where it is small, or has waited long.
    pub(super) async fn wait(&self, length: ByteCount) -> Turn<'_> {
        if length < LARGE {
            return None;
        }
        let share = kib(length.min(self.at_once));
        match self.left.try_acquire_many(share) {
            Ok(turn) => Some(turn),
            // The semaphore is never closed.
            Err(_) => tokio::time::timeout(LONGEST, self.left.acquire_many(share)).await.ok()?.ok(),
        }
    }
}

fn kib(bytes: ByteCount) -> u32 {
    u32::try_from(bytes.0 >> 10).unwrap_or(u32::MAX)
}

/// Bodies that are smaller need no turn.
const LARGE: ByteCount = ByteCount(32 << 10);

/// Some milliseconds' work.
const EACH_CORE: ByteCount = ByteCount::mib(4);

const MOST_CORES: u64 = 1024;

const LONGEST: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures_util::poll;
    use std::pin::pin;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn large_bodies_take_turns_and_small_ones_need_none() {
        let turns = Turns::of(ByteCount::mib(16));
        let first = turns.wait(ByteCount::mib(10)).await;
        assert!(first.is_some());
        assert!(turns.wait(ByteCount(32 << 10) - ByteCount(1)).await.is_none());
        let mut second = pin!(turns.wait(ByteCount::mib(10)));
        assert!(poll!(&mut second).is_pending());
        drop(first);
        assert!(second.await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_larger_than_all_of_it_takes_all_of_it() {
        let turns = Turns::of(ByteCount::mib(16));
        let first = turns.wait(ByteCount::mib(64)).await;
        assert!(first.is_some());
        assert!(poll!(pin!(turns.wait(ByteCount(32 << 10)))).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_those_who_send_slowly() {
        let turns = Turns::of(ByteCount::mib(16));
        let _slow = turns.wait(ByteCount::mib(16)).await;
        let began = Instant::now();
        assert!(turns.wait(ByteCount::mib(1)).await.is_none());
        assert!(began.elapsed() < LONGEST * 2);
    }
}
