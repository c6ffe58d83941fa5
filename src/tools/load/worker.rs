//! One thread of the generator: whose turn it is, what is sent, and what came of it.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::alarm::Alarm;
use super::schedule::Schedule;
use super::tally::{Answered, Punctuality, Tally};
use super::template::Stock;
use super::work::Pace;
use crate::delivery::Policy;
use crate::exporters::otlp::Ready;
use crate::failure::{Failure, Phase};
use crate::flow::{Lifetime, Receipt};
use crate::signal::Signal;
use crate::units::{ByteCount, Items};

/// What all threads share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) pace: Pace,
    /// Items in a request; the last may have fewer.
    pub(super) items: u64,
    pub(super) begun: Instant,
    /// When nothing more is sent.
    pub(super) end: Option<Instant>,
    /// Requests in all; no end without it.
    pub(super) requests: Option<u64>,
    /// Items that may still be sent; no end without it.
    pub(super) left: Option<AtomicU64>,
    /// The next sequence of each signal.
    pub(super) next: Vec<(Signal, AtomicU64)>,
    /// Requests that were begun.
    pub(super) taken: AtomicU64,
    pub(super) retry: Option<Policy>,
    /// Nothing more is sent when its intake ends.
    pub(super) lifetime: Lifetime,
}

/// One thread.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) run: Arc<Run>,
    /// Which of how many it is.
    pub(super) index: u64,
    pub(super) count: u64,
    /// Held by whoever waits for the next request to be due; the others wait in line.
    turn: tokio::sync::Mutex<Turn>,
    stocks: Mutex<Vec<Stock>>,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Turn {
    /// Requests that were given out.
    number: u64,
    alarm: Option<Alarm>,
}

/// A request that is to be sent now.
#[derive(Debug)]
struct Job {
    number: u64,
    /// When it should have been sent; nothing in a closed loop.
    due: Option<Instant>,
}

impl Run {
    /// So many sequences of the signal at this place, or fewer at the end of the run; nothing when all are sent.
    fn take(&self, place: usize) -> Option<Range<u64>> {
        let items = match &self.left {
            None => self.items,
            Some(left) => {
                let take = |left: u64| Some(left - self.items.min(left));
                let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or(0);
                before.min(self.items)
            }
        };
        let (_, next) = self.next.get(place).filter(|_| items > 0)?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        let first = next.fetch_add(items, Ordering::Relaxed);
        Some(first..first + items)
    }

    fn is_over(&self) -> bool {
        self.lifetime.is_draining() || self.end.is_some_and(|end| end <= Instant::now())
    }
}

impl Worker {
    /// A thread with the requests of `stocks`, which stand in the order of the run's signals.
    pub(super) fn new(run: &Arc<Run>, index: u64, count: u64, stocks: Vec<Stock>) -> Worker {
        Worker {
            run: Arc::clone(run),
            index,
            count,
            turn: tokio::sync::Mutex::default(),
            stocks: Mutex::new(stocks),
            tally: Mutex::new(Tally::new()),
        }
    }

    /// Moves what was counted since the last time to `sum`.
    pub(super) fn tell(&self, sum: &mut Tally) {
        sum.absorb(&mut lock(&self.tally));
    }

    /// Sends one request after the other until the run is over. `ways` stand in the order of the run's signals.
    pub(super) async fn work(&self, ways: &[Ready]) {
        let signals = ways.len().max(1) as u64;
        while let Some(job) = self.next().await {
            let place = usize::try_from(job.number % signals).unwrap_or(0);
            let (Some(way), Some(sequences)) = (ways.get(place), self.run.take(place)) else { return };
            if let Some(pause) = self.send(way, place, sequences, job.due).await {
                self.rest(pause).await;
            }
        }
    }

    /// Waits for so long; nothing when the run was over before.
    async fn rest(&self, pause: Duration) -> Option<()> {
        tokio::select! {
            biased;
            () = self.run.lifetime.intake_ended() => None,
            () = tokio::time::sleep(pause) => Some(()),
        }
    }

    /// Waits for the next request; nothing when the run is over.
    async fn next(&self) -> Option<Job> {
        let mut turn = self.turn.lock().await;
        if self.run.is_over() {
            return None;
        }
        let number = turn.number;
        let due = match self.run.pace {
            Pace::Closed => None,
            Pace::Open(schedule) => Some(self.wait(&mut turn, schedule).await?),
        };
        turn.number += 1;
        Some(Job { number, due })
    }

    /// Waits until the next request is due. The threads share the schedule like the cards of a game.
    async fn wait(&self, turn: &mut Turn, schedule: Schedule) -> Option<Instant> {
        let number = turn.number * self.count + self.index;
        let due = self.run.begun.checked_add(schedule.due(number))?;
        // Nobody waits for a request that there will not be.
        let is_beyond = self.run.requests.is_some_and(|requests| requests <= number);
        if is_beyond || self.run.end.is_some_and(|end| end <= due) {
            return None;
        }
        if due <= Instant::now() {
            return Some(due);
        }
        if turn.alarm.is_none() {
            turn.alarm = Alarm::new().ok();
        }
        let waited = async {
            match &turn.alarm {
                Some(alarm) if alarm.until(due).await.is_ok() => {}
                // Out of files: the runtime's timer is exact to a millisecond.
                _ => tokio::time::sleep_until(due.into()).await,
            }
        };
        tokio::select! {
            () = waited => (!self.run.is_over()).then_some(due),
            () = self.run.lifetime.intake_ended() => None,
        }
    }

    /// Sends one request, and counts what came of it. The pause that is due before the next one, if any.
    async fn send(&self, way: &Ready, place: usize, sequences: Range<u64>, due: Option<Instant>) -> Option<Duration> {
        let items = Items(sequences.end - sequences.start);
        let (signal, _) = self.run.next.get(place)?;
        let filled = lock(&self.stocks).get_mut(place)?.fill(sequences, unix_nanos())?;
        let began = Instant::now();
        let due = due.unwrap_or(began);
        let mut retries = 0;
        let mut schedule = self.run.retry.as_ref().map(Policy::begin);
        let outcome = loop {
            let outcome = way.send(filled.message.clone()).await;
            let pause = outcome.as_ref().err().and_then(|failure| schedule.as_mut()?.next(failure.retry()));
            let Some(pause) = pause else { break outcome };
            if self.rest(pause.whole).await.is_none() {
                break outcome;
            }
            retries += 1;
        };
        let answered = Answered {
            signal: *signal,
            items,
            message: ByteCount::of(filled.message.len()),
            latency: due.elapsed(),
            sent: if due + LATE < began { Punctuality::Late } else { Punctuality::InTime },
            retries,
            outcome,
        };
        lock(&self.tally).count(&answered);
        if let Some(stock) = lock(&self.stocks).get_mut(place) {
            stock.give_back(filled);
        }
        self.pause_after(&answered.outcome)
    }

    /// A closed loop would do nothing but dial where nobody answers.
    fn pause_after(&self, outcome: &Result<Receipt, Failure>) -> Option<Duration> {
        let failure = outcome.as_ref().err().filter(|_| self.run.pace == Pace::Closed)?;
        let is_unconnected = matches!(failure.phase(), Phase::Resolve | Phase::Connect | Phase::Proxy | Phase::Tls);
        is_unconnected.then_some(UNCONNECTED)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unix_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// From here on a request counts as late: more than what timers and the scheduler of a busy machine take.
const LATE: Duration = Duration::from_millis(10);
const UNCONNECTED: Duration = Duration::from_millis(100);
