//! What every test here needs: payloads that can be told apart, a backend that does as it is told, and a chain between.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use otlp_relay::config::{Acknowledge, Delivery, Overflow, Queue, QueueSizer, Retry};
use otlp_relay::delivery::{ChainSettings, DeadLetters, Entry, OnSettled, Trigger, Wraps, chain};
use otlp_relay::failure::{self, Class, Failure};
use otlp_relay::flow::{Consume, Consumed, Lifetime, Next, Receipt};
use otlp_relay::ident::ComponentId;
use otlp_relay::payload::{Metadata, Payload};
use otlp_relay::signal::Signal;
use otlp_relay::storage::journal::Journal;
use otlp_relay::units::Items;

/// The Collector's queue.
pub(crate) const QUEUE: Queue = Queue {
    num_consumers: 10,
    queue_size: 1000,
    sizer: QueueSizer::Requests,
    overflow: Overflow::Refuse,
    acknowledge: Acknowledge::WhenQueued,
    batch: None,
    durable: None,
};

/// The Collector's retries, without jitter.
pub(crate) const RETRY: Retry = Retry {
    initial_interval: Duration::from_secs(5),
    randomization_factor: 0.0,
    multiplier: 1.5,
    max_interval: Duration::from_secs(30),
    max_elapsed_time: Some(Duration::from_secs(300)),
};

/// One log record for each id.
pub(crate) fn payload(ids: impl IntoIterator<Item = u64>) -> Payload {
    records(ids.into_iter().map(|id| (id, "info".to_owned())))
}

/// One log record for each id, with this text.
pub(crate) fn records(records: impl IntoIterator<Item = (u64, String)>) -> Payload {
    let record = |(id, text)| LogRecord { time_unix_nano: id, severity_text: text, ..LogRecord::default() };
    let scope = ScopeLogs { log_records: records.into_iter().map(record).collect(), ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    let request = ExportLogsServiceRequest { resource_logs: vec![resource] };
    Payload::parse(Signal::Logs, Bytes::from(request.encode_to_vec())).unwrap()
}

/// The ids of a payload's log records.
pub(crate) fn ids(payload: &Payload) -> Vec<u64> {
    let request = ExportLogsServiceRequest::decode(payload.to_bytes()).unwrap();
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    scopes.flat_map(|scope| &scope.log_records).map(|record| record.time_unix_nano).collect()
}

/// What the backend does with one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Take,
    Fail(Class),
    FailFor(Class, failure::Retry),
    /// Takes the request, but so many of its items only to reject them.
    Reject(u64),
    /// Takes requests up to so many bytes, and refuses larger ones for good.
    FailAbove(u64),
    /// Takes requests up to so many bytes, and refuses larger ones for their size.
    TooLargeAbove(u64, Names),
    Panic,
    Hang,
}

/// Whether a backend says how large a request may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    TheLimit,
    Nothing,
}

/// An exporter in memory.
pub(crate) struct Backend {
    /// Replies for the next attempts; when there are none, it does `otherwise`.
    script: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Option<Reply>>,
    /// It refuses every request with one of these for its content.
    poison: Mutex<BTreeSet<u64>>,
    /// One permit for each attempt that may go on.
    gate: Semaphore,
    attempts: watch::Sender<Vec<Instant>>,
    delivered: watch::Sender<Vec<Vec<u64>>>,
    /// The metadata of each request in `delivered`.
    metadata: Mutex<Vec<Option<Arc<Metadata>>>>,
    /// How long each attempt takes.
    takes: Mutex<Duration>,
    running: AtomicUsize,
    most_running: AtomicUsize,
}

impl Default for Backend {
    fn default() -> Backend {
        Backend {
            script: Mutex::default(),
            otherwise: Mutex::default(),
            poison: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS / 2),
            attempts: watch::Sender::default(),
            delivered: watch::Sender::default(),
            metadata: Mutex::default(),
            takes: Mutex::default(),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
        }
    }
}

