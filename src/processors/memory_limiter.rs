//! Whether there is memory left to take data in: the `memory_limiter` processor.
//!
//! Like the Collector's it refuses with a retryable failure while more than the soft limit is used, which is the limit
//! less the spike. It has no timer: a payload that comes at least one `check_interval` after the last measurement measures
//! anew. Where the Collector collects garbage, the allocator is asked to give back what is free.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::config;
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next};
use crate::memory::{Memory, Pressure, Reading, Refusing};
use crate::payload::Payload;
use crate::units::{ByteCount, Items};

use super::memory_bounds::{Bounds, Level};

/// One limiter, shared by every pipeline that names it.
pub struct MemoryLimiter {
    bounds: Bounds,
    memory: Box<dyn Memory>,
    /// In microseconds.
    interval: u64,
    epoch: Instant,
    /// When to measure next, in microseconds from `epoch`.
    due: AtomicU64,
    refusing: AtomicBool,
    /// Who else is to know that it refuses.
    pressure: Pressure,
    found: Mutex<Found>,
}

/// What was last found.
struct Found {
    reading: Reading,
    level: Level,
    refusing: Option<Refusing>,
}

/// What became of a payload at a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was let through.
    Accepted,
    /// It was refused.
    Refused,
}

/// Hears of each payload at a limiter.
pub type OnVerdict = Box<dyn Fn(Verdict, Items) + Send + Sync>;

impl MemoryLimiter {
    /// A limiter of `memory` as `settings` asks for. While it refuses, `pressure` is high.
    pub fn new(settings: &config::MemoryLimiter, memory: Box<dyn Memory>, pressure: Pressure) -> Arc<MemoryLimiter> {
        let config::MemoryLimiter { check_interval, limit, spike } = settings;
        let bounds = Bounds::of(*limit, *spike, memory.total(), memory.group_limit());
        bounds.announce(*limit, *spike, memory.total(), *check_interval);
        if memory.read() == Reading::default() {
            tracing::warn!("the memory of this process cannot be measured on this system: the limiter never refuses");
        }
        Arc::new(MemoryLimiter {
            bounds,
            memory,
            interval: u64::try_from(check_interval.as_micros()).unwrap_or(u64::MAX),
            epoch: Instant::now(),
            due: AtomicU64::new(0),
            refusing: AtomicBool::new(false),
            pressure,
            found: Mutex::new(Found { reading: Reading::default(), level: Level::Within, refusing: None }),
        })
    }

    /// A stage in front of `next` that refuses while memory is short, and tells `on_verdict` so.
    pub fn guard(self: &Arc<Self>, on_verdict: OnVerdict, next: Next) -> Next {
        Arc::new(Guard { limiter: Arc::clone(self), on_verdict, next })
    }

    fn admit(&self) -> Result<(), Failure> {
        self.check();
        if !self.refusing.load(Ordering::Relaxed) {
            return Ok(());
        }
        let reading = self.found().reading;
        let text = format!("data refused due to high memory usage: {}", self.bounds.explain(reading));
        Err(Failure::new(Class::MemoryLimited, text))
    }

    /// Measures, if it is time to and nobody else does.
    fn check(&self) {
        let now = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        let due = self.due.load(Ordering::Relaxed);
        let next = now.saturating_add(self.interval);
        if now < due || self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let before = self.found().level;
        let (reading, level) = self.measure(before);
        let refuses = level != Level::Within;
        let mut found = self.found();
        let refusing = refuses.then(|| found.refusing.take().unwrap_or_else(|| self.pressure.refuse()));
        *found = Found { reading, level, refusing };
        drop(found);
        self.refusing.store(refuses, Ordering::Relaxed);
        if level != before {
            report(reading, level, before);
        }
    }

