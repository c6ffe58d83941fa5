//! Which protocol a port is for, and what becomes of a client that speaks the other one there.

use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::config::Detection;
use crate::failure::{Class, Failure};
use crate::protocol::Protocol;
use crate::signal::Signal;
use crate::transport::server::{Answer, Reply};

use super::{OtlpServer, grpc, http as otlp_http};

/// One of a receiver's ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// The protocol that it is for.
    pub protocol: Protocol,
    /// The port that is for the other protocol, if the receiver has one.
    pub elsewhere: Option<u16>,
}

/// What answers at a door.
pub(super) struct Entrance {
    pub(super) server: Arc<OtlpServer>,
    pub(super) door: Door,
}

impl Door {
    /// The door for `protocol` of a receiver with these `ports`.
    pub fn among(ports: &[(Protocol, u16)], protocol: Protocol) -> Door {
        let other = ports.iter().find(|(other, _)| *other != protocol);
        Door { protocol, elsewhere: other.map(|(_, port)| *port) }
    }

    /// Where a client belongs that speaks the other protocol.
    fn direction(self) -> String {
        let (here, there) = match self.protocol {
            Protocol::Grpc => ("gRPC", "HTTP"),
            Protocol::Http => ("HTTP", "gRPC"),
        };
        match self.elsewhere {
            Some(port) => format!("this is the port of OTLP/{here}; OTLP/{there} is on port {port}"),
            None => format!("this is the port of OTLP/{here}; this receiver has no port for OTLP/{there}"),
        }
    }
}

impl OtlpServer {
    /// What is spoken at `door`.
    pub fn spoken(&self, door: Door) -> &'static str {
        match (self.settings.detection, door.protocol) {
            (Detection::On, _) => "gRPC and HTTP",
            (Detection::Off, Protocol::Grpc) => "gRPC",
            (Detection::Off, Protocol::Http) => "HTTP",
        }
    }

    /// What a client is told that speaks `spoken` at `door`, if it is not served there. One that is served is named in the
    /// log, since a Collector would not serve it.
    pub(super) fn turn_away(&self, door: Door, spoken: Protocol, peer: SocketAddr, head: &Parts) -> Option<Failure> {
        if spoken == door.protocol {
            return None;
        }
        if self.settings.detection == Detection::On {
            if self.is_export(spoken, head) {
                self.complaints.misplaced(spoken, peer, &door.direction());
            }
            return None;
        }
        let class = match spoken {
            Protocol::Grpc => Class::PeerSentGrpc,
            Protocol::Http => Class::PeerSentHttp,
        };
        let failure = Failure::new(class, door.direction());
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

impl Answer for Entrance {
    async fn answer(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> Response<Reply> {
        if grpc::speaks(&request) {
            grpc::answer(&self.server, self.door, peer, request).await
        } else {
            otlp_http::answer(&self.server, self.door, peer, request).await
        }
    }
}
