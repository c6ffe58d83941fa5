//! How many bytes of telemetry the relay may hold in memory, when nobody sets a limit.

use crate::memory;
use crate::units::ByteCount;

/// The share of the cgroup's or machine's memory that payloads may take, in percent. What is held is the received
/// bytes; an export in flight needs room for its compressed copy beside them, and the process for itself.
const SHARE: u64 = 40;

/// The bound on bytes held in memory.
pub(super) fn default_budget() -> ByteCount {
    ByteCount(memory::available().0 / 100 * SHARE)
}
