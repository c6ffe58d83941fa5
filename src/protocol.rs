//! The two protocols that carry OTLP, and the header by which a relay knows its own exports.

pub(crate) mod prometheus;

use std::fmt;

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// OTLP/gRPC
    Grpc,
    /// OTLP/HTTP
    Http,
}

/// Each exporter adds this header with the instance of its relay. A receiver that is sent its own is fed by itself.
pub const INSTANCE_HEADER: &str = "otlp-relay-instance";

impl Protocol {
    /// Both.
    pub const ALL: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

    /// The word for it in the `transport` label: `grpc`.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
