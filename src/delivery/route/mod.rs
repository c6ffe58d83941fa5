//! Which target an attempt goes to, and how that target has been doing.
//!
//! A chain has its own exporter for a target, and perhaps fallbacks: other exporters' attempts, never their queues. So an
//! item leaves the queue only on the answer of whoever took it. As long as the active target fails for less than its
//! thresholds, data waits in the queue; then the same data goes to the next one. Whoever waits is woken by a switch.

mod judge;
mod standing;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::failure::{Class, Failure, Retry};
use crate::flow::{Consume, Consumed, Lifetime, Receipt};
use crate::payload::Payload;
use crate::signal::Signal;

use super::lease::Outcome;
use super::schedule::LONGEST_DEMAND;
use super::targets::{Look, NextLook, OnSwitch, Reason, Switch, Target, Targets};
use judge::{Judgement, judge};
use standing::{Failed, Gravity, Purpose, Standing, Turn};

/// Hands each attempt to the active target and notes how it went.
pub(crate) struct Route {
    /// For the task that looks after a target: it must not keep the route alive.
    me: Weak<Route>,
    signal: Signal,
    /// In the order of preference; never empty.
    targets: Vec<Target>,
    standing: Mutex<Standing>,
    /// Counts the switches, for those who wait for one.
    turns: watch::Sender<u64>,
    on_switch: OnSwitch,
    next_look: Arc<NextLook>,
    /// Whether a task looks after the preferred targets.
    is_watched: AtomicBool,
    lifetime: Lifetime,
}

impl Route {
    /// A route to the first of `targets`, and to the others when it fails.
    pub(crate) fn new(signal: Signal, targets: Targets, lifetime: &Lifetime) -> Arc<Route> {
        let Targets { ranks, thresholds, on_switch, next_look } = targets;
        let standing = Mutex::new(Standing::new(ranks.len(), thresholds));
        Arc::new_cyclic(|me| Route {
            me: Weak::clone(me),
            signal,
            targets: ranks,
            standing,
            turns: watch::Sender::new(0),
            on_switch,
            next_look,
            is_watched: AtomicBool::new(false),
            lifetime: lifetime.clone(),
        })
    }

    /// How often the active target has changed.
    pub(crate) fn turns(&self) -> u64 {
        if self.has_fallbacks() { *self.turns.borrow() } else { 0 }
    }

