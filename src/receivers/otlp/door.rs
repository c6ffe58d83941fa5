//! What answers on a listener at the moment, and can be replaced while clients are connected.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::flow::{Lifetime, Workers};
use crate::transport::server::{self, Answer, Listener, Reply, Terms};

use super::OtlpServer;

/// Answers each request by the server of that moment: connections outlive a configuration, requests are answered by
/// the one that they came in under. A connection keeps the terms on which it was taken.
pub struct Door {
    server: ArcSwap<OtlpServer>,
    terms: Arc<ArcSwap<Terms>>,
}

impl Door {
    /// A door to `server`, for connections on these `terms`.
    pub fn to(server: Arc<OtlpServer>, terms: Terms) -> Arc<Door> {
        Arc::new(Door { server: ArcSwap::new(server), terms: Arc::new(ArcSwap::from_pointee(terms)) })
    }

    /// Serves the connections of `listener` until the intake of `lifetime` ends, then finishes the requests in hand.
    ///
    /// # Errors
    /// When the system gives no file descriptor for the listener's share.
    pub fn serve(self: &Arc<Self>, listener: &Listener, workers: &Workers, lifetime: &Lifetime) -> io::Result<()> {
        server::serve(listener, workers, lifetime, Arc::clone(&self.terms), Arc::clone(self))
    }

    /// From the next request on `server` answers; from the next connection on these `terms` hold.
    pub fn lead_to(&self, server: Arc<OtlpServer>, terms: Terms) {
        self.terms.store(Arc::new(terms));
        self.server.store(server);
    }
}

impl Answer for Door {
    async fn answer(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> Response<Reply> {
        self.server.load_full().answer(peer, request).await
    }
}
