//! How requests come in: listeners, the connections they accept, and the life of each connection.
//!
//! HTTP/1.1 and HTTP/2 are told apart on every listener: without TLS by their first bytes, with it by ALPN.

mod accept;
mod connection;
mod greeting;
mod holder;
mod limits;
mod listener;
mod once_per;
mod places;
mod pulse;
mod reply;
mod services;
mod socket;
mod tls;
mod windows;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::failure::Class;
use crate::memory::Pressure;

pub use accept::serve;
pub use holder::{Holder, holders};
pub use limits::{Age, Limits};
pub use listener::{BindError, BindProblem, Listener};
pub use once_per::OncePer;
pub use reply::Reply;
pub use services::{Services, service_of};
pub use tls::TlsServer;

/// On which terms the connections of a listener are taken.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Their bounds.
    pub limits: Limits,
    /// TLS; none means plaintext.
    pub tls: Option<Arc<TlsServer>>,
    /// While it is high, idle connections go as they do when all places are taken.
    pub pressure: Pressure,
}

/// Among the extensions of an answer: the answer is not given, since something ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The connection, with everything on it: TCP is reset.
    Connection,
    /// The request: HTTP/2 resets its stream; HTTP/1.1, which has none, ends its connection.
    Request,
}

/// What answers the requests of a listener.
pub trait Answer: Send + Sync + 'static {
    /// Answers one request of the client at `peer`, or has it [`Cut`]. The future is dropped when that client goes away before its end.
    fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Reply>> + Send;

    /// The client at `peer` was turned away before it could send a request, for `class`; `cause` is the evidence.
    fn turned_away(&self, _peer: SocketAddr, _class: Class, _cause: &str) {}
}
