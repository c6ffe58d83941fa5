//! How the targets of one route have been doing, and which of them is active. Knows no tasks and no clock of its own.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::targets::{Reason, Thresholds};
use crate::failure::Class;

/// The health of every target, and the active one.
#[derive(Debug)]
pub(super) struct Standing {
    thresholds: Thresholds,
    /// In the order of preference; never empty.
    targets: Vec<Health>,
    /// A place in `targets`; none while all of them fail.
    active: Option<usize>,
}

/// How the attempts at one target have been going.
#[derive(Debug)]
struct Health {
    /// Attempts that failed since one last was answered; those that ran at the same time count as one.
    failures: u64,
    /// When the first of them failed, and the last that counts.
    since: Option<Instant>,
    counted: Option<Instant>,
    /// Whether it has answered since it took over.
    proven: bool,
    /// Until when it asked not to be sent anything.
    throttled: Option<Instant>,
    /// How long it is left alone after it failed: longer if it fails again soon after its return.
    hold: Duration,
    next_look: Option<Instant>,
    returned: Option<Instant>,
    /// Its last failure.
    last: Option<(Class, String)>,
}

/// What an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To deliver.
    Deliver,
    /// To see whether a preferred target is back, too.
    Look,
}

/// How grave a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gravity {
    /// Another target takes over only when there are more of them.
    Counts,
    /// Another target takes over at once, for this reason.
    Decides(Reason),
}

/// One failed attempt.
pub(super) struct Failed {
    pub(super) purpose: Purpose,
    pub(super) began: Instant,
    pub(super) gravity: Gravity,
    pub(super) class: Class,
    pub(super) cause: String,
}

/// A change of the active target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) from: Option<usize>,
    pub(super) to: Option<usize>,
    pub(super) reason: Reason,
    pub(super) last: Option<(Class, String)>,
}

impl Standing {
    /// `count` targets, of which the first is active.
    pub(super) fn new(count: usize, thresholds: Thresholds) -> Standing {
        let targets = (0..count).map(|_| Health::new(thresholds.retry_interval)).collect();
        Standing { thresholds, targets, active: Some(0) }
    }

    /// The target for the next attempt of a request that was sent to `tried` already; none when it has to wait. While all
    /// targets fail they are tried in their order.
    pub(super) fn choose(&mut self, tried: &[usize], now: Instant) -> Option<(usize, Purpose)> {
        let Some(active) = self.active else {
            let mut left = (0..self.targets.len()).filter(|index| !tried.contains(index));
            let open = left.clone().find(|index| !self.targets[*index].is_throttled(now));
            let chosen = open.or_else(|| left.next().filter(|_| tried.is_empty()));
            return chosen.map(|index| (index, Purpose::Deliver));
        };
        if tried.contains(&active) {
            return None;
        }
        let look = if tried.is_empty() { self.take_look(now) } else { None };
        look.map(|index| (index, Purpose::Look)).or(Some((active, Purpose::Deliver)))
    }

    /// A preferred target that is to be looked after now; the next look is not due before it has had its time.
    fn take_look(&mut self, now: Instant) -> Option<usize> {
        let preferred = &self.targets[..self.active?];
        let due = |health: &Health| health.next_look.is_some_and(|at| at <= now) && !health.is_throttled(now);
        let index = preferred.iter().position(due)?;
        self.begin_look(index, now);
        Some(index)
    }

    /// The target is looked after now.
    pub(super) fn begin_look(&mut self, index: usize, now: Instant) {
        let health = &mut self.targets[index];
        health.next_look = now.checked_add(health.hold);
    }

    /// Which of the preferred targets among `eligible` is to be looked after next, and when.
    pub(super) fn next_look(&self, eligible: impl Fn(usize) -> bool) -> Option<(usize, Instant)> {
        let preferred = self.targets[..self.active?].iter().enumerate().filter(|(index, _)| eligible(*index));
        let at = |health: &Health| health.next_look.map(|at| health.throttled.map_or(at, |until| at.max(until)));
        preferred.filter_map(|(index, health)| Some((index, at(health)?))).min_by_key(|(_, at)| *at)
    }

