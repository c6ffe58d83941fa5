//! What happens around the attempts of an exporter, so that what was accepted is delivered or counted as lost.
//!
//! One chain for each exporter and signal, shared by every pipeline that names the exporter, outermost first:
//!
//! ```text
//! admitted( queue+batch( settled( retry( route( attempted( exporter ) ) ) ) ) )
//! ```
//!
//! `admitted`, `settled` and `attempted` are the eyes of telemetry: functions that the caller passes in, so that nothing
//! here counts itself. There is no stage for the timer of an attempt: it lives in the exporter, since only the owner of
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
mod succession;
mod throttle;

use std::sync::Arc;

pub use dead_letters::DeadLetters;
pub use level::QueueLevel;

use crate::config::{self, Acknowledge};
use crate::flow::{Lifetime, Next};
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::units::{ByteCount, Items};

use queue::{Parts, Queue};
use retry::Retry;
use room::Room;
use route::Route;

/// What one chain is built from. Taken apart by the stages' constructors, never stored.
#[derive(Clone, Debug)]
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

/// Where the caller looks into the chain.
pub struct Wraps {
    /// Around the queue: sees what the queue did not take. Left out where there is no queue.
    pub admitted: Wrap,
    /// Around the retries: sees each final outcome exactly once.
    pub settled: Wrap,
    /// Around the exporter: sees each attempt.
    pub attempted: Wrap,
}

/// A finished chain.
pub struct Entry {
    /// Through the queue.
    pub queued: Next,
    /// Past the queue and its batches: the sender waits for the final outcome.
    pub direct: Next,
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
        let same = || -> Wrap { Box::new(|next| next) };
        Wraps { admitted: same(), settled: same(), attempted: same() }
    }
}

/// Builds the chain around `exporter`, of which one `consume` is one attempt.
pub fn chain(settings: ChainSettings, exporter: Next, wraps: Wraps, on_batch: OnBatch, lifetime: &Lifetime) -> Entry {
    let ChainSettings { exporter: id, signal, delivery: config::Delivery { retry, queue } } = settings;
    let Wraps { admitted, settled, attempted } = wraps;
    let route = Route::to(attempted(exporter));
    let retry = Arc::new(Retry::around(Arc::new(route), retry, lifetime));
    let direct = settled(Arc::clone(&retry) as Next);
    let grains = queue.as_ref().map_or(1, |queue| room::grains(queue.sizer));
    let level = Arc::new(QueueLevel::new(queue.as_ref().map(|queue| queue.queue_size), grains));
    let stage = |room, acknowledge, consumers, rule| {
        Arc::new(Queue::new(Parts {
            room,
            acknowledge,
            consumers,
            rule,
            merge: signal.facts().merge,
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
    Entry { queued, direct, level, retry }
}
