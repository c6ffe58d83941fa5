//! How requests come in: listeners, the connections they accept, and the life of each connection.
//!
//! HTTP/1.1 and HTTP/2 without TLS are told apart by their first bytes, on every listener.

mod accept;
mod connection;
mod limits;
mod listener;
mod once_per;
mod pulse;
mod reply;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

pub use accept::serve;
pub use limits::Limits;
pub use listener::{BindError, BindProblem, Listener};
pub use once_per::OncePer;
pub use reply::Reply;

/// What answers the requests of a listener.
pub trait Answer: Send + Sync + 'static {
    /// Answers one request of the client at `peer`. The future is dropped when that client goes away before its end.
    fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Reply>> + Send;
}
