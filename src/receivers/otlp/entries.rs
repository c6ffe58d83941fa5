//! Where each signal that comes in by each protocol goes.

use crate::flow::{Consume, Next};
use crate::protocol::Protocol;
use crate::signal::Signal;

/// Decides where a request goes, by how it came in and what it carries.
pub trait Route: Send + Sync {
    /// The stage for it; none where `signal` is not taken.
    fn next(&self, protocol: Protocol, signal: Signal) -> Option<&dyn Consume>;
}

/// The first stage of the pipelines of each signal. A signal without a pipeline has none.
#[derive(Clone, Default)]
pub struct Entries {
    grpc: [Option<Next>; Signal::ALL.len()],
    http: [Option<Next>; Signal::ALL.len()],
}

impl Entries {
    /// None yet.
    pub fn new() -> Entries {
        Entries::default()
    }

    /// With `next` for what comes in of `signal` by `protocol`.
    #[must_use]
    pub fn with(mut self, protocol: Protocol, signal: Signal, next: Next) -> Entries {
        let row = match protocol {
            Protocol::Grpc => &mut self.grpc,
            Protocol::Http => &mut self.http,
        };
        row[signal as usize] = Some(next);
        self
    }
}

impl Route for Entries {
    fn next(&self, protocol: Protocol, signal: Signal) -> Option<&dyn Consume> {
        let row = match protocol {
            Protocol::Grpc => &self.grpc,
            Protocol::Http => &self.http,
        };
        row[signal as usize].as_deref()
    }
}