impl Backend {
    pub(crate) fn next_replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().extend(replies);
    }

    /// What is done when no reply is set for the next attempt: nothing means that it is taken.
    pub(crate) fn otherwise(&self, reply: Option<Reply>) {
        *self.otherwise.lock().unwrap() = reply;
    }

    /// From now on every request with one of `ids` is refused for its content.
    pub(crate) fn poison(&self, ids: impl IntoIterator<Item = u64>) {
        self.poison.lock().unwrap().extend(ids);
    }

    /// From now on each attempt takes so long.
    pub(crate) fn takes(&self, time: Duration) {
        *self.takes.lock().unwrap() = time;
    }

    /// Attempts wait until [`Backend::open`].
    pub(crate) fn close(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// The requests taken, each as the ids in it, as soon as `enough` says so.
    pub(crate) async fn until(&self, enough: impl Fn(&[Vec<u64>]) -> bool) -> Vec<Vec<u64>> {
        self.delivered.subscribe().wait_for(|delivered| enough(delivered)).await.unwrap().clone()
    }

    pub(crate) async fn until_items(&self, items: usize) -> Vec<Vec<u64>> {
        self.until(|requests| items <= requests.iter().map(Vec::len).sum()).await
    }

    pub(crate) async fn until_attempts(&self, count: usize) {
        self.attempts.subscribe().wait_for(|attempts| count <= attempts.len()).await.unwrap();
    }

    pub(crate) fn delivered(&self) -> Vec<Vec<u64>> {
        self.delivered.borrow().clone()
    }

    /// The value of `name` in each request taken.
    pub(crate) fn values(&self, name: &str) -> Vec<Option<String>> {
        let metadata = self.metadata.lock().unwrap();
        let value = |one: &Option<Arc<Metadata>>| one.as_ref()?.get(name).next().map(str::to_owned);
        metadata.iter().map(value).collect()
    }

    /// When each attempt began.
    pub(crate) fn attempts(&self) -> Vec<Instant> {
        self.attempts.borrow().clone()
    }

    /// How many attempts were under way at the same time at most.
    pub(crate) fn most_running(&self) -> usize {
        self.most_running.load(Ordering::SeqCst)
    }

    async fn attempt(&self, payload: Payload) -> Result<Receipt, Failure> {
        self.attempts.send_modify(|attempts| attempts.push(Instant::now()));
        let _permit = self.gate.acquire().await.unwrap();
        let takes = *self.takes.lock().unwrap();
        if !takes.is_zero() {
            sleep(takes).await;
        }
        let reply = self.script.lock().unwrap().pop_front().or(*self.otherwise.lock().unwrap());
        let is_poisonous = || ids(&payload).iter().any(|id| self.poison.lock().unwrap().contains(id));
        if reply.is_none() && is_poisonous() {
            return Err(Failure::new(Class::InvalidData, "one of the items is poisonous"));
        }
        match reply {
            Some(Reply::FailAbove(most)) if most < payload.len().0 => {
                Err(Failure::new(Class::RequestTooLarge, "as told"))
            }
            Some(Reply::TooLargeAbove(most, Names::Nothing)) if most < payload.len().0 => {
                Err(Failure::new(Class::MessageTooLarge, "as told"))
            }
            Some(Reply::TooLargeAbove(most, Names::TheLimit)) if most < payload.len().0 => {
                let words = format!("grpc: received message larger than max ({} vs. {most})", payload.len().0);
                Err(failure::from_grpc(&tonic::Status::resource_exhausted(words)))
            }
            None | Some(Reply::Take | Reply::FailAbove(_) | Reply::TooLargeAbove(..)) => {
                self.metadata.lock().unwrap().push(payload.metadata().cloned());
                self.delivered.send_modify(|delivered| delivered.push(ids(&payload)));
                Ok(Receipt::delivered(exporter()))
            }
            Some(Reply::Fail(class)) => Err(Failure::new(class, "as told")),
            Some(Reply::FailFor(class, retry)) => Err(Failure::new(class, "as told").retry_when(retry)),
            Some(Reply::Reject(items)) => {
                let message = Some("too old".into());
                Ok(Receipt { rejected: Items(items), message, ..Receipt::delivered(exporter()) })
            }
            Some(Reply::Panic) => panic!("as told"),
            Some(Reply::Hang) => std::future::pending().await,
        }
    }
}

impl Consume for Backend {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            let _running = Running::begin(&self.running, &self.most_running);
            self.attempt(payload).await
        })
    }
}

struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn begin(running: &'a AtomicUsize, most: &AtomicUsize) -> Running<'a> {
        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Running(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Sees what [`Wraps::settled`] sees: the items of each final outcome, and the failure's class.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Vec<(u64, Option<Class>)>>);

impl Tally {
    pub(crate) fn outcomes(&self) -> Vec<(u64, Option<Class>)> {
        self.0.lock().unwrap().clone()
    }

    /// What tells it.
    pub(crate) fn ear(self: &Arc<Self>) -> OnSettled {
        let tally = Arc::clone(self);
        Box::new(move |items, outcome| tally.0.lock().unwrap().push((items.0, class(outcome))))
    }

    /// Items that ended so.
    pub(crate) fn items(&self, outcome: Option<Class>) -> u64 {
        self.outcomes().iter().filter(|(_, class)| *class == outcome).map(|(items, _)| items).sum()
    }
}

/// Keeps the ids of what is given up.
#[derive(Default)]
pub(crate) struct Drawer(pub(crate) Mutex<Vec<(Vec<u64>, Class)>>);

impl DeadLetters for Drawer {
    fn keep(&self, payload: &Payload, failure: &Failure) -> Result<(), Failure> {
        self.0.lock().unwrap().push((ids(payload), failure.class()));
        Ok(())
    }
}

/// A batch as it was announced: owner, items, trigger.
pub(crate) type Announced = (String, u64, Trigger);

/// A chain and everything around it.
pub(crate) struct Bench {
    pub(crate) entry: Entry,
    pub(crate) backend: Arc<Backend>,
    pub(crate) settled: Arc<Tally>,
    pub(crate) lifetime: Lifetime,
    batches: Arc<Mutex<Vec<Announced>>>,
}

impl Bench {
    pub(crate) fn new(retry: Option<Retry>, queue: Option<Queue>) -> Bench {
        Bench::carrying(Signal::Logs, retry, queue)
    }

    pub(crate) fn carrying(signal: Signal, retry: Option<Retry>, queue: Option<Queue>) -> Bench {
        Bench::with_wraps(signal, retry, queue, Wraps::none())
    }

    pub(crate) fn with_wraps(signal: Signal, retry: Option<Retry>, queue: Option<Queue>, wraps: Wraps) -> Bench {
        Bench::made(signal, Delivery { retry, queue, ..Delivery::default() }, wraps, None)
    }

    /// Whose queue is in `journal`.
    pub(crate) fn on_disk(
        signal: Signal,
        retry: Option<Retry>,
        queue: Queue,
        wraps: Wraps,
        journal: Arc<Journal>,
    ) -> Bench {
        Bench::made(signal, Delivery { retry, queue: Some(queue), ..Delivery::default() }, wraps, Some(journal))
    }

    fn made(signal: Signal, delivery: Delivery, wraps: Wraps, journal: Option<Arc<Journal>>) -> Bench {
        let backend = Arc::new(Backend::default());
        let settled = Arc::new(Tally::default());
        let (heard, outer) = (settled.ear(), wraps.settled);
        let both: OnSettled = Box::new(move |items, outcome| {
            heard(items, outcome);
            outer(items, outcome);
        });
        let wraps = Wraps { settled: both, ..wraps };
        let batches: Arc<Mutex<Vec<Announced>>> = Arc::default();
        let heard = Arc::clone(&batches);
        let lifetime = Lifetime::new();
        let entry = chain(
            ChainSettings { exporter: exporter(), signal, delivery, journal },
            Arc::clone(&backend) as Next,
            wraps,
            Arc::new(move |batch| heard.lock().unwrap().push((batch.owner.to_string(), batch.items.0, batch.trigger))),
            &lifetime,
        );
        Bench { entry, backend, settled, lifetime, batches }
    }

    pub(crate) async fn send(&self, payload: Payload) -> Result<Receipt, Failure> {
        self.entry.queued.consume(payload).await
    }

    /// Sends from a task of its own, which has come to its first wait when this returns.
    pub(crate) async fn send_aside(&self, payload: Payload) -> tokio::task::JoinHandle<Result<Receipt, Failure>> {
        let queued = Arc::clone(&self.entry.queued);
        let sender = tokio::spawn(async move { queued.consume(payload).await });
        tokio::task::yield_now().await;
        sender
    }

    pub(crate) fn batches(&self) -> Vec<Announced> {
        self.batches.lock().unwrap().clone()
    }
}

pub(crate) fn exporter() -> Arc<ComponentId> {
    Arc::new(ComponentId::parse("otlp_grpc/eu").unwrap())
}

/// The class of an outcome's failure.
pub(crate) fn class(outcome: &Result<Receipt, Failure>) -> Option<Class> {
    outcome.as_ref().err().map(Failure::class)
}
