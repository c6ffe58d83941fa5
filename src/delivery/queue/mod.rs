//! The stage that holds payloads until they are exported: the sending queue and the batches, which are one.
//!
//! There are no workers that wait for work. Whoever brings a payload that makes a batch ready starts a task for it, if
//! fewer than `num_consumers` run; the task exports what is ready until nothing is. So a payload is usually exported on
//! the thread on which it came, and nothing is woken up on another thread.

mod durable;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};

use crate::config::Acknowledge;
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Custody, Lifetime, Receipt};
use crate::payload::{MergeRule, Payload};
use crate::signal::Merge;
use crate::units::{ByteCount, Items};

use super::backlog::Backlog;
use super::batcher::{Added, Batch, Batcher, Gathered, Pace, RuleIndex, Shape};
use super::cut;
use super::lease::{Hold, Lease, Outcome, Part, settle};
use super::level::QueueLevel;
use super::places::{self, Crew, Places, consuming};
use super::room::{Room, stopped};
use super::settle::Settle;
use super::{BatchSent, OnBatch};

pub(super) use durable::Disk;

/// What the stage is made of.
pub(super) struct Parts {
    /// None where `sending_queue` is off. Then what is held is bounded by the senders, who all wait for the result.
    pub(super) room: Option<Room>,
    /// Where the queue is kept on disk; then there is no room in memory.
    pub(super) disk: Option<Disk>,
    pub(super) acknowledge: Acknowledge,
    /// Exports at a time.
    pub(super) consumers: usize,
    /// The rule of `sending_queue::batch`.
    pub(super) rule: Option<MergeRule>,
    /// Whether payloads of this signal may be joined.
    pub(super) merge: Merge,
    pub(super) level: Arc<QueueLevel>,
    pub(super) on_batch: OnBatch,
    pub(super) lifetime: Lifetime,
    /// Takes each batch, and answers when its export has ended for good.
    pub(super) next: Arc<Settle>,
}

/// Queue and batches in front of an exporter.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    room: Option<Room>,
    disk: Option<Disk>,
    acknowledge: Acknowledge,
    places: Places,
    rule: Option<Arc<MergeRule>>,
    merge: Merge,
    level: Arc<QueueLevel>,
    on_batch: OnBatch,
    lifetime: Lifetime,
    next: Arc<Settle>,
    /// Never locked across an await, and never while a payload is walked through.
    state: Mutex<State>,
}

struct State {
    batcher: Batcher,
    /// Batches that are ready and wait for a consumer.
    backlog: Backlog,
    /// Consumers that run, or sleep.
    running: usize,
}

/// What is to be done when the state is no longer locked.
#[derive(Default)]
struct Todo {
    consumers: Vec<Batch>,
    watch: Option<(RuleIndex, Instant)>,
}

impl Queue {
    pub(super) fn new(parts: Parts) -> Queue {
        let Parts { room, disk, acknowledge, consumers, rule, merge, level, on_batch, lifetime, next } = parts;
        let rule = rule.map(Arc::new);
        let batcher = Batcher::new(merge, rule.clone(), acknowledge);
        let state = Mutex::new(State { batcher, backlog: Backlog::default(), running: 0 });
        let places = Places::new(consumers);
        Queue(Arc::new(Shared { room, disk, acknowledge, places, rule, merge, level, on_batch, lifetime, next, state }))
    }
}

impl Consume for Queue {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        if self.0.room.is_none() && self.0.disk.is_none() && !self.0.is_batched(&payload) {
            return self.0.next.consume(payload);
        }
        Box::pin(self.0.take(payload))
    }
}

impl Shared {
    async fn take(self: &Arc<Self>, mut payload: Payload) -> Outcome {
        if self.lifetime.is_aborted() {
            return Err(stopped());
        }
        if let Some(disk) = &self.disk {
            return self.keep(disk, payload).await;
        }
        let hold = match &self.room {
            Some(room) => {
                payload = room.trim(payload);
                Hold::Room(room.take(&payload).await?)
            }
            None => Hold::Nothing,
        };
        let (part, answer) = Part::lease(payload, hold, self.acknowledge);
        self.push(part);
        match answer {
            None => Ok(Receipt::held()),
            Some(answer) => answer.await.unwrap_or_else(|_| {
                Err(Failure::new(Class::Panicked, "the task that exported the data ended without an answer"))
            }),
        }
    }