    /// The target answered, if only to refuse the data for what it is.
    pub(super) fn answered(&mut self, index: usize, purpose: Purpose, now: Instant) -> Option<Turn> {
        let health = &mut self.targets[index];
        health.recover();
        let from = self.active;
        let is_back = match from {
            None => true,
            Some(active) => purpose == Purpose::Look && index < active,
        };
        if !is_back {
            return None;
        }
        health.returned = Some(now);
        self.active = Some(index);
        for preferred in &mut self.targets[..index] {
            preferred.next_look = now.checked_add(preferred.hold);
        }
        Some(Turn { from, to: Some(index), reason: Reason::Answers, last: None })
    }

    /// An attempt failed at the target itself.
    pub(super) fn failed(&mut self, index: usize, failed: Failed, now: Instant) -> Option<Turn> {
        let health = &mut self.targets[index];
        if health.counted.is_none_or(|counted| counted < failed.began) {
            health.failures += 1;
            health.counted = Some(now);
        }
        health.since.get_or_insert(now);
        health.last = Some((failed.class, failed.cause));
        if failed.purpose == Purpose::Look {
            health.next_look = now.checked_add(health.hold);
        }
        if self.active != Some(index) {
            return None;
        }
        let reason = match failed.gravity {
            Gravity::Decides(reason) => Some(reason),
            Gravity::Counts if !health.proven => Some(Reason::FirstAttemptFailed),
            Gravity::Counts if self.thresholds.max_consecutive_failures <= health.failures => {
                Some(Reason::FailuresInARow(health.failures))
            }
            Gravity::Counts => self.outage(now),
        };
        reason.map(|reason| self.hand_over(index, reason, now))
    }

    /// Hands over if the active target has been failing for too long.
    pub(super) fn look_at_clock(&mut self, now: Instant) -> Option<Turn> {
        let active = self.active?;
        let reason = self.outage(now)?;
        Some(self.hand_over(active, reason, now))
    }

    /// When the active target will have been failing for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.targets[self.active?].since?.checked_add(self.thresholds.max_outage?)
    }

    /// A target asks for a pause.
    pub(super) fn throttle(&mut self, index: usize, until: Instant) {
        let health = &mut self.targets[index];
        health.throttled = health.throttled.max(Some(until));
    }

    /// Until when there is no target that may be sent something.
    pub(super) fn closed_until(&self, now: Instant) -> Option<Instant> {
        let open_from = |health: &Health| health.throttled.filter(|until| now < *until);
        match self.active {
            Some(active) => open_from(&self.targets[active]),
            None => self.targets.iter().map(open_from).min().flatten(),
        }
    }

    /// The active target.
    pub(super) fn active(&self) -> Option<usize> {
        self.active
    }

    fn outage(&self, now: Instant) -> Option<Reason> {
        let since = self.targets[self.active?].since?;
        let most = self.thresholds.max_outage?;
        (since.checked_add(most)? <= now).then_some(Reason::Outage(most))
    }

    fn hand_over(&mut self, index: usize, reason: Reason, now: Instant) -> Turn {
        let to = Some(index + 1).filter(|next| *next < self.targets.len());
        let health = &mut self.targets[index];
        health.lengthen_hold(self.thresholds.retry_interval, now);
        health.next_look = now.checked_add(health.hold);
        let last = health.last.clone();
        self.active = to;
        if let Some(to) = to {
            self.targets[to].recover();
            self.targets[to].proven = false;
        }
        Turn { from: Some(index), to, reason, last }
    }
}

impl Health {
    fn new(hold: Duration) -> Health {
        Health {
            failures: 0,
            since: None,
            counted: None,
            proven: true,
            throttled: None,
            hold,
            next_look: None,
            returned: None,
            last: None,
        }
    }

    fn recover(&mut self) {
        (self.failures, self.since, self.counted, self.proven) = (0, None, None, true);
    }

    fn is_throttled(&self, now: Instant) -> bool {
        self.throttled.is_some_and(|until| now < until)
    }

    /// A target that comes and goes is left alone for longer each time, so that data does not follow it to and fro.
    fn lengthen_hold(&mut self, usual: Duration, now: Instant) {
        let soon = self.returned.is_some_and(|returned| now < returned + self.hold.saturating_mul(2).min(LONGEST));
        let longest = usual.saturating_mul(LONGEST_HOLD);
        self.hold = if soon { self.hold.saturating_mul(2).min(longest) } else { usual };
    }
}

/// So many times the usual interval a target that comes and goes is left alone at most.
const LONGEST_HOLD: u32 = 16;

/// Keeps sums within what the clock can hold.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
