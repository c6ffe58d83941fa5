//! Requests that are refused before they are payloads: in which words, who counts them, and which of them are logged.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::failure::{Class, Failure};
use crate::payload::Budget;
use crate::signal::Signal;
use crate::transport::server::OncePer;
use crate::units::ByteCount;

use crate::protocol::Protocol;

/// Hears of each request that is refused before it is a payload.
pub trait Refusals: Send + Sync + 'static {
    /// A request that came in by `protocol` was refused.
    fn refused(&self, class: Class, protocol: Protocol);
}

/// Counts every refusal, and logs one of each client and class in a minute.
pub(super) struct Complaints {
    refusals: Arc<dyn Refusals>,
    logged: OncePer<(IpAddr, &'static str)>,
    misplaced: OncePer<(IpAddr, Protocol)>,
}

impl Complaints {
    pub(super) fn new(refusals: Arc<dyn Refusals>) -> Complaints {
        Complaints {
            refusals,
            logged: OncePer::new(LOG_INTERVAL, LOG_KEYS),
            misplaced: OncePer::new(ADVICE_INTERVAL, LOG_KEYS),
        }
    }

    /// The request of `peer` is refused for `failure`.
    pub(super) fn refused(&self, protocol: Protocol, peer: SocketAddr, failure: &Failure) {
        let class = failure.class();
        self.refusals.refused(class, protocol);
        let client = peer.ip().to_canonical();
        if class == Class::BodyInterrupted {
            tracing::debug!(class = class.code(), %client, %protocol, cause = failure.cause(), "a request was cut off");
        } else if self.logged.admits((client, class.code())) {
            tracing::warn!(
                class = class.code(),
                %client,
                %protocol,
                cause = failure.cause(),
                remedy = class.row().remedy,
                "refused a request"
            );
        }
    }

    /// `peer` speaks `protocol` to the port of the other one, and is served; `direction` says where it belongs.
    pub(super) fn misplaced(&self, protocol: Protocol, peer: SocketAddr, direction: &str) {
        let client = peer.ip().to_canonical();
        if self.misplaced.admits((client, protocol)) {
            tracing::info!(
                %client,
                %protocol,
                remedy = direction,
                "a client uses the port of the other protocol; it works here, but not with a Collector"
            );
        }
    }

    /// The request of `peer` is for `signal`, which no pipeline of the receiver takes.
    pub(super) fn unwanted(&self, protocol: Protocol, peer: SocketAddr, signal: Signal) {
        let client = peer.ip().to_canonical();
        if self.logged.admits((client, signal.name())) {
            tracing::warn!(
                %signal,
                %client,
                %protocol,
                remedy = "add a pipeline for the signal, or turn its export off in the client",
                "a client sends a signal that no pipeline takes"
            );
        }
    }
}

/// Larger than `limit`, and how large, if that is known.
pub(super) fn too_large(protocol: Protocol, size: Option<u64>, limit: ByteCount) -> Failure {
    let text = match (protocol, size) {
        (Protocol::Grpc, Some(size)) => format!("grpc: received message larger than max ({size} vs. {})", limit.0),
        (Protocol::Grpc, None) => format!("grpc: received message after decompression larger than max {}", limit.0),
        (Protocol::Http, Some(size)) => format!("http: request body too large ({size} vs. {})", limit.0),
        (Protocol::Http, None) => format!("http: request body too large (more than {})", limit.0),
    };
    Failure::new(Class::RequestTooLarge, text)
}

/// The budget has no room for it.
pub(super) fn no_room(budget: &Budget) -> Failure {
    Failure::new(
        Class::MemoryLimited,
        format!("data refused due to high memory usage ({} of {} in use)", budget.used(), budget.limit()),
    )
}

/// Not OTLP, for the reason given.
pub(super) fn malformed(reason: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(Class::MalformedRequest, reason)
}

const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Of what works as it is.
const ADVICE_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

const LOG_KEYS: usize = 1024;
