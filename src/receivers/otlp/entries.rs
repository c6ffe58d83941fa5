//! Where each signal that comes in by each protocol goes.

use crate::flow::Next;
use crate::protocol::Protocol;
use crate::signal::Signal;

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

    /// Where `signal` goes that comes in by `protocol`.
    pub(super) fn get(&self, protocol: Protocol, signal: Signal) -> Option<&Next> {
        let row = match protocol {
            Protocol::Grpc => &self.grpc,
            Protocol::Http => &self.http,
        };
        row[signal as usize].as_ref()
    }
}