    fn is_batched(&self, payload: &Payload) -> bool {
        self.merge == Merge::Concatenates && (self.rule.is_some() || payload.rule().is_some())
    }

    fn push(self: &Arc<Self>, part: Part) {
        let now = Instant::now();
        let mut state = self.lock();
        let pace = self.pace();
        let added = state.batcher.add(part, now, pace);
        let todo = self.plan(&mut state, added);
        drop(state);
        self.carry_out(todo);
    }

    /// Queues what has become ready, unless consumers can be started for it.
    fn plan(&self, state: &mut State, added: Added) -> Todo {
        let Added { evicted, ready, watch } = added;
        let mut todo = Todo { watch, ..Todo::default() };
        let mut ready = evicted.into_iter().chain(ready).peekable();
        if ready.peek().is_some() {
            self.staff(state, ready, &mut todo);
        }
        todo
    }

    /// Starts consumers for what waits, and for what is `ready` after that; the rest of it waits.
    fn staff(&self, state: &mut State, ready: impl IntoIterator<Item = Batch>, todo: &mut Todo) {
        let mut ready = ready.into_iter();
        while self.places.take() {
            let Some(batch) = state.backlog.pop_front().or_else(|| ready.next()) else {
                self.places.give_back();
                break;
            };
            state.running += 1;
            todo.consumers.push(batch);
        }
        ready.for_each(|batch| state.backlog.push_back(batch));
        self.note(state);
    }

    fn note(&self, state: &State) {
        self.level.note_in_flight(state.running);
        self.level.note_waiting(state.backlog.len(), state.backlog.oldest());
    }

    fn carry_out(self: &Arc<Self>, todo: Todo) {
        for batch in todo.consumers {
            let run = Arc::clone(self).run(batch);
            self.lifetime.spawn("queue consumer", consuming(Arc::clone(self) as Arc<dyn Crew>, run));
        }
        if let Some((rule, from)) = todo.watch {
            self.lifetime.spawn("batch timer", Arc::clone(self).watch(rule, from));
        }
    }

    /// Exports `batch`, then whatever is ready, until nothing is.
    async fn run(self: Arc<Self>, batch: Batch) {
        let mut work = Some(batch);
        while let Some(batch) = work {
            let items: Items = batch.parts.iter().map(|part| part.payload.items()).sum();
            // Panics of the exporter are caught, and counted, within `settled`. Any other costs the data of this batch,
            // whose leases end as they are dropped, but not the consumer.
            if AssertUnwindSafe(self.process(batch)).catch_unwind().await.is_err() {
                tracing::error!(class = %Class::Panicked, dropped_items = items.0, "handling a batch panicked");
            }
            if !self.lifetime.is_aborted() {
                places::regain().await;
            }
            // An exporter that never waits must not keep the thread from everything else.
            tokio::task::consume_budget().await;
            work = self.next_ready();
        }
    }

    /// Exports one request and tells everyone whose data was in it.
    async fn process(self: &Arc<Self>, batch: Batch) {
        let Some(disk) = &self.disk else {
            let Some(Batch { parts, gathered, .. }) = self.fitting(batch) else { return };
            let (payloads, leases) = apart(parts);
            return settle(leases, self.send(payloads, gathered).await);
        };
        let mut work = Some(batch);
        while let Some(batch) = work {
            let Some(batch) = self.worth_sending(disk, batch).await else { return };
            let Some(batch) = self.fitting(batch) else { return };
            work = self.send_kept(disk, batch).await;
            if work.is_some() {
                places::regain().await;
            }
        }
        disk.journal.noted().await;
    }

    fn next_ready(&self) -> Option<Batch> {
        let mut state = self.lock();
        if !places::keep() {
            state.running -= 1;
            self.note(&state);
            return None;
        }
        let mut batch = state.backlog.pop_front();
        if batch.is_none() && self.lifetime.is_draining() {
            batch = state.batcher.take_open();
        }
        match &mut batch {
            Some(batch) if self.lifetime.is_aborted() => self.add_given_up(batch, &mut state),
            Some(_) => {}
            None => {
                state.running -= 1;
                places::leave();
            }
        }
        self.note(&state);
        batch
    }

