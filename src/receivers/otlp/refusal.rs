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

    /// A client does something wrong, be it refused for it or not. Of what it does with each request, only what is
    /// logged is told.
    fn errs(&self, _fault: &Fault<'_>) {}
}

/// What a client does wrong.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// The client.
    pub client: IpAddr,
    /// What it speaks: `grpc`, `http` or `tls`.
    pub protocol: &'static str,
    /// A class of the failure table, or `wrong_port` or `unwanted_signal`.
    pub class: &'static str,
    /// The evidence, in words.
    pub cause: &'a str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'a str,
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

    /// The connection of `peer` is refused before there is a request. Whoever did so has logged it.
    pub(super) fn turned_away(&self, peer: SocketAddr, class: Class, cause: &str) {
        self.errs(peer.ip().to_canonical(), "tls", class, cause);
    }

    fn errs(&self, client: IpAddr, protocol: &'static str, class: Class, cause: &str) {
        let row = class.row();
        let fault = Fault { client, protocol, class: row.code, cause, meaning: row.meaning, remedy: row.remedy };
        self.refusals.errs(&fault);
    }

    /// The request of `peer` is refused for `failure`.
    pub(super) fn refused(&self, protocol: Protocol, peer: SocketAddr, failure: &Failure) {
        let class = failure.class();
        self.refusals.refused(class, protocol);
        let client = peer.ip().to_canonical();
        self.errs(client, protocol.name(), class, &failure.cause());
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
            self.refusals.errs(&Fault {
                client,
                protocol: protocol.name(),
                class: "wrong_port",
                cause: direction,
                meaning: "a client uses the port of the other protocol; it works here, but not with a Collector",
                remedy: direction,
            });
            tracing::info!(
                %client,
                %protocol,
                remedy = direction,
                "a client uses the port of the other protocol; it works here, but not with a Collector"
            );
        }
    }

    /// `peer` posts what looks like an export to `path`, which nothing is served at.
    pub(super) fn astray(&self, peer: SocketAddr, path: &str) {
        let path: String = path.chars().take(MAX_SHOWN).collect();
        let failure = Failure::new(Class::PeerUnknownPath, format!("POST {path}"));
        self.refused(Protocol::Http, peer, &failure);
    }

    /// `peer` posts a body of a `kind` that is no encoding of OTLP.
    pub(super) fn foreign(&self, peer: SocketAddr, kind: &str) {
        let kind: String = kind.chars().take(MAX_SHOWN).collect();
        let failure = Failure::new(Class::PeerUnknownContentType, format!("Content-Type: {kind}"));
        self.refused(Protocol::Http, peer, &failure);
    }

    /// The request of `peer` is for `signal`, which no pipeline of the receiver takes.
    pub(super) fn unwanted(&self, protocol: Protocol, peer: SocketAddr, signal: Signal) {
        let client = peer.ip().to_canonical();
        self.refusals.errs(&Fault {
            client,
            protocol: protocol.name(),
            class: "unwanted_signal",
            cause: signal.name(),
            meaning: "a client sends a signal that no pipeline takes",
            remedy: UNWANTED_REMEDY,
        });
        if self.logged.admits((client, signal.name())) {
            tracing::warn!(
                %signal,
                %client,
                %protocol,
                remedy = UNWANTED_REMEDY,
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

const UNWANTED_REMEDY: &str = "add a pipeline for the signal, or turn its export off in the client";

/// Characters of what a client says of itself.
const MAX_SHOWN: usize = 100;

const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Of what works as it is.
const ADVICE_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

const LOG_KEYS: usize = 1024;
