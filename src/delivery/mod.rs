//! What happens around the attempts of an exporter, so that what was accepted is delivered or counted as lost.
//!
//! One chain for each exporter and signal, shared by every pipeline that names the exporter, outermost first:
//!
//! ```text
//! admitted( queue+batch( settled( dead letters( retry( route( attempted( exporter ) ) ) ) ) ) )
//! ```
//!
//! `admitted`, `settled` and `attempted` are the eyes of telemetry: functions that the caller passes in, so that nothing
//! here counts itself. `settled` is told of each part of a request that was cut because the backend refused it whole;
//! `route` hands an attempt to a fallback while the exporter itself fails. There is no stage for the timer of an attempt: it lives in the exporter, since only the owner of
//! an attempt's phases can say in which of them the time ran out.

mod batcher;
mod cut;
mod dead_letters;
mod lease;
mod level;
mod partitions;
mod queue;
mod retry;
mod room;
mod route;
mod rule;
mod schedule;
mod settle;
mod succession;
mod targets;

use std::sync::Arc;

pub use dead_letters::DeadLetters;
pub use level::QueueLevel;
pub use settle::OnSettled;
pub use targets::{Look, OnSwitch, Reason, Switch, Target, Targets, Thresholds};

use crate::config::{self, Acknowledge};
use crate::flow::{Lifetime, Next};
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::units::{ByteCount, Items};

use queue::{Parts, Queue};
use retry::Retry;
use room::Room;
use route::Route;
use settle::Settle;

/// What one chain is built from. Taken apart by the stages' constructors, never stored.
pub struct ChainSettings {
    /// Whose chain it is.
    pub exporter: Arc<ComponentId>,
    /// What it carries.
    pub signal: Signal,
    /// `retry_on_failure`, and `sending_queue` with `batch`.
    pub delivery: config::Delivery,
}

/// Puts a stage of the caller's around a stage of the chain.
pub type Wrap = Box<dyn FnOnce(Next) -> Next>;

/// Where the caller looks into the chain, and what it puts there.
pub struct Wraps {
    /// Around the queue: sees what the queue did not take. Left out where there is no queue.
    pub admitted: Wrap,
    /// Hears each final outcome exactly once.
    pub settled: OnSettled,
    /// Keeps what is given up; none: it is lost, or goes back to its sender.
    pub dead_letters: Option<Arc<dyn DeadLetters>>,
}

/// A finished chain.
pub struct Entry {
    /// Through the queue.
    pub queued: Next,
    /// Past the queue and its batches: the sender waits for the final outcome.
    pub direct: Next,
    /// One try, at the exporter or a fallback that has taken over: nothing is queued, retried or settled. For those who
    /// do all this themselves.
    pub attempt: Next,
    /// How full the queue is.
    pub level: Arc<QueueLevel>,
    retry: Arc<Retry>,
}

impl Entry {
    /// Lets `successor`, the chain of the same exporter and signal with other settings, go on with whatever is in this one.
    /// Each outcome is still counted here, once.
    pub fn hand_over_to(&self, successor: &Entry) {
        self.retry.hand_over_to(Arc::clone(&successor.retry));
    }
}

/// A batch that is on its way.
#[derive(Clone, Copy, Debug)]
pub struct BatchSent<'a> {
    /// Who set the rule by which it was gathered: the owner of its [`MergeRule`](crate::payload::MergeRule).
    pub owner: &'a Arc<str>,
    /// Its items.
    pub items: Items,
    /// Its length on the wire, uncompressed.
    pub bytes: ByteCount,
    /// Why it was sent now.
    pub trigger: Trigger,
}

/// Why a batch was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// It had reached its size.
    Size,
    /// Its time was up, the relay is stopping, or too many others had to wait beside it.
    Timeout,
}

/// Hears of each batch that a rule made, as it is sent.
pub type OnBatch = Arc<dyn Fn(&BatchSent<'_>) + Send + Sync>;

impl Wraps {
    /// Nobody looks.
    pub fn none() -> Wraps {
        Wraps { admitted: Box::new(|next| next), settled: Box::new(|_, _| {}), dead_letters: None }
    }
}

/// Builds the chain in front of `targets`, of which one `consume` is one attempt: an exporter alone, or with fallbacks.
pub fn chain(
    settings: ChainSettings,
    targets: impl Into<Targets>,
    wraps: Wraps,
    on_batch: OnBatch,
    lifetime: &Lifetime,
) -> Entry {
    let ChainSettings { exporter: id, signal, delivery: config::Delivery { retry, queue, .. } } = settings;
    let Wraps { admitted, settled, dead_letters } = wraps;
    let route = Route::new(signal, targets.into(), lifetime);
    let attempt = Arc::clone(&route) as Next;
    let grains = queue.as_ref().map_or(1, |queue| room::grains(queue.sizer));
    let level = Arc::new(QueueLevel::new(queue.as_ref().map(|queue| queue.queue_size), grains));
    let retry = Arc::new(Retry::around(route, retry, lifetime, &level));
    let acknowledge = queue.as_ref().map_or(Acknowledge::WhenExported, |queue| queue.acknowledge);
    let merge = signal.facts().merge;
    let direct: Next = Arc::new(Settle::new(Arc::clone(&retry), settled, merge, acknowledge, dead_letters));
    let stage = |room, acknowledge, consumers, rule| {
        Arc::new(Queue::new(Parts {
            room,
            acknowledge,
            consumers,
            rule,
            merge,
            level: Arc::clone(&level),
            on_batch,
            lifetime: lifetime.clone(),
            next: Arc::clone(&direct),
        }))
    };
    let queued: Next = match queue {
        None => stage(None, Acknowledge::WhenExported, usize::MAX, None),
        Some(config::Queue { num_consumers, queue_size, sizer, overflow, acknowledge, batch }) => {
            let rule = batch.map(|batch| rule::of_exporter(&id, batch));
            let room = Room::new(id, queue_size, sizer, overflow, Arc::clone(&level), lifetime.clone());
            admitted(stage(Some(room), acknowledge, num_consumers, rule))
        }
    };
    Entry { queued, direct, attempt, level, retry }
}
