//! The `otlp` receiver: OTLP/gRPC and OTLP/HTTP, both on every listener, told apart by the content type.

mod admission;
mod body;
mod companions;
mod cors;
mod door;
mod entries;
mod format;
mod grpc;
mod http;
mod metadata;
mod refusal;
mod room;
mod settings;
mod sign;
mod status;
mod status_json;
mod surface;
mod turn;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ::http::{Request, Response};
use futures_util::FutureExt;

use crate::failure::{Class, Failure};
use crate::flow::{Consume, Receipt};
use crate::payload::{Budget, Payload};
use crate::protocol::Protocol;
use crate::transport::server::Reply;

pub use body::RequestBody;
pub use door::Door;
pub use entries::{Entries, Route};
pub use refusal::{Fault, Refusals};
pub use settings::{MessageLimits, Settings};
pub use sign::Sign;

use companions::Companions;
use refusal::Complaints;
use room::{Room, Share};
use turn::Turns;

/// Answers the export requests of one `otlp` receiver.
///
/// A request becomes a payload only when all of it is there and is well-formed; what becomes of it then is its
/// pipeline's answer. When the client goes away before that answer, the pipeline's future is dropped: a queue has taken
/// the payload or has not, nothing in between, and without a queue the export ends with the one who waits for it.
pub struct OtlpServer {
    settings: Settings,
    entries: Entries,
    room: Arc<Room>,
    turns: Turns,
    instance: Arc<str>,
    complaints: Complaints,
    companions: Companions,
}

impl OtlpServer {
    /// A server that hands payloads to `entries`. Their memory is of `budget`; requests that carry `instance`, the
    /// relay's own name for itself, come from its own exporters and are refused; `refusals` hears of whatever is refused
    /// before it is a payload.
    pub fn new(
        settings: impl Into<Settings>,
        entries: Entries,
        budget: Arc<Budget>,
        instance: Arc<str>,
        refusals: Arc<dyn Refusals>,
    ) -> Arc<OtlpServer> {
        let (settings, companions) = (settings.into(), Companions::of(&entries));
        let complaints = Complaints::new(refusals);
        let in_flight = settings.in_flight(&budget);
        let room = Room::new(budget, in_flight, settings.pressure.clone());
        Arc::new(OtlpServer { settings, entries, room, turns: Turns::new(), instance, complaints, companions })
    }

    /// Answers one request of the client at `peer`, which came in at the port with this `sign` and goes where `route`
    /// says.
    pub async fn answer(
        &self,
        sign: &Sign,
        peer: SocketAddr,
        request: Request<impl RequestBody>,
        route: &dyn Route,
    ) -> Response<Reply> {
        if grpc::speaks(&request) {
            grpc::answer(self, sign, peer, request, route).await
        } else {
            http::answer(self, sign, peer, request, route).await
        }
    }

    /// Hands on what was admitted, and its share of the room until it is answered; reports what was not.
    async fn settle(
        &self,
        protocol: Protocol,
        peer: SocketAddr,
        next: &dyn Consume,
        admitted: Result<(Payload, Share), Failure>,
    ) -> Result<Receipt, Failure> {
        let (payload, _share) = match admitted {
            Ok(admitted) => admitted,
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
