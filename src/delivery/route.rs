//! Which target an attempt goes to, and how that target has been doing.
//!
//! An exporter has one target as yet: itself. A fallback becomes a second entry of `targets`, another exporter's
//! attempt (never its queue); whoever decides to switch stores its place in `active` and wakes the retries that sleep.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::failure::Failure;
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::payload::Payload;

/// Hands each attempt to the active target and notes how it went.
pub(crate) struct Route {
    /// Never empty.
    targets: Vec<Target>,
    /// A place in `targets`.
    active: AtomicUsize,
}

/// Something that attempts can go to.
struct Target {
    attempt: Next,
    health: Health,
}

/// How the attempts at one target have been going.
#[derive(Debug, Default)]
struct Health {
    /// Attempts that failed since one last succeeded.
    failures_in_a_row: AtomicU64,
}

impl Route {
    /// A route to `attempt` alone.
    pub(crate) fn to(attempt: Next) -> Route {
        Route { targets: vec![Target { attempt, health: Health::default() }], active: AtomicUsize::new(0) }
    }

    fn active(&self) -> &Target {
        &self.targets[self.active.load(Ordering::Relaxed)]
    }
}

impl Consume for Route {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        let target = self.active();
        Box::pin(async move {
            let outcome = target.attempt.consume(payload).await;
            target.health.note(&outcome);
            outcome
        })
    }
}

impl Health {
    fn note(&self, outcome: &Result<Receipt, Failure>) {
        match outcome {
            Ok(_) => self.failures_in_a_row.store(0, Ordering::Relaxed),
            Err(_) => {
                self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
