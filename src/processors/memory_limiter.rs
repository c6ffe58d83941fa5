//! Whether there is memory left to take data in: the `memory_limiter` processor.
//!
//! Like the Collector's it refuses with a retryable failure while the process uses more than its soft limit, which is
//! the limit less the spike. It has no timer: a payload that comes at least one `check_interval` after the last
//! measurement measures anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::Instant;

use crate::config::{self, MemoryLimit};
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next};
use crate::payload::Payload;
use crate::units::ByteCount;

use super::memory::Measure;

/// One limiter, shared by every pipeline that names it.
pub struct MemoryLimiter {
    soft: ByteCount,
    /// In microseconds.
    interval: u64,
    measure: Measure,
    epoch: Instant,
    /// When to measure next, in microseconds from `epoch`.
    due: AtomicU64,
    refusing: AtomicBool,
    /// What was last measured, in bytes.
    used: AtomicU64,
}

impl MemoryLimiter {
    /// A limiter as `settings` asks for; percentages are of `available`.
    pub fn new(settings: &config::MemoryLimiter, available: ByteCount, measure: Measure) -> Arc<MemoryLimiter> {
        let config::MemoryLimiter { check_interval, limit, spike } = settings;
        let soft = soft_limit(*limit, *spike, available);
        tracing::info!(soft_limit = %soft, check_interval = ?check_interval, "memory limiter configured");
        if measure().is_none() {
            tracing::warn!("the memory of this process cannot be measured on this system: the limiter never refuses");
        }
        Arc::new(MemoryLimiter {
            soft,
            interval: u64::try_from(check_interval.as_micros()).unwrap_or(u64::MAX),
            measure,
            epoch: Instant::now(),
            due: AtomicU64::new(0),
            refusing: AtomicBool::new(false),
            used: AtomicU64::new(0),
        })
    }

    /// A stage in front of `next` that refuses while memory is short.
    pub fn guard(self: &Arc<Self>, next: Next) -> Next {
        Arc::new(Guard { limiter: Arc::clone(self), next })
    }

    fn admit(&self) -> Result<(), Failure> {
        self.check();
        if !self.refusing.load(Ordering::Relaxed) {
            return Ok(());
        }
        let used = ByteCount(self.used.load(Ordering::Relaxed));
        let text = format!("the relay uses {used} of memory, and its soft limit is {}", self.soft);
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
        let Some(used) = (self.measure)() else { return };
        self.used.store(used.0, Ordering::Relaxed);
        let refusing = self.soft <= used;
        if self.refusing.swap(refusing, Ordering::Relaxed) == refusing {
            return;
        }
        if refusing {
            tracing::warn!(
                class = %Class::MemoryLimited,
                used = %used,
                soft_limit = %self.soft,
                "memory usage is above the soft limit: refusing data until it is below; {}",
                Class::MemoryLimited.row().remedy
            );
        } else {
            tracing::info!(used = %used, soft_limit = %self.soft, "memory usage is back within its limits");
        }
    }
}

struct Guard {
    limiter: Arc<MemoryLimiter>,
    next: Next,
}

impl Consume for Guard {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        match self.limiter.admit() {
            Ok(()) => self.next.consume(payload),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }
}

/// The limit less the spike, which is a fifth of the limit unless something smaller than the limit is asked for.
fn soft_limit(limit: MemoryLimit, spike: Option<MemoryLimit>, available: ByteCount) -> ByteCount {
    let bytes = |amount| match amount {
        MemoryLimit::Bytes(bytes) => bytes,
        MemoryLimit::Percent(percent) => ByteCount(available.0 / 100 * u64::from(percent)),
    };
    let limit = bytes(limit);
    let spike = spike.map(bytes).filter(|spike| *spike < limit).unwrap_or(ByteCount(limit.0 / 5));
    limit - spike
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::flow::Receipt;
    use crate::signal::Signal;

    struct Sink;

    impl Consume for Sink {
        fn consume(&self, _: Payload) -> Consumed<'_> {
            Box::pin(async { Ok(Receipt::empty()) })
        }
    }

    static USED: AtomicU64 = AtomicU64::new(0);

    fn used() -> Option<ByteCount> {
        Some(ByteCount(USED.load(Ordering::Relaxed)))
    }

    #[tokio::test(start_paused = true)]
    async fn it_refuses_above_the_soft_limit_and_measures_once_each_interval() {
        let settings = config::MemoryLimiter {
            check_interval: Duration::from_secs(1),
            limit: MemoryLimit::Bytes(ByteCount(100)),
            spike: None,
        };
        let stage = MemoryLimiter::new(&settings, ByteCount::mib(1), used).guard(Arc::new(Sink));
        for (bytes, wait, expected) in [
            (79, 0, None),
            (80, 500, None),
            (80, 500, Some(Class::MemoryLimited)),
            (10, 999, Some(Class::MemoryLimited)),
            (10, 1, None),
        ] {
            USED.store(bytes, Ordering::Relaxed);
            tokio::time::advance(Duration::from_millis(wait)).await;
            let payload = Payload::parse(Signal::Logs, Bytes::new()).unwrap();
            let outcome = stage.consume(payload).await;
            assert_eq!(outcome.err().map(|failure| failure.class()), expected, "{bytes} after {wait} ms more");
        }
    }

    #[test]
    fn the_soft_limit_is_the_limit_less_the_spike() {
        let available = ByteCount(1000);
        let bytes = |n| MemoryLimit::Bytes(ByteCount(n));
        for (limit, spike, expected) in [
            (bytes(500), None, 400),
            (bytes(500), Some(bytes(200)), 300),
            (MemoryLimit::Percent(80), Some(MemoryLimit::Percent(25)), 550),
            (bytes(500), Some(MemoryLimit::Percent(50)), 400),
        ] {
            assert_eq!(soft_limit(limit, spike, available), ByteCount(expected), "{limit:?} {spike:?}");
        }
    }
}
