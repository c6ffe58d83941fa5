//! Which payloads go into one request, and when it is ready. Knows no tasks, no locks and no clock of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Acknowledge;
use crate::payload::MergeRule;
use crate::signal::Merge;

use super::Trigger;
use super::lease::Part;
use super::partitions::{Open, Partition, Partitions};
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

impl Batch {
    /// A payload that travels as it came.
    pub(super) fn alone(part: Part, since: Instant) -> Batch {
        Batch { parts: vec![part], gathered: None, since, shape: Shape::Fitting }
    }
}

/// How a batch came about.
#[derive(Clone)]
pub(super) struct Gathered {
    pub(super) rule: Arc<Rule>,
    pub(super) trigger: Trigger,
    /// What its senders have in common.
    pub(super) partition: Partition,
    index: RuleIndex,
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
    acknowledge: Acknowledge,
    /// One for each rule that was ever seen here: as many as the configuration had since the start.
    gatherings: Vec<Gathering>,
}

/// The place of a rule in its batcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RuleIndex(usize);

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
#[derive(Default)]
pub(super) struct Added {
    /// A batch that had to make room for another one.
    pub(super) evicted: Option<Batch>,
    /// The batch that was added to, if that made it ready.
    pub(super) ready: Option<Batch>,
    /// Nobody watches the time of this rule yet: from now on the caller does, and asks at this moment what is due.
    pub(super) watch: Option<(RuleIndex, Instant)>,
}

/// What the one who watches the time of a rule has to do.
pub(super) struct Due {
    /// Send these.
    pub(super) ready: Vec<Batch>,
    /// When to ask again; nothing: watch no more.
    pub(super) again: Option<Instant>,
}

impl Gathered {
    /// Whether `piece`, the last one cut from this batch, is too small to be sent as yet.
    pub(super) fn is_left_over(&self, piece: &[Part]) -> bool {
        let size: u64 = piece.iter().map(|part| part.payload.size(self.rule.sizer)).sum();
        self.trigger == Trigger::Size && size < self.rule.min_size
    }
}

/// The open batches of one rule.
struct Gathering {
    pipeline: Option<Arc<MergeRule>>,
    rule: Arc<Rule>,
    partitions: Partitions,
    watch: Watch,
}

/// Whether somebody watches the time of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    Unwatched,
    Watched,
}

impl Batcher {
    /// For payloads of a signal that merges as `merge` says, at an exporter that may have a rule of its own. Their senders
    /// are answered as `acknowledge` says.
    pub(super) fn new(merge: Merge, exporter: Option<Arc<MergeRule>>, acknowledge: Acknowledge) -> Batcher {
        Batcher { merge, exporter, acknowledge, gatherings: Vec::new() }
    }

    /// Takes in a payload, which is never cut here.
    pub(super) fn add(&mut self, part: Part, now: Instant, pace: Pace) -> Added {
        match self.rule_of(part.payload.rule()) {
            Some(index) => {
                let partition = self.gatherings[index.0].rule.partition_of(&part.payload);
                self.put(index, partition, Place::Back, vec![part], now, pace)
            }
            None => Added { ready: Some(Batch::alone(part, now)), ..Added::default() },
        }
    }

    /// Takes back what was cut from a batch and is too small to be sent: it comes before all that has come since.
    pub(super) fn give_back(&mut self, from: &Gathered, parts: Vec<Part>, now: Instant, pace: Pace) -> Added {
        self.put(from.index, from.partition.clone(), Place::Front, parts, now, pace)
    }

    /// What is due, for the one who watches this rule. Batches of one rule wait equally long, so the oldest is the first.
    pub(super) fn due(&mut self, index: RuleIndex, now: Instant, pace: Pace) -> Due {
        let gathering = &mut self.gatherings[index.0];
        let mut ready = Vec::new();
        while let Some(deadline) = gathering.deadline().filter(|_| pace != Pace::UntilTaken) {
            if pace == Pace::Gather && now < deadline {
                return Due { ready, again: Some(deadline) };
            }
            ready.extend(gathering.close_oldest(index));
        }
        gathering.watch = Watch::Unwatched;
        Due { ready, again: None }
    }

