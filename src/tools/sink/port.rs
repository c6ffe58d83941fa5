//! How a sink answers one request: by the relay's own receiver, unless a fault meets it.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use http::{Request, Response};
use hyper::body::Incoming;

use super::faults::{Fate, Fault, Refusal};
use super::ledger::Ledger;
use super::slow::Paced;
use super::{Conduct, Sink};
use crate::failure::{Class, Failure, PeerStatus, Retry};
use crate::flow::{Consume, Consumed, Lifetime, Receipt};
use crate::payload::Payload;
use crate::protocol::Protocol;
use crate::receivers::otlp::{Route, Sign};
use crate::signal::Signal;
use crate::transport::server::{Answer, Cut, Reply};
use crate::units::Items;

/// What answers at one of a sink's ports.
pub(super) struct Port {
    pub(super) sink: Arc<Sink>,
    pub(super) sign: Sign,
    pub(super) lifetime: Lifetime,
}

/// One request on its way: the stage that its payload comes to.
struct Visit {
    conduct: Arc<Conduct>,
    ledger: Arc<Ledger>,
    fate: Fate,
    /// How it came; nothing before it is known to be an export.
    protocol: OnceLock<Protocol>,
    /// Set when the payload is here, whole and well-formed, and its latency is over.
    met: OnceLock<Fault>,
}

impl Answer for Port {
    async fn answer(self: Arc<Self>, peer: SocketAddr, request: Request<Incoming>) -> Response<Reply> {
        let visit = self.sink.visit(&request);
        let request = request.map(|body| Paced::new(body, visit.fate.rate));
        let mut response = visit.conduct.server.answer(&self.sign, peer, request, &visit).await;
        match visit.met.get() {
            Some(Fault::Hang) => {
                // Nothing of the request is held any more. The end of the sink is an answer to everyone.
                drop(visit);
                self.lifetime.intake_ended().await;
                response.extensions_mut().insert(Cut::Request);
            }
            Some(Fault::Reset | Fault::LostAnswer) => drop(response.extensions_mut().insert(Cut::Connection)),
            Some(Fault::ResetRequest) => drop(response.extensions_mut().insert(Cut::Request)),
            Some(Fault::Refuse(Refusal { http: Some(status), .. })) if visit.came_by(Protocol::Http) => {
                *response.status_mut() = *status;
            }
            Some(Fault::Refuse(_) | Fault::PartialSuccess { .. }) | None => {}
        }
        response
    }
}

impl Sink {
    /// The visit of `request`, by the faults of this moment. Probes and stray requests meet none, and take none from others.
    fn visit<B>(&self, request: &Request<B>) -> Visit {
        let (conduct, ledger) = (self.conduct.load_full(), self.ledger.load_full());
        let path = request.uri().path();
        let exports = Signal::from_grpc_path(path).or_else(|| Signal::from_http_path(path)).is_some();
        let fate = if exports { conduct.faults.next() } else { Fate::default() };
        Visit { conduct, ledger, fate, protocol: OnceLock::new(), met: OnceLock::new() }
    }
}

impl Visit {
    fn came_by(&self, protocol: Protocol) -> bool {
        self.protocol.get() == Some(&protocol)
    }

    /// Whoever gives up within the latency has delivered nothing: only after it anything is taken.
    async fn receive(&self, payload: Payload) -> Result<Receipt, Failure> {
        if !self.fate.latency.is_zero() {
            tokio::time::sleep(self.fate.latency).await;
        }
        let fault = self.conduct.faults.fault(&self.fate);
        if let Some((name, fault)) = fault {
            self.ledger.fault(name);
            let _ = self.met.set(fault);
        }
        let protocol = self.protocol.get().copied().unwrap_or(Protocol::Grpc);
        let mut receipt = Receipt::empty();
        match fault {
            Some((name, Fault::Refuse(refusal))) => return Err(refused(name, refusal)),
            Some((_, Fault::Hang | Fault::Reset | Fault::ResetRequest)) => {}
            Some((_, Fault::PartialSuccess { rejected })) => {
                receipt.rejected = Items(rejected).min(payload.items());
                receipt.message = Some("this sink was told to reject them".into());
                self.ledger.take(protocol, &payload, receipt.rejected);
            }
            Some((_, Fault::LostAnswer)) | None => self.ledger.take(protocol, &payload, Items::ZERO),
        }
        Ok(receipt)
    }
}

impl Route for Visit {
    fn next(&self, protocol: Protocol, _: Signal) -> Option<&dyn Consume> {
        let _ = self.protocol.set(protocol);
        Some(self)
    }
}

impl Consume for Visit {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(self.receive(payload))
    }
}

/// What the sender is told, in the place where a backend's own words would stand.
fn refused(name: &str, refusal: Refusal) -> Failure {
    let message = format!("this sink was told to fail: {name}");
    let status = PeerStatus { code: refusal.code, message: message.clone(), details: bytes::Bytes::new() };
    let failure = Failure::new(Class::ServerErrorOther, message).said_by_peer(status);
    match refusal.retry_after {
        Some(delay) => failure.retry_when(Retry::After(delay)),
        None => failure,
    }
}
