//! Whether and when an export that failed is tried again, and what interrupts it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};

use crate::attempt::numbered;
use crate::config;
use crate::failure::{self, Class, Failure};
use crate::flow::{Consume, Consumed, Lifetime, Next, Receipt};
use crate::payload::Payload;

use super::level::QueueLevel;
use super::schedule::{Pause, Policy};
use super::succession::Succession;
use super::throttle::Throttle;

/// Tries until it succeeds, fails for good, or has used up the time that it is given.
///
/// While the relay drains, sleepers wake and try again at once, and further pauses are short: there is little time left.
/// Pauses that the peer asked for are kept to the end. When the grace period is over, everything ends with
/// [`Class::ShuttingDown`], so that the stage around it counts what is lost.
pub(crate) struct Retry {
    /// None where `retry_on_failure` is off: one try.
    policy: Option<Policy>,
    throttle: Throttle,
    next: Next,
    lifetime: Lifetime,
    /// Where it shows when the next try is due.
    level: Arc<QueueLevel>,
    succession: Succession,
}

impl Retry {
    /// Tries `next` as `retry` says, and shows in `level` when the next try is due.
    pub(crate) fn around(
        next: Next,
        retry: Option<config::Retry>,
        lifetime: &Lifetime,
        level: &Arc<QueueLevel>,
    ) -> Retry {
        let policy = retry.map(Policy::new);
        let (throttle, succession) = (Throttle::default(), Succession::default());
        Retry { policy, throttle, next, lifetime: lifetime.clone(), level: Arc::clone(level), succession }
    }

    /// From now on every further try is `successor`'s, those of exports that sleep between two tries at once.
    pub(crate) fn hand_over_to(&self, successor: Arc<Retry>) {
        self.succession.name(successor);
    }

    async fn deliver(&self, payload: Payload) -> Result<Receipt, Failure> {
        match self.policy {
            Some(policy) => self.persist(payload, policy).await,
            None => self.once(payload).await,
        }
    }

    async fn once(&self, payload: Payload) -> Result<Receipt, Failure> {
        match self.succession.successor() {
            Some(successor) => successor.consume(payload).await,
            None => self.attempt(payload, None, 1).await,
        }
    }

    async fn persist(&self, payload: Payload, policy: Policy) -> Result<Receipt, Failure> {
        self.let_through().await;
        let mut schedule = policy.begin();
        let mut cause = None;
        let mut tries = 0;
        loop {
            if let Some(successor) = self.succession.successor() {
                return successor.consume(payload).await;
            }
            tries += 1;
            let failure = match self.attempt(payload.clone(), cause.take(), tries).await {
                Ok(receipt) => return Ok(receipt),
                Err(failure) if self.lifetime.is_aborted() => return Err(failure),
                Err(failure) => failure,
            };
            if let failure::Retry::After(delay) = failure.retry() {
                self.throttle.demand(delay);
            }
            match schedule.next(failure.retry()) {
                Some(pause) => self.pause(pause).await,
                // What failed for good with the old settings is for the new ones to decide.
                None if self.succession.successor().is_some() => {}
                None => return Err(failure),
            }
            self.let_through().await;
            cause = Some(failure);
        }
    }

    /// Waits until the backend wants to be sent something.
    async fn let_through(&self) {
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => {}
            () = self.throttle.over() => {}
        }
    }

    /// The try with this `number`. `before` is the failure of the try before it.
    async fn attempt(&self, payload: Payload, before: Option<Failure>, number: u32) -> Result<Receipt, Failure> {
        // A panic is caught here, inside of whatever counts outcomes, so that the data is counted as lost.
        let attempt = AssertUnwindSafe(numbered(number, async { self.next.consume(payload).await })).catch_unwind();
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => Err(interrupted(before)),
            outcome = attempt => outcome.unwrap_or_else(|_| {
                Err(Failure::new(Class::Panicked, "the exporter panicked, and the data of this request is dropped"))
            }),
        }
    }

    async fn pause(&self, pause: Pause) {
        let now = Instant::now();
        let demanded = now + pause.demanded;
        let hurried = demanded.max(now + DRAIN_PAUSE);
        let whole = now + pause.whole;
        let _shown = self.level.sleeping(whole);
        let draining = self.lifetime.is_draining();
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => {}
            () = self.woken_for_succession(demanded) => {}
            () = sleep_until(whole) => {}
            () = sleep_until(hurried), if draining => {}
            () = self.woken_for_drain(demanded), if !draining => {}
        }
    }

    /// Ends when there is a successor, but not before `demanded`: it may well send to the peer that asked for the pause.
    async fn woken_for_succession(&self, demanded: Instant) {
        self.succession.named().await;
        sleep_until(demanded).await;
    }

    /// Ends when the drain begins, but not before `demanded`.
    async fn woken_for_drain(&self, demanded: Instant) {
        self.lifetime.intake_ended().await;
        sleep_until(demanded).await;
    }
}

impl Consume for Retry {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(self.deliver(payload))
    }
}

fn interrupted(before: Option<Failure>) -> Failure {
    match before {
        None => Failure::new(Class::ShuttingDown, "the relay stopped before the export had ended"),
        Some(before) => {
            let endpoint = before.endpoint().map(Into::into);
            let failure = Failure::new(Class::ShuttingDown, "the relay stopped before the export was tried again");
            match endpoint {
                Some(endpoint) => failure.at(endpoint).because(before),
                None => failure.because(before),
            }
        }
    }
}

/// The longest pause while the relay drains, unless the peer asked for a longer one.
const DRAIN_PAUSE: Duration = Duration::from_secs(1);
