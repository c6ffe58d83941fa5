//! The seam through which data that is given up for good is set aside instead of being lost.

use std::sync::Arc;

use crate::failure::{Class, Failure, Retry};
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::payload::Payload;

/// Keeps what an exporter gives up, so that it can be sent again when the cause is mended.
pub trait DeadLetters: Send + Sync + 'static {
    /// Keeps `payload`, which `failure` made undeliverable: when this returns `Ok`, it is on disk, and it is counted and
    /// logged there. Blocks for as long as the disk takes, so call it on a thread that may wait.
    ///
    /// # Errors
    /// Why it could not be kept: the directory has all the bytes it may have, the disk is full, or it cannot be written.
    /// Then the data is lost, and whoever called counts it so.
    fn keep(&self, payload: &Payload, failure: &Failure) -> Result<(), Failure>;
}

/// Around the retries: what they give up is set aside, and counts as taken care of.
pub(super) struct SetAside {
    letters: Arc<dyn DeadLetters>,
    scope: Scope,
    next: Next,
}

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

impl SetAside {
    pub(super) fn around(next: Next, letters: Arc<dyn DeadLetters>, scope: Scope) -> SetAside {
        SetAside { letters, scope, next }
    }

    fn is_final(&self, failure: &Failure) -> bool {
        match self.scope {
            Scope::Every => true,
            Scope::NotKept => failure.class() != Class::ShuttingDown,
            Scope::Final => failure.retry() == Retry::Never,
        }
    }

    /// On a thread that may wait for the disk, except at the very end of a run, when nothing waits for such threads.
    async fn keep(&self, payload: Payload, failure: Failure) -> Result<Receipt, Failure> {
        let items = payload.items();
        let is_the_end = failure.class() == Class::ShuttingDown;
        let letters = Arc::clone(&self.letters);
        let keep = move || match letters.keep(&payload, &failure) {
            Ok(()) => Ok(Receipt::set_aside(items)),
            // Why it could not be kept is told where it was tried; what it died of is the first failure.
            Err(_) => Err(failure),
        };
        if is_the_end {
            return keep();
        }
        let kept = tokio::task::spawn_blocking(keep).await;
        kept.unwrap_or_else(|_| Err(Failure::new(Class::Panicked, "setting data aside panicked")))
    }
}

impl Consume for SetAside {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            match self.next.consume(payload.clone()).await {
                Err(failure) if self.is_final(&failure) => self.keep(payload, failure).await,
                outcome => outcome,
            }
        })
    }
}
