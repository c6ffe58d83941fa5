//! How many bytes of telemetry the relay may hold in memory, when nobody sets a limit; and that it gives back what it no
//! longer uses.

use std::time::Duration;

use tokio::time::sleep;

use crate::flow::Lifetime;
use crate::memory;
use crate::units::ByteCount;

/// The share of the cgroup's or machine's memory that payloads may take, in percent. What is held is the received
/// bytes; an export in flight needs room for its compressed copy beside them, and the process for itself.
const SHARE: u64 = 40;

/// The bound on bytes held in memory.
pub(super) fn default_budget() -> ByteCount {
    ByteCount(memory::available().0 / 100 * SHARE)
}

/// Has the allocator give back what has been free, as long as there is an intake. By itself it does so only while it is
/// asked for memory: what a burst leaves behind would stay until the next one.
pub(super) fn tend(lifetime: &Lifetime) {
    let Some(allocator) = memory::allocator() else { return };
    let lives = lifetime.clone();
    lifetime.spawn("memory upkeep", async move {
        let tending = async {
            loop {
                sleep(EVERY).await;
                if allocator.allocated().is_some_and(|allocated| MUCH < allocated.free) {
                    allocator.release();
                }
            }
        };
        tokio::select! {
            () = lives.intake_ended() => {}
            () = tending => {}
        }
    });
}

const EVERY: Duration = Duration::from_secs(5);

/// Less is worth keeping for what comes next.
const MUCH: ByteCount = ByteCount::mib(8);
