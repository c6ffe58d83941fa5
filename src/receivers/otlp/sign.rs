//! Which protocol a port is for, and what becomes of a client that speaks the other one there.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use http::request::Parts;

use crate::config::{Detection, ListenAddress};
use crate::failure::{Class, Failure};
use crate::protocol::Protocol;
use crate::signal::Signal;

use super::OtlpServer;

/// What stands at one of a receiver's ports.
#[derive(Clone, Debug)]
pub struct Sign {
    protocol: Protocol,
    /// Where a client belongs that speaks the other protocol.
    direction: Arc<str>,
}

impl Sign {
    /// Of the port for `protocol`; `elsewhere` is the port for the other one, if the receiver has it.
    pub fn new(protocol: Protocol, elsewhere: Option<&ListenAddress>) -> Sign {
        let (here, there) = match protocol {
            Protocol::Grpc => ("gRPC", "HTTP"),
            Protocol::Http => ("HTTP", "gRPC"),
        };
        let rest = match elsewhere {
            Some(address) if address.socket().is_some() => format!("OTLP/{there} is at {address}"),
            Some(address) => format!("OTLP/{there} is on port {}", address.port),
            None => format!("this receiver has no port for OTLP/{there}"),
        };
        Sign { protocol, direction: format!("this is the port of OTLP/{here}; {rest}").into() }
    }

    /// The protocol that the port is for.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }
}

impl OtlpServer {
    /// What is spoken at the port with this `sign`.
    pub fn spoken(&self, sign: &Sign) -> &'static str {
        match (self.settings.detection, sign.protocol) {
            (Detection::On, _) => "gRPC and HTTP",
            (Detection::Off, Protocol::Grpc) => "gRPC",
            (Detection::Off, Protocol::Http) => "HTTP",
        }
    }

    /// What a client is told that speaks `spoken` at the port with this `sign`, if it is not served there. One that is
    /// served is named in the log, since a Collector would not serve it.
    pub(super) fn turn_away(&self, sign: &Sign, spoken: Protocol, peer: SocketAddr, head: &Parts) -> Option<Failure> {
        if spoken == sign.protocol {
            return None;
        }
        if self.settings.detection == Detection::On {
            if self.is_export(spoken, head) {
                self.complaints.misplaced(spoken, peer, &sign.direction);
            }
            return None;
        }
        let class = match spoken {
            Protocol::Grpc => Class::PeerSentGrpc,
            Protocol::Http => Class::PeerSentHttp,
        };
        let failure = Failure::new(class, sign.direction.to_string());
        // Others are probes and browsers, which are to be told but not to be counted.
        if head.method == Method::POST {
            self.complaints.refused(spoken, peer, &failure);
        }
        Some(failure)
    }

    fn is_export(&self, spoken: Protocol, head: &Parts) -> bool {
        let path = head.uri.path();
        let signal = match spoken {
            Protocol::Grpc => Signal::from_grpc_path(path),
            Protocol::Http => self.settings.surface.signal(path),
        };
        signal.is_some() && head.method == Method::POST
    }
}
