//! Which payloads go into one request, and when it is ready. Knows no tasks, no locks and no clock of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::payload::MergeRule;
use crate::signal::Merge;

use super::Trigger;
use super::lease::Part;
use super::rule::Rule;

/// Payloads that are exported as one request.
pub(super) struct Batch {
    /// Never empty.
    pub(super) parts: Vec<Part>,
    /// By what it was gathered; nothing for a payload that travels as it came.
    pub(super) gathered: Option<Gathered>,
    /// When its first payload came.
    pub(super) since: Instant,
    /// Whether it may have to be cut.
    pub(super) shape: Shape,
}

/// How a batch came about.
#[derive(Clone)]
pub(super) struct Gathered {
    pub(super) rule: Arc<Rule>,
    pub(super) trigger: Trigger,
    partition: PartitionIndex,
}

/// Whether a batch may have to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it was gathered: perhaps too large.
    Rough,
    /// It keeps its limits.
    Fitting,
}

/// The batches that are still open.
pub(super) struct Batcher {
    merge: Merge,
    exporter: Option<Arc<MergeRule>>,
    /// One for each rule that was ever seen here: not more than the configuration has.
    partitions: Vec<Partition>,
}

/// The place of a partition in its batcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartitionIndex(usize);

/// Whether batches may wait for more payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// They may.
    Gather,
    /// Little more will come: they must not.
    Flush,
    /// Little more will come, but nobody could send it now: they wait until they are [taken](Batcher::take_open).
    UntilTaken,
}

/// What came of adding to a batch.
pub(super) enum Added {
    /// A batch is ready.
    Ready(Batch),
    /// It waits, and somebody watches the time or takes it.
    Waits,
    /// It waits, and nobody watches the time yet: from now on the caller does, and asks at this moment what is due.
    Watch(PartitionIndex, Instant),
}

/// What the one who watches a partition has to do.
pub(super) enum Due {
    /// Send this batch, and watch no more.
    Now(Batch),
    /// Ask again at this moment.
    Later(Instant),
    /// Watch no more: nothing waits.
    Nothing,
}

impl Gathered {
    /// Whether `piece`, the last one cut from this batch, is too small to be sent as yet.
    pub(super) fn is_left_over(&self, piece: &[Part]) -> bool {
        let size: u64 = piece.iter().map(|part| part.payload.size(self.rule.sizer)).sum();
        self.trigger == Trigger::Size && size < self.rule.min_size
    }
}

/// The open batch of one rule.
struct Partition {
    pipeline: Option<Arc<MergeRule>>,
    rule: Arc<Rule>,
    parts: Vec<Part>,
    /// By the rule's sizer.
    size: u64,
    /// When the batch began.
    since: Instant,
    watch: Watch,
}

/// Whether somebody watches the time of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    Unwatched,
    Watched,
}

impl Batcher {
    /// For payloads of a signal that merges as `merge` says, at an exporter that may have a rule of its own.
    pub(super) fn new(merge: Merge, exporter: Option<Arc<MergeRule>>) -> Batcher {
        Batcher { merge, exporter, partitions: Vec::new() }
    }

    /// Takes in a payload, which is never cut here.
    pub(super) fn add(&mut self, part: Part, now: Instant, pace: Pace) -> Added {
        match self.partition_of(part.payload.rule(), now) {
            Some(index) => self.put(index, Place::Back, vec![part], now, pace),
            None => Added::Ready(Batch { parts: vec![part], gathered: None, since: now, shape: Shape::Fitting }),
        }
    }

    /// Takes back what was cut from a batch and is too small to be sent: it comes before all that has come since.
    pub(super) fn give_back(&mut self, from: &Gathered, parts: Vec<Part>, now: Instant, pace: Pace) -> Added {
        self.put(from.partition, Place::Front, parts, now, pace)
    }

    /// What is due, for the one who watches this partition.
    pub(super) fn due(&mut self, index: PartitionIndex, now: Instant, pace: Pace) -> Due {
        let partition = &mut self.partitions[index.0];
        let deadline = partition.deadline();
        if !partition.parts.is_empty() && pace == Pace::Gather && now < deadline {
            return Due::Later(deadline);
        }
        partition.watch = Watch::Unwatched;
        if pace == Pace::UntilTaken {
            return Due::Nothing;
        }
        match partition.close(index, Trigger::Timeout) {
            Some(batch) => Due::Now(batch),
            None => Due::Nothing,
        }
    }

    /// A batch that is still open, as far as it has got.
    pub(super) fn take_open(&mut self) -> Option<Batch> {
        let mut partitions = self.partitions.iter_mut().enumerate();
        partitions.find_map(|(index, partition)| partition.close(PartitionIndex(index), Trigger::Timeout))
    }

    fn put(&mut self, index: PartitionIndex, place: Place, parts: Vec<Part>, now: Instant, pace: Pace) -> Added {
        let partition = &mut self.partitions[index.0];
        if partition.parts.is_empty() {
            partition.since = now;
        }
        partition.size += parts.iter().map(|part| part.payload.size(partition.rule.sizer)).sum::<u64>();
        match place {
            Place::Back => partition.parts.extend(parts),
            Place::Front => drop(partition.parts.splice(..0, parts)),
        }
        let trigger = match pace {
            _ if partition.rule.min_size <= partition.size => Trigger::Size,
            Pace::Flush => Trigger::Timeout,
            Pace::UntilTaken => return Added::Waits,
            Pace::Gather => return partition.wait(index),
        };
        partition.close(index, trigger).map_or(Added::Waits, Added::Ready)
    }

    /// The partition for payloads that carry this rule; nothing for those that travel alone.
    fn partition_of(&mut self, pipeline: Option<&Arc<MergeRule>>, now: Instant) -> Option<PartitionIndex> {
        if self.merge == Merge::Whole {
            return None;
        }
        let known = self.partitions.iter().position(|partition| match (&partition.pipeline, pipeline) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            (one, other) => one.is_none() && other.is_none(),
        });
        if let Some(index) = known {
            return Some(PartitionIndex(index));
        }
        let rule = Rule::resolve(pipeline.map(Arc::as_ref), self.exporter.as_deref())?;
        self.partitions.push(Partition {
            pipeline: pipeline.cloned(),
            rule: Arc::new(rule),
            parts: Vec::new(),
            size: 0,
            since: now,
            watch: Watch::Unwatched,
        });
        Some(PartitionIndex(self.partitions.len() - 1))
    }
}

/// At which end of a batch something is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Front,
    Back,
}

impl Partition {
    fn deadline(&self) -> Instant {
        self.since + self.rule.timeout.min(LONGEST_WAIT)
    }

    fn wait(&mut self, index: PartitionIndex) -> Added {
        match self.watch {
            Watch::Watched => Added::Waits,
            Watch::Unwatched => {
                self.watch = Watch::Watched;
                Added::Watch(index, self.deadline())
            }
        }
    }

    /// All that it has gathered; nothing if that is nothing.
    fn close(&mut self, partition: PartitionIndex, trigger: Trigger) -> Option<Batch> {
        let parts = std::mem::take(&mut self.parts);
        self.size = 0;
        let gathered = Some(Gathered { rule: Arc::clone(&self.rule), trigger, partition });
        (!parts.is_empty()).then_some(Batch { parts, gathered, since: self.since, shape: Shape::Rough })
    }
}

/// A flush timeout of centuries must not overflow the clock.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);
