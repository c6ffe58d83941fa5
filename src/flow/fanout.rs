//! One payload to several stages at once, none of which delays another.

use std::sync::Arc;

use super::{Consume, Consumed, Lifetime, Next, Receipt};
use crate::failure::{Class, Failure, Retry};
use crate::payload::Payload;

/// Hands each payload to all of its branches concurrently.
///
/// Each branch runs as a task of its own, so that a branch goes on although the sender went away, and a branch that
/// waits holds up nobody. The sender hears of the first failure when all branches have answered; a retryable one
/// is preferred, since after a final one the sender would give up what another branch could still take.
pub struct FanOut {
    branches: Arc<[Next]>,
    lifetime: Lifetime,
}

impl FanOut {
    /// A stage for `branches`: the branch itself when there is only one.
    pub fn over(mut branches: Vec<Next>, lifetime: &Lifetime) -> Next {
        match branches.pop() {
            Some(only) if branches.is_empty() => only,
            last => {
                branches.extend(last);
                Arc::new(FanOut { branches: branches.into(), lifetime: lifetime.clone() })
            }
        }
    }
}

impl Consume for FanOut {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        let answers: Vec<_> = self
            .branches
            .iter()
            .map(|branch| {
                let (branch, payload) = (Arc::clone(branch), payload.clone());
                self.lifetime.ask("fan-out branch", async move { branch.consume(payload).await })
            })
            .collect();
        drop(payload);
        Box::pin(async move {
            let mut outcome: Result<Receipt, Failure> = Ok(Receipt::empty());
            for answer in answers {
                let answered = answer.await.unwrap_or_else(|| {
                    Err(Failure::new(Class::Panicked, "a task of this pipeline ended without an answer"))
                });
                outcome = combine(outcome, answered);
            }
            outcome
        })
    }

    /// As long as one branch takes something.
    fn is_open(&self) -> Result<(), Failure> {
        self.branches.iter().map(|branch| branch.is_open()).reduce(|one, other| one.or(other)).unwrap_or(Ok(()))
    }
}

fn combine(so_far: Result<Receipt, Failure>, next: Result<Receipt, Failure>) -> Result<Receipt, Failure> {
    match (so_far, next) {
        (Ok(a), Ok(b)) => Ok(a.and(b)),
        (Err(a), Err(b)) if a.retry() == Retry::Never && b.retry() != Retry::Never => Err(b),
        (Err(failure), _) | (Ok(_), Err(failure)) => Err(failure),
    }
}
