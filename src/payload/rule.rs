//! By which rule payloads are joined and cut before they are exported.

use std::sync::Arc;
use std::time::Duration;

/// What the size of a payload is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sizer {
    /// Spans, data points, log records, samples.
    Items,
    /// Bytes of protobuf.
    Bytes,
}

/// The most that one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is measured.
    pub sizer: Sizer,
    /// The greatest size allowed; at least 1.
    pub max: u64,
}

/// How payloads of one pipeline (a `batch` processor) or of one exporter (`sending_queue::batch`) are joined and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRule {
    /// Who set the rule: payloads of different owners are never joined.
    pub owner: Arc<str>,
    /// What the sizes are measured in.
    pub sizer: Sizer,
    /// A batch of this size is sent at once; 0: every payload is.
    pub min_size: u64,
    /// Larger batches are cut.
    pub max_size: Option<u64>,
    /// How long the first payload of a batch waits for others; zero: not at all.
    pub timeout: Duration,
    /// Names of metadata, in lower case: payloads that differ in one of them are never joined.
    pub metadata_keys: Vec<Box<str>>,
}
