//! Whether two causes are the same but for what differs each time: ports, times, sizes, request ids.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// What stays of a cause from one time to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Stands for every cause.
    pub(super) const ANY: Fingerprint = Fingerprint(0);

    /// Of the words of `cause` that have no digit, up to a length.
    pub(super) fn of(cause: &str) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        let words = cause.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | ';' | '(' | ')' | '='));
        let lasting = words.filter(|word| !word.is_empty() && !word.contains(|c: char| c.is_ascii_digit()));
        lasting.take(MOST_WORDS).for_each(|word| word.hash(&mut hasher));
        Fingerprint(hasher.finish())
    }
}

/// What comes later is details.
const MOST_WORDS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_make_no_difference_and_words_do() {
        let same = |one, other| Fingerprint::of(one) == Fingerprint::of(other);
        assert!(same("read 127.0.0.1:4000: reset after 1.5s", "read 127.0.0.1:4001: reset after 2s"));
        assert!(same("no token (request 7f3a9)", "no token (request 81bce0)"));
        assert!(!same("no token", "the token has expired"));
    }
}
