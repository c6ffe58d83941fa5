//! Whether and when an export that failed is tried again, and what interrupts it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};

use crate::attempt::numbered;
use crate::config;
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Lifetime, Receipt};
use crate::payload::Payload;

use super::level::QueueLevel;
use super::places;
use super::route::Route;
use super::schedule::{Pause, Policy};
use super::succession::Succession;

/// Tries until it succeeds, fails for good, or has used up the time that it is given.
///
/// While the relay drains, sleepers wake and try again at once, and further pauses are short: there is little time left.
/// Pauses that the peer asked for are kept to the end. When the grace period is over, everything ends with
/// [`Class::ShuttingDown`], so that the stage around it counts what is lost.
pub(crate) struct Retry {
    /// None where `retry_on_failure` is off: one try.
    policy: Option<Policy>,
    route: Arc<Route>,
    lifetime: Lifetime,
    /// Where it shows when the next try is due.
    level: Arc<QueueLevel>,
    succession: Succession,
}

impl Retry {
    /// Tries `route` as `retry` says, and shows in `level` when the next try is due.
    pub(crate) fn around(
        route: Arc<Route>,
        retry: Option<config::Retry>,
        lifetime: &Lifetime,
        level: &Arc<QueueLevel>,
    ) -> Retry {
        let policy = retry.map(Policy::new);
        let succession = Succession::default();
        Retry { policy, route, lifetime: lifetime.clone(), level: Arc::clone(level), succession }
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
            None => match self.attempt(payload.clone(), None, 1).await {
                Ok(receipt) => Ok(receipt),
                Err(failure) => self.last_resort(&payload, failure).await,
            },
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
            let turns = self.route.turns();
            let failure = match self.attempt(payload.clone(), cause.take(), tries).await {
                Ok(receipt) => return Ok(receipt),
                Err(failure) if self.lifetime.is_aborted() => return Err(failure),
                Err(failure) => failure,
            };
            match schedule.next(failure.retry()) {
                Some(pause) => self.pause(pause, turns).await,
                // What failed for good with the old settings is for the new ones to decide.
                None if self.succession.successor().is_some() => {}
                None => return self.last_resort(&payload, failure).await,
            }
            self.let_through().await;
            cause = Some(failure);
        }
    }

    /// Data that would be given up for `failure` is offered to the fallbacks, which may well take it: neither a budget of
    /// time nor a verdict on one backend is a reason to lose it.
    async fn last_resort(&self, payload: &Payload, failure: Failure) -> Result<Receipt, Failure> {
        let elsewhere = tokio::select! {
            biased;
            () = self.lifetime.aborted() => None,
            elsewhere = self.route.elsewhere(payload, &failure) => elsewhere,
        };
        elsewhere.ok_or(failure)
    }

    /// Waits until a backend wants to be sent something: a pause that it asks for is given to it by all exports, not only
    /// by the one that it answered (OTLP specification, "OTLP/gRPC Throttling": the client must throttle itself); the
    /// Collector's other consumers go on sending.
    async fn let_through(&self) {
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => {}
            () = self.route.open() => {}
        }
    }

    /// The try with this `number`. `before` is the failure of the try before it.
    async fn attempt(&self, payload: Payload, before: Option<Failure>, number: u32) -> Result<Receipt, Failure> {
        // A panic is caught here, inside of whatever counts outcomes, so that the data is counted as lost.
        let attempt = AssertUnwindSafe(numbered(number, async { self.route.consume(payload).await })).catch_unwind();
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => Err(interrupted(before)),
            outcome = attempt => outcome.unwrap_or_else(|_| {
                Err(Failure::new(Class::Panicked, "the exporter panicked, and the data of this request is dropped"))
            }),
        }
    }

    /// Ends early when another target has taken over since there were `turns` switches: it did not ask for any pause.
    async fn pause(&self, pause: Pause, turns: u64) {
        let now = Instant::now();
        let demanded = now + pause.demanded;
        let hurried = demanded.max(now + DRAIN_PAUSE);
        let whole = now + pause.whole;
        let shown = self.level.sleeping(whole);
        let _aside = places::step_aside();
        let draining = self.lifetime.is_draining();
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => {}
            () = self.route.turned(turns) => {}
            () = self.woken_for_succession(demanded) => {}
            () = sleep_until(whole) => {}
            () = sleep_until(hurried), if draining => {}
            () = self.woken_for_drain(demanded), if !draining => {}
        }
        drop(shown);
        tokio::select! {
            biased;
            () = self.lifetime.aborted() => {}
            () = places::regain() => {}
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
