//! The `otlp` receiver: OTLP/gRPC and OTLP/HTTP, both on every listener, told apart by the content type.

mod admission;
mod body;
mod companions;
mod door;
mod entries;
mod format;
mod grpc;
mod http;
mod refusal;
mod status;
mod status_json;

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ::http::{Request, Response};
use arc_swap::ArcSwap;
use futures_util::FutureExt;
use hyper::body::Incoming;

use crate::failure::{Class, Failure};
use crate::flow::{Lifetime, Next, Receipt, Workers};
use crate::payload::{Budget, Payload};
use crate::protocol::Protocol;
use crate::transport::server::{self, Answer, Listener, Reply, Terms};
use crate::units::ByteCount;

pub use door::Door;
pub use entries::Entries;
pub use refusal::Refusals;

use companions::Companions;
use refusal::Complaints;

/// How large a request may be, on the wire and again after decompression.
#[derive(Clone, Copy, Debug)]
pub struct MessageLimits {
    /// Of an OTLP/gRPC message: `max_recv_msg_size_mib`, 4 MiB.
    pub grpc: ByteCount,
    /// Of an OTLP/HTTP body: `max_request_body_size`, 20 MiB.
    pub http: ByteCount,
}

/// Answers the export requests of one `otlp` receiver.
///
/// A request becomes a payload only when all of it is there and is well-formed; what becomes of it then is its
/// pipeline's answer. When the client goes away before that answer, the pipeline's future is dropped: a queue has taken
/// the payload or has not, nothing in between, and without a queue the export ends with the one who waits for it.
pub struct OtlpServer {
    limits: MessageLimits,
    entries: Entries,
    budget: Arc<Budget>,
    instance: Arc<str>,
    complaints: Complaints,
    companions: Companions,
}

impl Default for MessageLimits {
    fn default() -> MessageLimits {
        MessageLimits { grpc: ByteCount::mib(4), http: ByteCount::mib(20) }
    }
}

impl OtlpServer {
    /// A server that hands payloads to `entries`. Their memory is of `budget`; requests that carry `instance`, the
    /// relay's own name for itself, come from its own exporters and are refused; `refusals` hears of whatever is refused
    /// before it is a payload.
    pub fn new(
        limits: MessageLimits,
        entries: Entries,
        budget: Arc<Budget>,
        instance: Arc<str>,
        refusals: Arc<dyn Refusals>,
    ) -> Arc<OtlpServer> {
        let (companions, complaints) = (Companions::of(&entries), Complaints::new(refusals));
        Arc::new(OtlpServer { limits, entries, budget, instance, complaints, companions })
    }

    /// Serves the connections of `listener` on these `terms` until the intake of `lifetime` ends, then finishes the requests
    /// in hand. A server may serve several listeners.
    ///
    /// # Errors
    /// When the system gives no file descriptor for the listener's share.
    pub fn serve(
        self: &Arc<Self>,
        listener: &Listener,
        terms: Terms,
        workers: &Workers,
        lifetime: &Lifetime,
    ) -> io::Result<()> {
        server::serve(listener, workers, lifetime, Arc::new(ArcSwap::from_pointee(terms)), Arc::clone(self))
    }

    /// Hands on what was admitted; reports what was not.
    async fn settle(
        &self,
        protocol: Protocol,
        peer: SocketAddr,
        next: &Next,
        admitted: Result<Payload, Failure>,
    ) -> Result<Receipt, Failure> {
        let payload = match admitted {
            Ok(payload) => payload,
            Err(failure) => {
                self.complaints.refused(protocol, peer, &failure);
                return Err(failure);
            }
        };
        if payload.is_vacant() {
            return Ok(Receipt::empty());
        }
        let answered = AssertUnwindSafe(next.consume(payload)).catch_unwind().await;
        answered.unwrap_or_else(|_| {
            tracing::error!(class = Class::Panicked.code(), %protocol, "a stage panicked; its request is refused");
            Err(Failure::new(Class::Panicked, "a stage of the relay panicked"))
        })
    }
}

impl Answer for OtlpServer {
    async fn answer(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> Response<Reply> {
        if grpc::speaks(&request) {
            grpc::answer(&self, peer, request).await
        } else {
            http::answer(&self, peer, request).await
        }
    }
}
