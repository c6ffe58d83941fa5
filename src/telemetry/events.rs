//! What went wrong with an exporter lately: failures folded by class, endpoint and cause, as many as fit on a page.

use std::time::Duration;

use crate::failure::{Class, Failure, Phase};

use super::clock::Moment;

/// Failures that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Their class.
    pub class: Class,
    /// Where the latest happened.
    pub phase: Phase,
    /// The endpoint, as the configuration writes it.
    pub endpoint: Option<String>,
    /// The latest in words, cut where it is very long.
    pub cause: String,
    /// How many there were.
    pub count: u64,
    /// The first of them.
    pub first: Moment,
    /// The latest of them.
    pub last: Moment,
    /// How long each phase of the latest took, where that is known.
    pub phases: Vec<(Phase, Duration)>,
}

/// The events of one exporter and signal. Bounded: what was not seen for longest makes room.
#[derive(Debug, Default)]
pub(super) struct Events(Vec<Event>);

impl Events {
    /// `failure`, whose words are `cause`, happened at `now`.
    pub(super) fn note(&mut self, failure: &Failure, cause: &str, now: Moment) {
        let (cause, class, endpoint) = (shortened(cause), failure.class(), failure.endpoint());
        let phases = failure.attempt().map(|attempt| attempt.phases.clone()).unwrap_or_default();
        match self.place(class, endpoint, cause) {
            Some(event) => {
                event.phase = failure.phase();
                cause.clone_into(&mut event.cause);
                event.count += 1;
                event.last = now;
                event.phases = phases;
            }
            None => {
                self.make_room();
                self.0.push(Event {
                    class,
                    phase: failure.phase(),
                    endpoint: endpoint.map(str::to_owned),
                    cause: cause.to_owned(),
                    count: 1,
                    first: now,
                    last: now,
                    phases,
                });
            }
        }
    }

    pub(super) fn all(&self) -> Vec<Event> {
        self.0.clone()
    }

    /// The event to fold a failure into. Where a class has many causes, which differ by a number perhaps, they are one.
    fn place(&mut self, class: Class, endpoint: Option<&str>, cause: &str) -> Option<&mut Event> {
        let kin = |event: &Event| event.class == class && event.endpoint.as_deref() == endpoint;
        let same = self.0.iter().position(|event| kin(event) && event.cause == cause);
        let crowded = || {
            let alike: Vec<usize> = (0..self.0.len()).filter(|at| kin(&self.0[*at])).collect();
            (MOST_CAUSES <= alike.len()).then(|| alike.into_iter().max_by_key(|at| self.0[*at].last)).flatten()
        };
        let at = same.or_else(crowded)?;
        self.0.get_mut(at)
    }

    fn make_room(&mut self) {
        if MOST <= self.0.len()
            && let Some(oldest) = (0..self.0.len()).min_by_key(|at| self.0[*at].last)
        {
            self.0.remove(oldest);
        }
    }
}

/// Not more than a page can show.
pub(super) fn shortened(words: &str) -> &str {
    let end = (0..=LONGEST.min(words.len())).rev().find(|at| words.is_char_boundary(*at));
    &words[..end.unwrap_or_default()]
}

/// Events of one exporter and signal.
const MOST: usize = 32;

/// Events of one class and endpoint that differ by their cause.
const MOST_CAUSES: usize = 3;

/// Bytes of a cause.
const LONGEST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failures: &[(Class, &str)], expected: &[(Class, &str, u64)]) {
        let mut events = Events::default();
        for (at, (class, cause)) in failures.iter().enumerate() {
            let failure = Failure::new(*class, (*cause).to_owned());
            events.note(&failure, cause, Moment::from_unix_nanos(at as u64));
        }
        let noted = events.all();
        let found: Vec<_> = noted.iter().map(|event| (event.class, event.cause.as_str(), event.count)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn failures_that_are_alike_are_one_event() {
        use Class::{BadGateway, ConnectionRefused};
        check(
            &[(ConnectionRefused, "a"), (BadGateway, "b"), (ConnectionRefused, "a")],
            &[(ConnectionRefused, "a", 2), (BadGateway, "b", 1)],
        );
    }

    #[test]
    fn causes_that_change_each_time_do_not_fill_the_page() {
        use Class::RateLimited;
        check(
            &[(RateLimited, "1"), (RateLimited, "2"), (RateLimited, "3"), (RateLimited, "4"), (RateLimited, "5")],
            &[(RateLimited, "1", 1), (RateLimited, "2", 1), (RateLimited, "5", 3)],
        );
    }

    #[test]
    fn what_is_old_makes_room() {
        let mut events = Events::default();
        for (at, class) in Class::ALL.iter().enumerate() {
            events.note(&Failure::new(*class, "x"), "x", Moment::from_unix_nanos(at as u64));
        }
        let noted = events.all();
        assert_eq!(noted.len(), MOST);
        assert_eq!(noted.last().map(|event| event.class), Class::ALL.last().copied());
    }

    #[test]
    fn long_causes_are_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(1000)).len(), 1000);
        assert_eq!(shortened(&format!("x{}", "é".repeat(1000))).len(), 999);
        assert_eq!(shortened("short"), "short");
    }
}