    /// Adds to `batch`, which nobody sends any more, what else waits: each request by itself could not be counted in the
    /// little time that is left.
    fn add_given_up(&self, batch: &mut Batch, state: &mut State) {
        batch.gathered = None;
        batch.shape = Shape::Fitting;
        if self.merge == Merge::Whole {
            return;
        }
        let bytes = |parts: &[Part]| parts.iter().map(|part| part.payload.len()).sum::<ByteCount>();
        let mut size = bytes(&batch.parts);
        while size < GIVEN_UP_TOGETHER
            && let Some(next) = state.backlog.pop_front()
        {
            size += bytes(&next.parts);
            batch.parts.extend(next.parts);
        }
    }

    /// The first piece of `batch` that keeps its limits. The others are next in the queue, but what is left over waits
    /// for more to come.
    fn fitting(self: &Arc<Self>, batch: Batch) -> Option<Batch> {
        let Batch { parts, gathered: Some(gathered), since, shape: Shape::Rough } = batch else { return Some(batch) };
        let limits = &gathered.rule.limits;
        let whole = |parts| Batch { parts, gathered: Some(gathered.clone()), since, shape: Shape::Fitting };
        if cut::fits(&parts, limits) {
            return Some(whole(parts));
        }
        let mut pieces = cut::cut(parts, limits);
        let rest = pieces.pop_if(|piece| gathered.is_left_over(piece));
        let mut pieces = pieces.into_iter().map(whole);
        let first = pieces.next();
        let later: Vec<Batch> = pieces.collect();
        let now = Instant::now();
        let mut state = self.lock();
        for piece in later.into_iter().rev() {
            state.backlog.push_front(piece);
        }
        let pace = self.pace();
        let added = match rest {
            Some(rest) => state.batcher.give_back(&gathered, rest, now, pace),
            None => Added::default(),
        };
        let mut todo = self.plan(&mut state, added);
        self.staff(&mut state, None, &mut todo);
        drop(state);
        self.carry_out(todo);
        first
    }

    async fn send(&self, mut payloads: Vec<Payload>, gathered: Option<Gathered>) -> Outcome {
        let payload = if payloads.len() == 1 { payloads.pop() } else { Payload::merge(payloads) };
        let Some(mut payload) = payload else { return Ok(Receipt::empty()) };
        if let Some(Gathered { rule, trigger, partition, .. }) = gathered {
            // Of what the senders said beside their data, only what they have in common can be passed on.
            payload = payload.with_metadata_only(partition);
            (self.on_batch)(&BatchSent { owner: &rule.owner, items: payload.items(), bytes: payload.len(), trigger });
        }
        let outcome = self.next.consume(payload).await;
        if outcome.as_ref().is_ok_and(|receipt| receipt.custody != Custody::SetAside) {
            self.places.succeeded();
        }
        outcome
    }

    /// Sends the open batches of `rule` when their time is up, or when the relay drains.
    async fn watch(self: Arc<Self>, rule: RuleIndex, from: Instant) {
        let mut next = Some(from);
        while let Some(at) = next {
            tokio::select! {
                biased;
                () = self.lifetime.intake_ended() => {}
                () = sleep_until(at) => {}
            }
            let mut state = self.lock();
            let pace = self.pace();
            let due = state.batcher.due(rule, Instant::now(), pace);
            next = due.again;
            let mut todo = Todo::default();
            self.staff(&mut state, due.ready, &mut todo);
            drop(state);
            self.carry_out(todo);
        }
    }

    /// While the relay drains, batches wait for nothing but a consumer, who takes what there is by then: many small
    /// requests to a slow backend would not end within the grace period.
    fn pace(&self) -> Pace {
        match (self.lifetime.is_draining(), self.places.is_free()) {
            (false, _) => Pace::Gather,
            (true, true) => Pace::Flush,
            (true, false) => Pace::UntilTaken,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crew for Shared {
    fn places(&self) -> &Places {
        &self.places
    }

    fn fill_places(self: Arc<Self>) {
        let mut todo = Todo::default();
        let mut state = self.lock();
        let open =
            if self.lifetime.is_draining() && state.backlog.len() == 0 { state.batcher.take_open() } else { None };
        self.staff(&mut state, open, &mut todo);
        drop(state);
        self.carry_out(todo);
    }
}

/// The payloads of `parts`, and their leases.
fn apart(parts: Vec<Part>) -> (Vec<Payload>, Vec<Arc<Lease>>) {
    parts.into_iter().map(|part| (part.payload, part.lease)).unzip()
}

/// How much is joined, and so copied, of what is given up.
const GIVEN_UP_TOGETHER: ByteCount = ByteCount::mib(1);
