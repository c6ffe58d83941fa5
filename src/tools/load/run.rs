//! A run from its beginning to its end: starts the threads, looks at them ten times a second, and adds up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::tally::Tally;
use super::template::{Stock, Style};
use super::timeline::{Point, Timeline};
use super::work::{Ending, Fault, Live, Outcome, Pace, Told, Work};
use super::worker::{Run, Worker};
use crate::config::Exporter;
use crate::delivery::Policy;
use crate::exporters::SetupProblem;
use crate::exporters::otlp::{self, Backend, Ready};
use crate::flow::{Lifetime, Workers};
use crate::telemetry::cpu_seconds;
use crate::units::Items;

/// How a run is ended from outside.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Nothing more is sent; answers that are due are waited for.
    pub sending: CancellationToken,
    /// Nothing is waited for.
    pub waiting: CancellationToken,
}

/// Generates the load of `work` until all of it is sent, its time is up, or `stop` says so. `told` hears how it goes.
///
/// # Errors
/// Why it could not begin. Whatever happens after that is counted.
pub async fn load(work: &Work, stop: &Stop, told: &mut (dyn FnMut(Told<'_>) + Send)) -> Result<Outcome, Fault> {
    let backend = backend(work)?;
    let threads = work.threads.clamp(1, work.connections.max(1));
    let pool = Workers::start_many(threads)?;
    let cpu = cpu_seconds();
    let run = Arc::new(prepare(work));
    let style = style(work);
    let workers: Vec<Arc<Worker>> = (0..threads)
        .map(|index| {
            let stock = |signal: &_| Stock::new(*signal, style.clone(), work.items_per_request);
            let stocks = work.signals.iter().map(stock).collect();
            Arc::new(Worker::new(&run, index as u64, threads as u64, stocks))
        })
        .collect();
    let over = begin(work, &backend, &run, &workers, &pool)?;
    let watch = Watch { work, run: &run, workers: &workers, stop };
    let Seen { sum, timeline, ending, cut, .. } = watch.watch(over, told).await;
    drop(pool);
    let answered = sum.requests();
    let elapsed = sum.last.unwrap_or_else(Instant::now).saturating_duration_since(run.begun);
    Ok(Outcome {
        timeline,
        elapsed,
        unanswered: run.taken.load(Ordering::Relaxed).saturating_sub(answered),
        sequences: run.next.iter().map(|(signal, next)| (*signal, next.load(Ordering::Relaxed))).collect(),
        unsent: unsent(&run, cut.or(work.duration).unwrap_or(Duration::MAX)),
        cpu_seconds: cpu.and_then(|before| Some(cpu_seconds()? - before)),
        threads,
        ending,
        tally: sum,
    })
}

fn backend(work: &Work) -> Result<Backend, Fault> {
    // Relays refuse what they have sent themselves: the mark of a run is nobody's.
    let instance = uuid::Uuid::new_v4().to_string();
    let backend = match &work.exporter {
        Exporter::OtlpGrpc(grpc) => otlp::otlp_grpc(Arc::clone(&work.id), grpc, &instance)?,
        Exporter::OtlpHttp(http) => otlp::otlp_http(Arc::clone(&work.id), http, &instance)?,
        _ => return Err(SetupProblem::new("", "load is sent by otlp_grpc and otlp_http only").into()),
    };
    Ok(backend)
}

fn prepare(work: &Work) -> Run {
    let begun = Instant::now();
    Run {
        pace: work.pace,
        items: work.items_per_request.max(1),
        begun,
        end: work.duration.and_then(|duration| begun.checked_add(duration)),
        requests: work.count.map(|count| count.div_ceil(work.items_per_request.max(1))),
        left: work.count.map(AtomicU64::new),
        next: work.signals.iter().map(|signal| (*signal, AtomicU64::new(0))).collect(),
        taken: AtomicU64::new(0),
        retry: work.retry.map(Policy::new),
        lifetime: Lifetime::new(),
    }
}

fn style(work: &Work) -> Style {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
    Style {
        run: work.run.clone(),
        seed,
        began: u64::try_from(now.as_nanos()).unwrap_or(0),
        format: work.format,
        attribute_size: work.attribute_size,
    }
}

/// Starts everything that sends. What comes back ends when all of it has ended.
fn begin(
    work: &Work,
    backend: &Backend,
    run: &Arc<Run>,
    workers: &[Arc<Worker>],
    pool: &Workers,
) -> Result<mpsc::Receiver<()>, Fault> {
    let ways = |backend: &Backend| {
        let way = |signal: &_| backend.ready(*signal).ok_or(Fault::Signal(*signal));
        work.signals.iter().map(way).collect::<Result<Vec<Ready>, Fault>>()
    };
    pool.all().iter().for_each(|handle| drop(handle.spawn(beat())));
    let (alive, over) = mpsc::channel(1);
    let connections = work.connections.max(1);
    let backends: Vec<Arc<[Ready]>> =
        (0..connections).map(|_| Ok(ways(&backend.apart())?.into())).collect::<Result<_, Fault>>()?;
    // One request for each connection before the second for any: they wait in line in this order.
    for _ in 0..work.concurrency.max(1) {
        for ((ways, worker), handle) in backends.iter().zip(workers.iter().cycle()).zip(pool.all().iter().cycle()) {
            let (ways, worker, alive) = (Arc::clone(ways), Arc::clone(worker), alive.clone());
            run.lifetime.spawn_on(handle, "load", async move {
                worker.work(&ways).await;
                drop(alive);
            });
        }
    }
    Ok(over)
}

/// Keeps a timer of the runtime that is earlier than those of requests: tokio wakes its driver, with two system calls, for
/// each timer that becomes the earliest one.
async fn beat() {
    let mut beat = interval(BEAT);
    loop {
        beat.tick().await;
    }
}

/// Requests that were due in the time in which there was sending, and were never sent.
fn unsent(run: &Run, sending: Duration) -> u64 {
    let Pace::Open(schedule) = run.pace else { return 0 };
    let due = schedule.due_by(sending);
    let due = run.requests.map_or(due, |requests| due.min(requests));
    due.saturating_sub(run.taken.load(Ordering::Relaxed))
}

/// What is looked at while it runs.
struct Watch<'a> {
    work: &'a Work,
    run: &'a Run,
    workers: &'a [Arc<Worker>],
    stop: &'a Stop,
}

impl Watch<'_> {
    async fn watch(&self, mut over: mpsc::Receiver<()>, told: &mut (dyn FnMut(Told<'_>) + Send)) -> Seen {
        let mut seen = Seen::nothing();
        let mut give_up_waiting = self.last_moment(self.run.end);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_over = tokio::select! {
                _ = tick.tick() => false,
                _ = over.recv() => true,
                () = self.stop.sending.cancelled(), if !self.run.lifetime.is_draining() => {
                    seen.ending = Ending::Interrupted;
                    told(Told::Ending);
                    false
                }
                () = self.stop.waiting.cancelled() => true,
            };
            self.look(&mut seen, told);
            if seen.ending == Ending::Done && self.is_hopeless(&seen.sum) {
                seen.ending = Ending::GaveUp;
            }
            if seen.ending != Ending::Done && !self.run.lifetime.is_draining() {
                self.run.lifetime.end_intake();
                seen.cut = Some(self.run.begun.elapsed());
                give_up_waiting = self.last_moment(Some(Instant::now()));
            }
            if is_over || give_up_waiting.is_some_and(|moment| moment < Instant::now()) {
                return seen;
            }
        }
    }

    /// When answers are waited for no longer, if nothing is sent after `end`.
    fn last_moment(&self, end: Option<Instant>) -> Option<Instant> {
        end?.checked_add(self.work.grace)
    }

    fn is_hopeless(&self, sum: &Tally) -> bool {
        let limit = self.work.give_up.filter(|_| sum.accepted == 0 && sum.failed > 0);
        limit.is_some_and(|limit| limit <= self.run.begun.elapsed())
    }

    fn look(&self, seen: &mut Seen, told: &mut (dyn FnMut(Told<'_>) + Send)) {
        let mut news = Tally::new();
        self.workers.iter().for_each(|worker| worker.tell(&mut news));
        for (class, failed) in &news.failures {
            if !seen.sum.failures.contains_key(class) {
                let remedy = class.row().remedy;
                told(Told::Failure(&format!("{class}: {}; {remedy}; help=otlp-relay explain {class}", failed.cause)));
            }
        }
        let elapsed = self.run.begun.elapsed();
        seen.timeline.add(elapsed, &news);
        seen.recent.add(elapsed, &news, &mut seen.live);
        seen.sum.absorb(&mut news);
        seen.live.elapsed = elapsed;
        seen.live.items = seen.sum.items().sent.0;
        seen.live.failed = seen.sum.failed;
        told(Told::Progress(&seen.live));
    }
}

/// What was seen so far.
struct Seen {
    sum: Tally,
    timeline: Timeline,
    recent: Recent,
    live: Live,
    ending: Ending,
    /// When nothing more was sent, if that was before the end of the run.
    cut: Option<Duration>,
}

impl Seen {
    fn nothing() -> Seen {
        Seen {
            sum: Tally::new(),
            timeline: Timeline::new(),
            recent: Recent::new(),
            live: Live::default(),
            ending: Ending::Done,
            cut: None,
        }
    }
}

/// What happened since the last time that figures were shown.
struct Recent {
    since: Duration,
    point: Point,
}

impl Recent {
    fn new() -> Recent {
        Recent { since: Duration::ZERO, point: Point::new() }
    }

    /// Adds `news`, and brings `live` up to date once a second.
    fn add(&mut self, elapsed: Duration, news: &Tally, live: &mut Live) {
        self.point.add(&Point { items: news.items().sent, latency: news.latency.clone(), ..Point::new() });
        let time = elapsed.saturating_sub(self.since);
        if time < SHOWN {
            return;
        }
        let Items(items) = self.point.items;
        live.items_per_second = items as f64 / time.as_secs_f64();
        live.p50 = self.point.latency.at(0.5);
        live.p99 = self.point.latency.at(0.99);
        *self = Recent { since: elapsed, point: Point::new() };
    }
}

const TICK: Duration = Duration::from_millis(100);
const BEAT: Duration = Duration::from_millis(500);
const SHOWN: Duration = Duration::from_secs(1);
