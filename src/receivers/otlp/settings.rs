//! How requests are answered, taken from a configuration.

use std::sync::Arc;

use crate::config::{ContextFact, Detection, OtlpReceiver};
use crate::memory::Pressure;
use crate::payload::Budget;
use crate::protocol::Protocol;
use crate::units::ByteCount;

use super::surface::Surface;
use crate::auth::Gate;

/// How the requests of one receiver are answered.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How large a request may be.
    pub limits: MessageLimits,
    pub(super) detection: Detection,
    pub(super) surface: Surface,
    /// Bytes of requests that are not answered yet; half of the budget for payloads if nothing is said.
    max_in_flight: Option<ByteCount>,
    /// Whose payloads keep the headers that they came with.
    include_metadata: Vec<Protocol>,
    /// Whether memory is short.
    pub(super) pressure: Pressure,
    /// What payloads keep of who sent them, beside headers.
    pub(super) facts: Vec<ContextFact>,
    /// What the ports ask their clients for, by the protocol that each is for.
    gates: Vec<(Protocol, Arc<Gate>)>,
}

/// How large a request may be, on the wire and again after decompression.
#[derive(Clone, Copy, Debug)]
pub struct MessageLimits {
    /// Of an OTLP/gRPC message: `max_recv_msg_size_mib`, 4 MiB.
    pub grpc: ByteCount,
    /// Of an OTLP/HTTP body: `max_request_body_size`, 20 MiB.
    pub http: ByteCount,
}

impl Settings {
    /// Those of `receiver`. A protocol that it does not have a port for is answered as it is by default.
    pub fn of(receiver: &OtlpReceiver) -> Settings {
        let OtlpReceiver { grpc, http, max_in_flight, detection } = receiver;
        let mut settings = Settings { detection: *detection, max_in_flight: *max_in_flight, ..Settings::default() };
        if let Some(grpc) = grpc {
            settings.limits.grpc = grpc.max_message;
            settings.include_metadata.extend(grpc.include_metadata.then_some(Protocol::Grpc));
        }
        if let Some(http) = http {
            settings.limits.http = http.max_body;
            settings.surface = Surface::of(&http.surface);
            settings.include_metadata.extend(http.surface.include_metadata.then_some(Protocol::Http));
        }
        settings
    }

    /// With `facts` of senders kept with what they send.
    #[must_use]
    pub fn keeping(self, facts: Vec<ContextFact>) -> Settings {
        Settings { facts, ..self }
    }

    /// With `gate` in front of the port for `protocol`.
    #[must_use]
    pub fn guarded(mut self, protocol: Protocol, gate: Arc<Gate>) -> Settings {
        self.gates.push((protocol, gate));
        self
    }

    /// While `pressure` is high, those who dawdle give way.
    #[must_use]
    pub fn under(self, pressure: &Pressure) -> Settings {
        Settings { pressure: pressure.clone(), ..self }
    }

    /// What the port for `protocol` asks its clients for, whatever they speak there.
    pub(super) fn gate(&self, protocol: Protocol) -> Option<&Gate> {
        self.gates.iter().find(|(guarded, _)| *guarded == protocol).map(|(_, gate)| &**gate)
    }

    /// What the requests that are not answered yet may take of `budget`: one receiver leaves some of it to the others.
    pub(super) fn in_flight(&self, budget: &Budget) -> Arc<Budget> {
        Budget::new(self.max_in_flight.unwrap_or(ByteCount(budget.limit().0 / 2)))
    }

    /// Whether payloads that came by `protocol` keep the headers that they came with.
    pub(super) fn includes_metadata(&self, protocol: Protocol) -> bool {
        self.include_metadata.contains(&protocol)
    }
}

impl Default for MessageLimits {
    fn default() -> MessageLimits {
        MessageLimits { grpc: ByteCount::mib(4), http: ByteCount::mib(20) }
    }
}

impl From<MessageLimits> for Settings {
    fn from(limits: MessageLimits) -> Settings {
        Settings { limits, ..Settings::default() }
    }
}
