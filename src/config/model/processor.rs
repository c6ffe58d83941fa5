//! `processors`

use std::time::Duration;

use super::Attributes;
use crate::units::{ByteCount, Items};

/// `processors::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Processor {
    /// `batch`
    Batch(Batch),
    /// `memory_limiter`
    MemoryLimiter(MemoryLimiter),
    /// `resource` and `attributes`
    Attributes(Attributes),
}

/// `processors::batch`
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `timeout`; 200 ms. Zero: never wait for more.
    pub timeout: Duration,
    /// `send_batch_size`; 8192. Zero: never wait for more.
    pub send_batch_size: Items,
    /// `send_batch_max_size`; none. Not below `send_batch_size`.
    pub send_batch_max_size: Option<Items>,
    /// `metadata_keys`, in lower case; none.
    pub metadata_keys: Vec<Box<str>>,
    /// `metadata_cardinality_limit`: of how many combinations of metadata values data is taken; 1000. None where it is
    /// written as 0: no limit.
    pub metadata_cardinality_limit: Option<u64>,
}

/// `processors::memory_limiter`
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryLimiter {
    /// `check_interval`; 1 s with a warning when left out (the Collector refuses to start).
    pub check_interval: Duration,
    /// `limit_mib` or `limit_percentage`.
    pub limit: MemoryLimit,
    /// `spike_limit_mib` or `spike_limit_percentage`; a fifth of the limit when left out. Below `limit`.
    pub spike: Option<MemoryLimit>,
}

/// An amount of memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MemoryLimit {
    /// So many bytes.
    Bytes(ByteCount),
    /// A share of what the cgroup or the machine has, 1 to 100.
    Percent(u8),
}
