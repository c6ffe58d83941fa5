//! How does the receiver answer its next request?

use std::collections::VecDeque;
use std::time::Duration;

/// What a request is answered. On HTTP each has the status that the OTLP specification names for it.
#[derive(Clone, Debug, Default)]
pub enum Answer {
    /// Taken.
    #[default]
    Accept,
    /// Taken, but only after this time.
    Slow(Duration),
    /// UNAVAILABLE; 503.
    Unavailable,
    /// UNAVAILABLE with RetryInfo; 503 with Retry-After in whole seconds.
    Throttle(Duration),
    /// RESOURCE_EXHAUSTED with RetryInfo; 429 with Retry-After in whole seconds.
    RateLimit(Duration),
    /// UNAUTHENTICATED; 401: with the credentials that it was sent in its words.
    Denied,
    /// INVALID_ARGUMENT; 400.
    Invalid,
    /// Taken, but so many items were rejected.
    Partial {
        /// How many of the request's items.
        rejected: i64,
    },
    /// RESOURCE_EXHAUSTED with grpc-go's words; 413.
    TooLarge,
    /// No answer, ever.
    Hang,
}

/// Answers for the next requests, and one for all after those.
#[derive(Default)]
pub struct Script {
    next: VecDeque<Answer>,
    standing: Answer,
}

impl Script {
    pub fn next(&mut self) -> Answer {
        self.next.pop_front().unwrap_or_else(|| self.standing.clone())
    }

    pub fn once(&mut self, answer: Answer) {
        self.next.push_back(answer);
    }

    pub fn always(&mut self, answer: Answer) {
        self.next.clear();
        self.standing = answer;
    }
}
