//! What answers on a listener at the moment, and can be replaced while clients are connected.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::flow::{Lifetime, Workers};
use crate::transport::server::{self, Answer, Limits, Listener, Reply};

use super::OtlpServer;

/// Answers each request by the server of that moment: connections outlive a configuration, requests are answered by
/// the one that they came in under.
pub struct Door(ArcSwap<OtlpServer>);

impl Door {
    /// A door to `server`.
    pub fn to(server: Arc<OtlpServer>) -> Arc<Door> {
        Arc::new(Door(ArcSwap::new(server)))
    }

    /// Serves the connections of `listener` until the intake of `lifetime` ends, then finishes the requests in hand.
    ///
    /// # Errors
    /// When the system gives no file descriptor for the listener's share.
    pub fn serve(self: &Arc<Self>, listener: &Listener, workers: &Workers, lifetime: &Lifetime) -> io::Result<()> {
        server::serve(listener, workers, lifetime, Limits::default(), Arc::clone(self))
    }

    /// From the next request on `server` answers.
    pub fn lead_to(&self, server: Arc<OtlpServer>) {
        self.0.store(server);
    }
}

impl Answer for Door {
    async fn answer(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> Response<Reply> {
        self.0.load_full().answer(peer, request).await
    }
}
