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

mod backlog;
mod batcher;
mod cut;
mod dead_letters;
mod lease;
mod level;
mod partitions;
mod places;
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
pub(crate) use schedule::Policy;
pub use settle::OnSettled;
pub use targets::{Look, NextLook, OnSwitch, Reason, Switch, Target, Targets, Thresholds};

use tokio::runtime::Handle;

use crate::config::{self, Acknowledge};
use crate::failure::Class;
use crate::flow::{Lifetime, Next};
use crate::ident::ComponentId;
use crate::payload::MergeRule;
use crate::signal::Signal;
use crate::storage::journal::Journal;
use crate::units::{ByteCount, Items};

use queue::{Disk, Parts, Queue};
use retry::Retry;
use room::{Bounds, Room};
use route::Route;
use settle::{Scope, Settle};

/// What one chain is built from. Taken apart by the stages' constructors, never stored.
pub struct ChainSettings {
    /// Whose chain it is.
    pub exporter: Arc<ComponentId>,
    /// What it carries.
    pub signal: Signal,
    /// `retry_on_failure`, and `sending_queue` with `batch`.
    pub delivery: config::Delivery,
    /// Where the queue is kept, if `sending_queue::storage` says so.
    pub journal: Option<Arc<Journal>>,
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
    /// Hears what is lost without an end that `settled` hears of.
    pub given_up: OnGivenUp,
}

/// Hears what a queue on disk loses, and why: what cannot be read back, and what the disk never had when the relay ends.
pub type OnGivenUp = Arc<dyn Fn(Class, Items, &str) + Send + Sync>;

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
    queue: Queue,
}

impl Entry {
    /// Lets the chain take up what is on disk, on the runtime of `handle`: to be called when it is in force, since from now
    /// on no earlier chain reads there.
    pub fn start(&self, handle: &Handle) {
        self.queue.start(handle);
    }

    /// Lets `successor`, the chain of the same exporter and signal with other settings, go on with whatever is in this one.
    /// Each outcome is still counted here, once.
    pub fn hand_over_to(&self, successor: &Entry) {
        self.retry.hand_over_to(Arc::clone(&successor.retry));
    }
}

/// A batch that is on its way.
#[derive(Clone, Copy, Debug)]
pub struct BatchSent<'a> {
    /// Who set the rule by which it was gathered: the owner of its [`MergeRule`].
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
        Wraps {
            admitted: Box::new(|next| next),
            settled: Box::new(|_, _| {}),
            dead_letters: None,
            given_up: Arc::new(|_, _, _| {}),
        }
    }
}

/// Whose data it is that fails: that of a sender who waits for the outcome, or nobody else's any more.
fn scope(queue: Option<&config::Queue>) -> Scope {
    match queue {
        Some(queue) if queue.durable.is_some() => Scope::NotKept,
        Some(queue) if queue.acknowledge == Acknowledge::WhenQueued => Scope::Every,
        _ => Scope::Final,
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
    let ChainSettings { exporter: id, signal, delivery: config::Delivery { retry, queue, .. }, journal } = settings;
    let Wraps { admitted, settled, dead_letters, given_up } = wraps;
    let (is_queued, scope) = (queue.is_some(), scope(queue.as_ref()));
    let Staffed { held, rule, acknowledge, consumers, level } = Staffed::of(&id, queue, journal, given_up, lifetime);
    let route = Route::new(signal, targets.into(), lifetime);
    let attempt = Arc::clone(&route) as Next;
    let retry = Arc::new(Retry::around(route, retry, lifetime, &level));
    let merge = signal.facts().merge;
    let settle = Arc::new(Settle::new(Arc::clone(&retry), settled, merge, scope, dead_letters));
    let direct = Arc::clone(&settle) as Next;
    let (room, disk) = match held {
        Held::Nowhere => (None, None),
        Held::InMemory(room) => (Some(room), None),
        Held::OnDisk(disk) => (None, Some(disk)),
    };
    let queue = Queue::new(Parts {
        room,
        disk,
        acknowledge,
        consumers,
        rule,
        merge,
        level: Arc::clone(&level),
        on_batch,
        lifetime: lifetime.clone(),
        next: settle,
    });
    let stage: Next = Arc::new(queue.clone());
    let queued = if is_queued { admitted(stage) } else { stage };
    Entry { queued, direct, attempt, level, retry, queue }
}

/// Where the queue of a chain holds what it took.
enum Held {
    Nowhere,
    InMemory(Room),
    OnDisk(Disk),
}

/// What `sending_queue` says of a chain.
struct Staffed {
    held: Held,
    rule: Option<MergeRule>,
    acknowledge: Acknowledge,
    consumers: usize,
    level: Arc<QueueLevel>,
}

impl Staffed {
    fn of(
        id: &Arc<ComponentId>,
        queue: Option<config::Queue>,
        journal: Option<Arc<Journal>>,
        on_given_up: OnGivenUp,
        lifetime: &Lifetime,
    ) -> Staffed {
        let Some(queue) = queue else {
            let (acknowledge, level) = (Acknowledge::WhenExported, Arc::new(QueueLevel::new(None, 1)));
            return Staffed { held: Held::Nowhere, rule: None, acknowledge, consumers: usize::MAX, level };
        };
        let config::Queue { num_consumers, queue_size: capacity, sizer, overflow, acknowledge, batch, durable } = queue;
        let rule = batch.map(|batch| rule::of_exporter(id, batch));
        let grains = room::grains(sizer);
        let level = Arc::new(match &journal {
            None => QueueLevel::new(Some(capacity), grains),
            Some(journal) => QueueLevel::on_disk(capacity, grains, sizer, Arc::clone(journal.totals())),
        });
        let bounds = Bounds { exporter: Arc::clone(id), sizer, capacity, level: Arc::clone(&level) };
        let held = match (journal, durable) {
            (Some(journal), Some(durable)) => {
                let config::Durable { storage: _, on_failure, max_age, replay_rate } = durable;
                Held::OnDisk(Disk { journal, bounds, overflow, on_failure, max_age, replay_rate, on_given_up })
            }
            _ => Held::InMemory(Room::new(bounds, overflow, lifetime.clone())),
        };
        Staffed { held, rule, acknowledge, consumers: num_consumers, level }
    }
}
