//! What finally becomes of data: told exactly once for each item, after what can be saved of a refused request was saved.
//!
//! A backend that refuses a request for its size or for the content of one item refuses the items around it, too. So the
//! request is cut and its parts are tried by themselves; only the offender is set aside. See [`salvage`].

mod salvage;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::{Class, Failure, Retry as Verdict};
use crate::flow::{Consume, Consumed, Receipt};
use crate::payload::Payload;
use crate::signal::Merge;
use crate::units::Items;

use super::dead_letters::DeadLetters;
use super::lease::Outcome;
use super::retry::Retry;

/// Hears the final outcome of each request, or of each part of one that was cut: its items are counted once.
pub type OnSettled = Box<dyn Fn(Items, &Result<Receipt, Failure>) + Send + Sync>;

/// Which failures are the end of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All: its sender was told long ago that it was accepted.
    Every,
    /// All but the end of the relay: what that interrupts is still in the queue on disk.
    NotKept,
    /// Those after which nobody tries again: after any other the sender still has the data.
    Final,
}

/// Around the retries of a chain.
pub(super) struct Settle {
    retry: Arc<Retry>,
    on_settled: OnSettled,
    /// Whether requests of the signal can be cut.
    merge: Merge,
    scope: Scope,
    dead_letters: Option<Arc<dyn DeadLetters>>,
    /// Requests in a row of which nothing was saved, with no success between them.
    fruitless: AtomicU32,
}

impl Scope {
    fn includes(self, failure: &Failure) -> bool {
        match self {
            Scope::Every => true,
            Scope::NotKept => failure.class() != Class::ShuttingDown,
            Scope::Final => failure.retry() == Verdict::Never,
        }
    }
}

impl Settle {
    pub(super) fn new(
        retry: Arc<Retry>,
        on_settled: OnSettled,
        merge: Merge,
        scope: Scope,
        dead_letters: Option<Arc<dyn DeadLetters>>,
    ) -> Settle {
        Settle { retry, on_settled, merge, scope, dead_letters, fruitless: AtomicU32::new(0) }
    }

    async fn deliver(&self, payload: Payload) -> Outcome {
        let items = payload.items();
        match self.retry.consume(payload.clone()).await {
            Ok(receipt) => {
                self.saw_success();
                let outcome = Ok(receipt);
                (self.on_settled)(items, &outcome);
                outcome
            }
            Err(failure) => Box::pin(self.refused(payload, failure)).await,
        }
    }

    async fn refused(&self, payload: Payload, failure: Failure) -> Outcome {
        if self.merge == Merge::Whole || !salvage::helps(&failure, &payload) {
            return self.conclude(payload, failure).await;
        }
        if self.refuses_everything() {
            self.saved_nothing();
            return self.conclude(payload, failure).await;
        }
        salvage::salvage(self, payload, failure).await
    }

    /// The end of `payload`, which nobody tries to deliver any more, although no attempt has failed for good.
    pub(super) async fn give_up(&self, payload: Payload, failure: Failure) {
        // How it ended was told to those who count; nobody waits for it.
        let _ = self.conclude(payload, failure).await;
    }

    /// Sets `payload` aside, which is only in memory when the relay ends; whether it could. It does not count what is lost.
    pub(super) fn rescue(&self, payload: &Payload, failure: &Failure) -> bool {
        let Some(dead_letters) = &self.dead_letters else { return false };
        let is_kept = dead_letters.keep(payload, failure).is_ok();
        if is_kept {
            (self.on_settled)(payload.items(), &Ok(Receipt::set_aside(payload.items())));
        }
        is_kept
    }

    /// The end of `payload`, which cannot be delivered: it is set aside, or its items are lost or go back to their sender.
    async fn conclude(&self, payload: Payload, failure: Failure) -> Outcome {
        let items = payload.items();
        let outcome = self.set_aside(payload, failure).await;
        (self.on_settled)(items, &outcome);
        outcome
    }

    async fn set_aside(&self, payload: Payload, failure: Failure) -> Outcome {
        let dead_letters = self.dead_letters.as_ref().filter(|_| self.scope.includes(&failure));
        let Some(dead_letters) = dead_letters.map(Arc::clone) else {
            return Err(failure);
        };
        let (items, is_the_end) = (payload.items(), failure.class() == Class::ShuttingDown);
        let keep = move || match dead_letters.keep(&payload, &failure) {
            Ok(()) => Ok(Receipt::set_aside(items)),
            // Why the data is lost is what comes first; why it could not be kept is told there.
            Err(_) => Err(failure),
        };
        if is_the_end {
            // Nothing waits for other threads any more.
            return keep();
        }
        tokio::task::spawn_blocking(keep).await.unwrap_or_else(|error| {
            let text = "setting data aside panicked, and the data is lost";
            Err(Failure::new(Class::Panicked, text).because(error))
        })
    }

    fn saw_success(&self) {
        if self.fruitless.load(Ordering::Relaxed) != 0 {
            self.fruitless.store(0, Ordering::Relaxed);
        }
    }

    fn saved_nothing(&self) {
        self.fruitless.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the last requests were refused in all their parts: then cutting the next one only makes more requests. Now
    /// and then one is cut all the same: perhaps the bad items are fewer now.
    fn refuses_everything(&self) -> bool {
        let fruitless = self.fruitless.load(Ordering::Relaxed);
        MOST_FRUITLESS <= fruitless && !fruitless.is_multiple_of(ONE_IN)
    }
}

impl Consume for Settle {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(self.deliver(payload))
    }
}

/// After so many requests of which nothing was saved, the next ones are not cut, until one is taken whole …
const MOST_FRUITLESS: u32 = 3;

/// … but for one in so many.
const ONE_IN: u32 = 16;
