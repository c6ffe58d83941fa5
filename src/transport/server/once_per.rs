//! How a line that any client can provoke is kept from filling the log.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one event of each key through in each interval, for a bounded number of keys.
#[derive(Debug)]
pub struct OncePer<K> {
    interval: Duration,
    most: usize,
    seen: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> OncePer<K> {
    /// One event for each key and `interval`. Keys beyond `most` within an interval get none.
    pub fn new(interval: Duration, most: usize) -> OncePer<K> {
        OncePer { interval, most, seen: Mutex::new(HashMap::new()) }
    }

    /// Whether this event is the first of `key` in its interval.
    pub fn admits(&self, key: K) -> bool {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = seen.get_mut(&key) {
            let due = self.interval <= now.duration_since(*last);
            if due {
                *last = now;
            }
            return due;
        }
        if self.most <= seen.len() {
            seen.retain(|_, last| now.duration_since(*last) < self.interval);
        }
        let room = seen.len() < self.most;
        if room {
            seen.insert(key, now);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_let_through_once() {
        let once = OncePer::new(Duration::from_secs(60), 2);
        assert!(once.admits("a"));
        assert!(!once.admits("a"));
        assert!(once.admits("b"));
        assert!(!once.admits("c"), "no more keys than the bound");
    }

    #[test]
    fn a_key_is_let_through_again_when_its_interval_is_over() {
        let once = OncePer::new(Duration::ZERO, 1);
        assert!(once.admits("a"));
        assert!(once.admits("a"));
        assert!(once.admits("b"), "the entry of a is over");
    }
}