    /// Ends when the active target has changed more than `seen` times. Whoever waits here sees to it that a target that
    /// has failed for too long is left in time, although nobody tries it.
    pub(crate) async fn turned(&self, seen: u64) {
        let mut turns = self.turns.subscribe();
        loop {
            let deadline = if self.has_fallbacks() { self.standing().deadline() } else { None };
            let outage = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // The sender lives as long as this route.
                _ = turns.wait_for(|count| seen < *count) => return,
                () = outage => self.look_at_clock(),
            }
        }
    }

    /// Ends when there is a target that wants to be sent something: none has asked for a pause that lasts.
    pub(crate) async fn open(&self) {
        loop {
            let seen = self.turns();
            let closed = self.standing().closed_until(Instant::now());
            let Some(until) = closed else { return };
            tokio::select! {
                () = sleep_until(until) => {}
                () = self.turned(seen) => {}
            }
        }
    }

    /// Tries every target but the active one with data that would be given up for `failure`; none where no other target
    /// could do better.
    pub(crate) async fn elsewhere(&self, payload: &Payload, failure: &Failure) -> Option<Receipt> {
        if !self.has_fallbacks() || !matches!(judge(failure), Judgement::NeedsMending | Judgement::Passing) {
            return None;
        }
        // While all of them fail, each try has gone to all of them already.
        let active = self.standing().active()?;
        for index in (0..self.targets.len()).filter(|index| *index != active) {
            if let Ok(receipt) = self.attempt(index, Purpose::Deliver, payload.clone()).await {
                return Some(receipt);
            }
        }
        None
    }

    fn has_fallbacks(&self) -> bool {
        1 < self.targets.len()
    }

    /// Each target once at most: the active one, and whichever takes over because it fails.
    async fn deliver(&self, payload: Payload) -> Outcome {
        let mut tried = Vec::new();
        let mut failure = None;
        while let Some((index, purpose)) = self.choose(&tried) {
            let failed = match self.attempt(index, purpose, payload.clone()).await {
                Ok(receipt) => return Ok(receipt),
                Err(failed) => failed,
            };
            if matches!(judge(&failed), Judgement::Content | Judgement::Own) {
                return Err(failed);
            }
            failure = Some(more_hopeful(failure, failed));
            tried.push(index);
        }
        // The first choice always finds a target.
        Err(failure.unwrap_or_else(|| Failure::new(Class::Other, "there is no target to send to")))
    }

    fn choose(&self, tried: &[usize]) -> Option<(usize, Purpose)> {
        let mut standing = self.standing();
        // There is no time left for looking after anybody.
        let may_look = !self.lifetime.is_draining();
        let chosen = standing.choose(tried, Instant::now());
        match (chosen, standing.active()) {
            (Some((_, Purpose::Look)), Some(active)) if !may_look => Some((active, Purpose::Deliver)),
            (chosen, _) => chosen,
        }
    }

    async fn attempt(&self, index: usize, purpose: Purpose, payload: Payload) -> Outcome {
        let began = Instant::now();
        let outcome = self.targets[index].attempt.consume(payload).await;
        self.note(index, purpose, began, &outcome);
        outcome
    }

    fn note(&self, index: usize, purpose: Purpose, began: Instant, outcome: &Outcome) {
        if let Err(failure) = outcome
            && let Retry::After(delay) = failure.retry()
        {
            self.standing().throttle(index, Instant::now() + delay.min(LONGEST_DEMAND));
        }
        if !self.has_fallbacks() {
            return;
        }
        let gravity = match outcome.as_ref().map_err(|failure| (failure, judge(failure))) {
            Err((_, Judgement::Own)) => return,
            Ok(_) | Err((_, Judgement::Content)) => None,
            Err((failure, Judgement::NeedsMending)) => Some((failure, Gravity::Decides(Reason::NeedsMending))),
            Err((failure, Judgement::Passing)) if self.lifetime.is_draining() => {
                Some((failure, Gravity::Decides(Reason::Stopping)))
            }
            Err((failure, Judgement::Passing)) => Some((failure, Gravity::Counts)),
        };
        let now = Instant::now();
        let turn = match gravity {
            None => self.standing().answered(index, purpose, now),
            Some((failure, gravity)) => {
                let (class, cause) = (failure.class(), failure.cause());
                self.standing().failed(index, Failed { purpose, began, gravity, class, cause }, now)
            }
        };
        match turn {
            Some(turn) => self.carry_out(&turn),
            None => self.tell_next_look(),
        }
    }

    fn look_at_clock(&self) {
        let turn = self.standing().look_at_clock(Instant::now());
        if let Some(turn) = turn {
            self.carry_out(&turn);
        }
    }

    /// Tells everyone of a switch, and has the preferred targets looked after.
    fn carry_out(&self, turn: &Turn) {
        self.tell_next_look();
        let name = |index: Option<usize>| index.and_then(|index| self.targets.get(index)).map(|target| &target.name);
        (self.on_switch)(&Switch {
            from: name(turn.from),
            to: name(turn.to),
            level: turn.to,
            reason: turn.reason,
            class: turn.last.as_ref().map(|(class, _)| *class),
            cause: turn.last.as_ref().map_or("", |(_, cause)| cause),
        });
        self.turns.send_modify(|turns| *turns += 1);
        let is_away = turn.to.is_some_and(|to| 0 < to);
        if is_away && !self.lifetime.is_draining() && !self.is_watched.swap(true, Ordering::AcqRel) {
            self.lifetime.spawn("fallback look", look_after(Weak::clone(&self.me), self.lifetime.clone()));
        }
    }

    /// Tells whoever shows it which target is looked after next.
    fn tell_next_look(&self) {
        let next = self.standing().next_look(|_| true);
        self.next_look.set(next.map(|(index, at)| (Arc::clone(&self.targets[index].name), at)));
    }

    /// Which target an empty request is to look after next, and when, if data has not done so by then.
    fn next_idle_look(&self) -> Option<(usize, Instant)> {
        let eligible = |index: usize| self.targets[index].look == Look::AlsoWhenIdle;
        self.standing().next_look(eligible).map(|(index, at)| (index, at + AFTER_DATA))
    }

    /// The same for the task that does it, which ends when there is nothing to look after.
    fn watch_on(&self) -> Option<Instant> {
        if let Some((_, at)) = self.next_idle_look() {
            return Some(at);
        }
        self.is_watched.store(false, Ordering::Release);
        // Whoever switched just now saw that this task was there.
        let (_, at) = self.next_idle_look()?;
        if self.is_watched.swap(true, Ordering::AcqRel) { None } else { Some(at) }
    }

    /// Looks after the target that is due, with an empty request.
    async fn look(&self) {
        let now = Instant::now();
        let Some((index, _)) = self.next_idle_look().filter(|(_, at)| *at <= now) else { return };
        self.standing().begin_look(index, now);
        if let Ok(nothing) = Payload::parse(self.signal, Bytes::new()) {
            // How it went is noted.
            let _ = self.attempt(index, Purpose::Look, nothing).await;
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Consume for Route {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        if !self.has_fallbacks() {
            return Box::pin(self.attempt(0, Purpose::Deliver, payload));
        }
        Box::pin(self.deliver(payload))
    }
}

/// Looks after the preferred targets of `route` until the first is active again, or the route is gone.
async fn look_after(route: Weak<Route>, lifetime: Lifetime) {
    loop {
        let Some(at) = route.upgrade().and_then(|route| route.watch_on()) else { return };
        tokio::select! {
            biased;
            () = lifetime.intake_ended() => return,
            () = sleep_until(at) => {}
        }
        let Some(route) = route.upgrade() else { return };
        tokio::select! {
            biased;
            () = lifetime.intake_ended() => return,
            () = route.look() => {}
        }
    }
}

/// Of two failures the one after which trying again comes sooner: the data is kept as long as one target may take it.
fn more_hopeful(before: Option<Failure>, failed: Failure) -> Failure {
    let hope = |failure: &Failure| match failure.retry() {
        Retry::BackOff => 3,
        Retry::After(_) => 2,
        Retry::Hold => 1,
        Retry::Never => 0,
    };
    match before {
        Some(before) if hope(&failed) <= hope(&before) => before,
        _ => failed,
    }
}

/// How long data is waited for before an empty request is sent.
const AFTER_DATA: Duration = Duration::from_millis(100);
