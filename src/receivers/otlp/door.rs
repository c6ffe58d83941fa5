//! What answers on a listener at the moment, and can be replaced while clients are connected.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::failure::Class;
use crate::flow::{Lifetime, Workers};
use crate::transport::server::{self, Answer, Listener, Reply, Terms};

use super::{OtlpServer, Sign};

/// Answers each request by the server of that moment: connections outlive a configuration, requests are answered by
/// the one that they came in under. A connection keeps the terms on which it was taken.
pub struct Door {
    behind: ArcSwap<Behind>,
    terms: Arc<ArcSwap<Terms>>,
}

struct Behind {
    server: Arc<OtlpServer>,
    sign: Sign,
}

impl Door {
    /// A door to `server` with this `sign`, for connections on these `terms`.
    pub fn to(server: Arc<OtlpServer>, sign: Sign, terms: Terms) -> Arc<Door> {
        let behind = ArcSwap::from_pointee(Behind { server, sign });
        Arc::new(Door { behind, terms: Arc::new(ArcSwap::from_pointee(terms)) })
    }

    /// Serves the connections of `listener` until the intake of `lifetime` ends, then finishes the requests in hand.
    ///
    /// # Errors
    /// When the system gives no file descriptor for the listener's share.
    pub fn serve(self: &Arc<Self>, listener: &Listener, workers: &Workers, lifetime: &Lifetime) -> io::Result<()> {
        server::serve(listener, workers, lifetime, Arc::clone(&self.terms), Arc::clone(self))
    }

    /// From the next request on `server` answers; from the next connection on these `terms` hold.
    pub fn lead_to(&self, server: Arc<OtlpServer>, sign: Sign, terms: Terms) {
        self.terms.store(Arc::new(terms));
        self.behind.store(Arc::new(Behind { server, sign }));
    }
}

impl Answer for Door {
    async fn answer(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> Response<Reply> {
        let Behind { server, sign } = &*self.behind.load_full();
        server.answer(sign, peer, request, &server.entries).await
    }

    fn turned_away(&self, peer: SocketAddr, class: Class, cause: &str) {
        self.behind.load().server.complaints.turned_away(peer, class, cause);
    }
}