    /// What is used now. When that is too much at last, or far too much, it is what is still used after a release.
    fn measure(&self, before: Level) -> (Reading, Level) {
        let reading = self.memory.read();
        let level = self.bounds.judge(reading);
        let releases = level == Level::AboveHard || before < level;
        if !releases {
            return (reading, level);
        }
        self.memory.release();
        let reading = self.memory.read();
        (reading, self.bounds.judge(reading))
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs a change in the Collector's words.
fn report(reading: Reading, level: Level, before: Level) {
    let mib = |bytes: Option<ByteCount>| bytes.map(|bytes| bytes.0 >> 20);
    let (cur_mem_mib, group_mem_mib) = (mib(reading.process), mib(reading.group));
    let (class, remedy) = (Class::MemoryLimited.code(), Class::MemoryLimited.row().remedy);
    match level {
        Level::Within => {
            tracing::info!(cur_mem_mib, group_mem_mib, "Memory usage back within limits. Resuming normal operation.");
        }
        Level::AboveSoft if before == Level::AboveHard => {}
        Level::AboveSoft => {
            tracing::warn!(
                class,
                cur_mem_mib,
                group_mem_mib,
                remedy,
                "Memory usage is above soft limit. Refusing data."
            );
        }
        Level::AboveHard => {
            tracing::warn!(
                class,
                cur_mem_mib,
                group_mem_mib,
                remedy,
                "Memory usage is above hard limit. Refusing data."
            );
        }
    }
}

struct Guard {
    limiter: Arc<MemoryLimiter>,
    on_verdict: OnVerdict,
    next: Next,
}

impl Consume for Guard {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        match self.limiter.admit() {
            Ok(()) => {
                (self.on_verdict)(Verdict::Accepted, payload.items());
                self.next.consume(payload)
            }
            Err(failure) => {
                (self.on_verdict)(Verdict::Refused, payload.items());
                Box::pin(std::future::ready(Err(failure)))
            }
        }
    }

    fn is_open(&self) -> Result<(), Failure> {
        self.limiter.admit()?;
        self.next.is_open()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::config::MemoryLimit;
    use crate::flow::Taker;
    use crate::signal::Signal;

    /// Memory that a test fills; what is free comes back when it is released.
    #[derive(Clone, Default)]
    struct Played {
        process: Arc<AtomicU64>,
        group: Arc<AtomicU64>,
        free: Arc<AtomicU64>,
        releases: Arc<AtomicU64>,
        pressure: Pressure,
    }

    impl Memory for Played {
        fn total(&self) -> ByteCount {
            ByteCount(1000)
        }

        fn group_limit(&self) -> Option<ByteCount> {
            Some(ByteCount(1000))
        }

        fn read(&self) -> Reading {
            let value = |of: &AtomicU64| of.load(Ordering::Relaxed);
            let group = value(&self.group) + value(&self.free);
            Reading { process: Some(ByteCount(value(&self.process))), group: Some(ByteCount(group)) }
        }

        fn release(&self) {
            self.releases.fetch_add(1, Ordering::Relaxed);
            self.free.store(0, Ordering::Relaxed);
        }
    }

    /// A limiter of 500 with a spike of 100, in a group of 1000.
    fn limiter(memory: &Played) -> (Next, Arc<Mutex<Vec<Verdict>>>) {
        let settings = config::MemoryLimiter {
            check_interval: Duration::from_secs(1),
            limit: MemoryLimit::Bytes(ByteCount(500)),
            spike: None,
        };
        let verdicts: Arc<Mutex<Vec<Verdict>>> = Arc::default();
        let heard = Arc::clone(&verdicts);
        let on_verdict = Box::new(move |verdict, _| heard.lock().unwrap().push(verdict));
        let limiter = MemoryLimiter::new(&settings, Box::new(memory.clone()), memory.pressure.clone());
        (limiter.guard(on_verdict, Arc::new(Taker)), verdicts)
    }

    async fn send(stage: &Next) -> Option<Class> {
        let payload = Payload::parse(Signal::Logs, Bytes::new()).unwrap();
        stage.consume(payload).await.err().map(|failure| failure.class())
    }

    #[tokio::test(start_paused = true)]
    async fn it_refuses_above_the_soft_limit_and_measures_once_each_interval() {
        let memory = Played::default();
        let (stage, verdicts) = limiter(&memory);
        let limited = Some(Class::MemoryLimited);
        for (bytes, wait, expected) in
            [(399, 0, None), (400, 500, None), (400, 500, limited), (10, 999, limited), (10, 1, None)]
        {
            memory.process.store(bytes, Ordering::Relaxed);
            tokio::time::advance(Duration::from_millis(wait)).await;
            assert_eq!(stage.is_open().err().map(|failure| failure.class()), expected);
            assert_eq!(send(&stage).await, expected, "{bytes} after {wait} ms more");
            assert_eq!(memory.pressure.is_high(), expected.is_some());
        }
        use Verdict::{Accepted, Refused};
        assert_eq!(*verdicts.lock().unwrap(), [Accepted, Accepted, Refused, Refused, Accepted]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_refuses_when_the_group_comes_near_to_its_own_limit() {
        for (group, expected) in [(899, None), (900, Some(Class::MemoryLimited))] {
            let memory = Played::default();
            memory.group.store(group, Ordering::Relaxed);
            assert_eq!(send(&limiter(&memory).0).await, expected, "{group}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_free_is_given_back_before_anything_is_refused() {
        let memory = Played::default();
        memory.group.store(300, Ordering::Relaxed);
        memory.free.store(650, Ordering::Relaxed);
        assert_eq!(send(&limiter(&memory).0).await, None);
        assert_eq!(memory.releases.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn above_the_soft_limit_memory_is_released_once_and_above_the_hard_limit_each_time() {
        for (used, releases) in [(450, 1), (500, 3)] {
            let memory = Played::default();
            memory.process.store(used, Ordering::Relaxed);
            let (stage, _) = limiter(&memory);
            for _ in 0..3 {
                assert_eq!(send(&stage).await, Some(Class::MemoryLimited));
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            assert_eq!(memory.releases.load(Ordering::Relaxed), releases, "{used}");
        }
    }
}
