//! How many bytes of large bodies are read at a time over HTTP/1.1: when all clients send at once, as after an outage or into
//! one, most of what they send waits in their sockets, not in this program's memory. In HTTP/2 the windows see to that.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::flow::worker_count;
use crate::units::ByteCount;

/// The turns of one receiver's requests. They bound the memory that clients take which send fast; one that sends slowly
/// loses its turn after [`LONGEST_TURN`], and nobody waits for more than [`LONGEST_WAIT`].
#[derive(Debug)]
pub(super) struct Turns {
    at_once: ByteCount,
    left: Semaphore,
}

/// What a body has of that while it is read; nothing where it needs none, or has waited for too long.
pub(super) struct Turn<'a>(Option<SemaphorePermit<'a>>);

impl Turns {
    /// As many bytes at a time as keep all cores busy.
    pub(super) fn new() -> Turns {
        let cores = worker_count().clamp(2, MOST_CORES) as u64;
        Turns::of(ByteCount(EACH_CORE.0 * cores))
    }

    pub(super) fn of(at_once: ByteCount) -> Turns {
        Turns { at_once, left: Semaphore::new(kib(at_once) as usize) }
    }

    /// Waits until a body of `length`, where that is known, is to be read.
    pub(super) async fn wait(&self, length: Option<ByteCount>) -> Turn<'_> {
        let length = length.unwrap_or(UNKNOWN);
        if length < LARGE {
            return Turn(None);
        }
        // A largest one must not have to wait for all others to end.
        let share = kib(length.min(ByteCount(self.at_once.0 / 2)));
        Turn(match self.left.try_acquire_many(share) {
            Ok(turn) => Some(turn),
            // The semaphore is never closed.
            Err(_) => timeout(LONGEST_WAIT, self.left.acquire_many(share)).await.ok().and_then(Result::ok),
        })
    }
}

impl Turn<'_> {
    /// What `reading` comes to, whose turn this is.
    pub(super) async fn read<R: Future>(self, reading: R) -> R::Output {
        let Turn(Some(turn)) = self else { return reading.await };
        let mut reading = pin!(reading);
        if let Ok(read) = timeout(LONGEST_TURN, &mut reading).await {
            return read;
        }
        drop(turn);
        reading.await
    }
}

fn kib(bytes: ByteCount) -> u32 {
    u32::try_from(bytes.0 >> 10).unwrap_or(u32::MAX)
}

/// Bodies that are smaller need no turn.
const LARGE: ByteCount = ByteCount(32 << 10);

/// Some milliseconds' work.
const EACH_CORE: ByteCount = ByteCount::mib(4);

const MOST_CORES: usize = 1024;

/// What is taken of a body of which nobody knows how long it is.
const UNKNOWN: ByteCount = ByteCount(64 << 10);

const LONGEST_TURN: Duration = Duration::from_millis(250);

const LONGEST_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::future::pending;

    use futures_util::poll;
    use tokio::time::Instant;

    use super::*;

    fn is_one(turn: &Turn<'_>) -> bool {
        turn.0.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_take_turns_and_small_ones_need_none() {
        let turns = Turns::of(ByteCount::mib(16));
        let first = (turns.wait(Some(ByteCount::mib(7))).await, turns.wait(Some(ByteCount::mib(7))).await);
        assert!(is_one(&first.0) && is_one(&first.1));
        assert!(!is_one(&turns.wait(Some(ByteCount((32 << 10) - 1))).await));
        let mut next = pin!(turns.wait(Some(ByteCount::mib(3))));
        assert!(poll!(&mut next).is_pending());
        drop(first);
        assert!(is_one(&next.await));
    }

    #[tokio::test(start_paused = true)]
    async fn of_the_largest_two_are_read_at_a_time() {
        let turns = Turns::of(ByteCount::mib(16));
        let both = (turns.wait(Some(ByteCount(u64::MAX))).await, turns.wait(Some(ByteCount::mib(64))).await);
        assert!(is_one(&both.0) && is_one(&both.1));
        assert!(poll!(pin!(turns.wait(None))).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_slowly_loses_its_turn_and_is_read_all_the_same() {
        let turns = Turns::of(ByteCount::mib(1));
        let slow = turns.wait(Some(ByteCount::mib(1))).await;
        let other = turns.wait(Some(ByteCount::mib(1))).await;
        let mut reading = pin!(slow.read(async {
            tokio::time::sleep(LONGEST_TURN * 4).await;
            "read"
        }));
        assert!(poll!(&mut reading).is_pending());
        let began = Instant::now();
        let (read, next) = tokio::join!(reading, async {
            let next = turns.wait(Some(ByteCount::mib(1))).await;
            (is_one(&next), began.elapsed())
        });
        assert_eq!(read, "read");
        assert!(next.0 && next.1 < LONGEST_TURN * 2, "{next:?}");
        drop(other);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let turns = Turns::of(ByteCount::mib(1));
        let both = (turns.wait(Some(ByteCount::mib(1))).await, turns.wait(Some(ByteCount::mib(1))).await);
        assert!(!is_one(&turns.wait(Some(ByteCount::mib(1))).await));
        let reading = timeout(LONGEST_WAIT, both.0.read(pending::<()>())).await;
        assert!(reading.is_err());
    }
}
