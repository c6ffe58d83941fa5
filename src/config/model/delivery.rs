//! What exporterhelper does around an attempt: `retry_on_failure` and `sending_queue`.

use std::path::PathBuf;
use std::time::Duration;

use crate::ident::ComponentId;
use crate::units::ByteCount;

/// What exporterhelper does around an attempt, and who takes over when attempts fail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivery {
    /// `retry_on_failure`; none where it is switched off.
    pub retry: Option<Retry>,
    /// `sending_queue`; none where it is switched off.
    pub queue: Option<Queue>,
    /// `retry_on_failure::retryable_status_codes`, a key of the relay's own: answers that are tried again although the
    /// specification calls them final. HTTP statuses, or gRPC codes, as the exporter has them; none.
    pub retryable_codes: Vec<u16>,
    /// `fallback`; none.
    pub fallback: Option<Fallback>,
    /// `dead_letter`, a key of the relay's own; none.
    pub dead_letter: Option<DeadLetter>,
}

/// `dead_letter`: where data is kept that is given up for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// `directory`
    pub directory: PathBuf,
    /// `max_bytes` of all files in it; 1 GiB.
    pub max_bytes: ByteCount,
}

/// `fallback`, a key of the relay's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    /// `exporters`: who takes over, in this order; at least one.
    pub exporters: Vec<ComponentId>,
    /// `max_consecutive_failures`: hand over after so many failed attempts in a row; 5.
    pub max_consecutive_failures: u64,
    /// `max_outage`: hand over after so long without success; 30 s.
    pub max_outage: Duration,
    /// `retry_interval`: how often the preferred exporter is looked after; 30 s.
    pub retry_interval: Duration,
}

/// `retry_on_failure`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// `initial_interval`; 5 s.
    pub initial_interval: Duration,
    /// `randomization_factor`; 0.5, from 0 to 1.
    pub randomization_factor: f64,
    /// `multiplier`; 1.5.
    pub multiplier: f64,
    /// `max_interval`; 30 s.
    pub max_interval: Duration,
    /// `max_elapsed_time`; 5 min. None where it is written as 0: for ever.
    pub max_elapsed_time: Option<Duration>,
}

/// `sending_queue`
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// `num_consumers`: exports at a time; 10.
    pub num_consumers: usize,
    /// `queue_size` in units of `sizer`; 1000.
    pub queue_size: u64,
    /// `sizer`; requests.
    pub sizer: QueueSizer,
    /// `block_on_overflow`, or `overflow`, a key of the relay's own: what a full queue does; it refuses.
    pub overflow: Overflow,
    /// `wait_for_result`: what a sender waits for; false.
    pub acknowledge: Acknowledge,
    /// `batch`; none.
    pub batch: Option<QueueBatch>,
    /// `storage` and what goes with it; none: the queue is in memory.
    pub durable: Option<Durable>,
}

/// `sending_queue::storage`, and keys of the relay's own that go with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Durable {
    /// `storage`: the extension that says where the queue is kept.
    pub storage: ComponentId,
    /// `on_storage_failure`: what becomes of data that the disk does not take; it is refused.
    pub on_failure: OnStorageFailure,
    /// `max_age`: older data is dropped; none.
    pub max_age: Option<Duration>,
    /// `replay_rate`: how many items a second are read back at most, beside as many as come in; none.
    pub replay_rate: Option<u64>,
}

/// `sending_queue::on_storage_failure`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStorageFailure {
    /// Senders are asked to try again later.
    Refuse,
    /// It waits in memory: a crash costs it.
    Memory,
}

/// `sending_queue::sizer`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueSizer {
    /// `requests`
    Requests,
    /// `items`
    Items,
    /// `bytes` of protobuf
    Bytes,
}

/// `sending_queue::block_on_overflow`, `sending_queue::overflow`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// A full queue refuses with a retryable failure.
    Refuse,
    /// A full queue makes the sender wait.
    Block,
    /// A full queue drops what has waited longest. Only with `storage`.
    DropOldest,
}

/// `sending_queue::wait_for_result`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// The sender is answered when the queue holds its data.
    WhenQueued,
    /// The sender is answered when the export has ended.
    WhenExported,
}

/// `sending_queue::batch`
#[derive(Clone, Debug, PartialEq)]
pub struct QueueBatch {
    /// `flush_timeout`; 200 ms.
    pub flush_timeout: Duration,
    /// `min_size`; 8192.
    pub min_size: u64,
    /// `max_size`; none.
    pub max_size: Option<u64>,
    /// `sizer`: items unless it, or the queue's sizer, says bytes.
    pub sizer: BatchSizer,
    /// `partition::metadata_keys`, in lower case; none.
    pub metadata_keys: Vec<Box<str>>,
}

/// `sending_queue::batch::sizer`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSizer {
    /// `items`
    Items,
    /// `bytes` of protobuf
    Bytes,
}