    /// A batch that is still open, as far as it has got.
    pub(super) fn take_open(&mut self) -> Option<Batch> {
        let mut gatherings = self.gatherings.iter_mut().enumerate();
        gatherings.find_map(|(index, gathering)| gathering.close_oldest(RuleIndex(index)))
    }

    fn put(
        &mut self,
        index: RuleIndex,
        partition: Partition,
        place: Place,
        parts: Vec<Part>,
        now: Instant,
        pace: Pace,
    ) -> Added {
        let gathering = &mut self.gatherings[index.0];
        let open = gathering.partitions.open(&partition, now);
        open.size += parts.iter().map(|part| part.payload.size(gathering.rule.sizer)).sum::<u64>();
        match place {
            Place::Back => open.parts.extend(parts),
            Place::Front => drop(open.parts.splice(..0, parts)),
        }
        let trigger = match pace {
            _ if gathering.rule.min_size <= open.size => Trigger::Size,
            Pace::Flush => Trigger::Timeout,
            Pace::UntilTaken => return Added::default(),
            Pace::Gather => return gathering.wait(index),
        };
        let closed = gathering.partitions.close(&partition);
        let ready = closed.map(|open| gathering.batch(index, partition, open, trigger));
        Added { ready, ..Added::default() }
    }

    /// The rule for payloads that carry this one; nothing for those that travel alone.
    fn rule_of(&mut self, pipeline: Option<&Arc<MergeRule>>) -> Option<RuleIndex> {
        if self.merge == Merge::Whole {
            return None;
        }
        let known = self.gatherings.iter().position(|gathering| match (&gathering.pipeline, pipeline) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            (one, other) => one.is_none() && other.is_none(),
        });
        if let Some(index) = known {
            return Some(RuleIndex(index));
        }
        let rule = Rule::resolve(pipeline.map(Arc::as_ref), self.exporter.as_deref(), self.acknowledge)?;
        self.gatherings.push(Gathering {
            pipeline: pipeline.cloned(),
            rule: Arc::new(rule),
            partitions: Partitions::default(),
            watch: Watch::Unwatched,
        });
        Some(RuleIndex(self.gatherings.len() - 1))
    }
}

/// At which end of a batch something is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Front,
    Back,
}

impl Gathering {
    /// When the oldest batch is due.
    fn deadline(&self) -> Option<Instant> {
        self.partitions.oldest().map(|since| since + self.rule.timeout.min(LONGEST_WAIT))
    }

    /// The batch that was just added to waits. There may be one too many now: then the oldest goes, which is due next.
    fn wait(&mut self, index: RuleIndex) -> Added {
        let full = MOST_PARTITIONS < self.partitions.len();
        let evicted = if full { self.close_oldest(index) } else { None };
        let watch = match self.watch {
            Watch::Watched => None,
            Watch::Unwatched => {
                self.watch = Watch::Watched;
                self.deadline().map(|deadline| (index, deadline))
            }
        };
        Added { evicted, ready: None, watch }
    }

    fn close_oldest(&mut self, index: RuleIndex) -> Option<Batch> {
        let (partition, open) = self.partitions.close_oldest()?;
        Some(self.batch(index, partition, open, Trigger::Timeout))
    }

    fn batch(&self, index: RuleIndex, partition: Partition, open: Open, trigger: Trigger) -> Batch {
        let since = open.since();
        let gathered = Gathered { rule: Arc::clone(&self.rule), trigger, partition, index };
        Batch { parts: open.parts, gathered: Some(gathered), since, shape: Shape::Rough }
    }
}

/// A flush timeout of centuries must not overflow the clock.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// How many batches of one rule may be open, as in the Collector: whoever makes up tenants must not fill the memory.
const MOST_PARTITIONS: usize = 10_000;
