//! When data will be given up, if an exporter goes on failing: by the retry budget, or since its queue is full.

use std::time::Duration;

/// What bounds how long an exporter keeps what it cannot deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how long one request is tried.
    pub patience: Patience,
    /// What the queue may hold, in its own unit; nothing where there is no queue.
    pub capacity: Option<u64>,
}

/// For how long one request is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Once: `retry_on_failure` is off.
    Once,
    /// `retry_on_failure::max_elapsed_time`
    For(Duration),
    /// For ever.
    Endless,
}

/// What is to be expected while nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Nothing is given up.
    Never,
    /// The oldest request has used up its time.
    Budget(Duration),
    /// The queue is full, and takes nothing more.
    Queue(Duration),
}

/// How a queue has developed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Filling {
    /// Since when it fails.
    pub(super) lasting: Duration,
    /// What was in the queue then, in its own unit.
    pub(super) before: u64,
    /// What is in it now.
    pub(super) now: u64,
}

impl Outlook {
    /// The time that is left; nothing if it is for ever.
    pub fn left(self) -> Option<Duration> {
        match self {
            Outlook::Never => None,
            Outlook::Budget(left) | Outlook::Queue(left) => Some(left),
        }
    }

    /// The setting that decides.
    pub fn decided_by(self) -> Option<&'static str> {
        match self {
            Outlook::Never => None,
            Outlook::Budget(_) => Some("retry_on_failure::max_elapsed_time"),
            Outlook::Queue(_) => Some("sending_queue::queue_size"),
        }
    }

    /// Whichever comes first.
    pub(super) fn of(limits: Limits, filling: Filling) -> Outlook {
        let budget = match limits.patience {
            Patience::Once => Some(Duration::ZERO),
            Patience::For(budget) => Some(budget.saturating_sub(filling.lasting)),
            Patience::Endless => None,
        };
        let queue = limits.capacity.and_then(|capacity| until_full(capacity, filling));
        match (budget, queue) {
            (Some(budget), Some(queue)) if queue < budget => Outlook::Queue(queue),
            (Some(budget), _) => Outlook::Budget(budget),
            (None, Some(queue)) => Outlook::Queue(queue),
            (None, None) => Outlook::Never,
        }
    }
}

/// The time until the queue is full if it goes on to fill as it has; nothing if it does not fill.
fn until_full(capacity: u64, filling: Filling) -> Option<Duration> {
    let room = capacity.saturating_sub(filling.now);
    if room == 0 {
        return Some(Duration::ZERO);
    }
    let grown = filling.now.checked_sub(filling.before).filter(|grown| *grown != 0)?;
    let seconds = filling.lasting.as_secs_f64() * room as f64 / grown as f64;
    // Whole seconds: more would pretend to know.
    Duration::try_from_secs_f64(seconds.floor()).ok().filter(|left| *left < FAR)
}

/// Nobody plans for what is further away.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[track_caller]
    fn check(patience: Patience, capacity: Option<u64>, (before, now): (u64, u64), expected: Outlook) {
        let filling = Filling { lasting: MINUTE, before, now };
        assert_eq!(Outlook::of(Limits { patience, capacity }, filling), expected);
    }

    #[test]
    fn what_comes_first_is_told() {
        let five = Patience::For(5 * MINUTE);
        check(five, None, (0, 0), Outlook::Budget(4 * MINUTE));
        check(five, Some(1000), (0, 100), Outlook::Budget(4 * MINUTE));
        check(five, Some(1000), (0, 500), Outlook::Queue(MINUTE));
        check(five, Some(1000), (0, 1000), Outlook::Queue(Duration::ZERO));
        check(Patience::For(Duration::from_secs(10)), Some(1000), (0, 1), Outlook::Budget(Duration::ZERO));
        check(Patience::Once, Some(1000), (0, 1), Outlook::Budget(Duration::ZERO));
        check(Patience::Endless, Some(1000), (0, 100), Outlook::Queue(9 * MINUTE));
        check(Patience::Endless, Some(1000), (100, 100), Outlook::Never);
        check(Patience::Endless, None, (0, 0), Outlook::Never);
    }
}
