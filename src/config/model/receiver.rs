//! `receivers`

use super::{HttpSurface, ListenAddress};
use crate::units::ByteCount;

/// `receivers::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Receiver {
    /// `otlp`
    Otlp(OtlpReceiver),
    /// `nop`: never receives anything.
    Nop,
}

/// `receivers::otlp`: at least one of the protocols is on.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpReceiver {
    /// `protocols::grpc`
    pub grpc: Option<GrpcServer>,
    /// `protocols::http`
    pub http: Option<HttpServer>,
    /// `protocol_detection`, a key of the relay's own; on.
    pub detection: Detection,
}

/// `receivers::otlp::protocol_detection`: what becomes of a client that speaks one protocol to the port of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detection {
    /// It is served, and named in the log once.
    #[default]
    On,
    /// It is refused, as the Collector refuses it, but told where to go.
    Off,
}

/// `receivers::otlp::protocols::grpc`
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcServer {
    /// `endpoint`; 0.0.0.0:4317 (the Collector: localhost:4317).
    pub listen: ListenAddress,
    /// `max_recv_msg_size_mib`; 4 MiB. Holds for the message on the wire and after decompression.
    pub max_message: ByteCount,
    /// `include_metadata`: whether payloads keep the headers that they came with.
    pub include_metadata: bool,
}

/// `receivers::otlp::protocols::http`
#[derive(Clone, Debug, PartialEq)]
pub struct HttpServer {
    /// `endpoint`; 0.0.0.0:4318 (the Collector: localhost:4318).
    pub listen: ListenAddress,
    /// `max_request_body_size`; 20 MiB. Holds for the body on the wire and after decompression.
    pub max_body: ByteCount,
    /// What its clients see beside that.
    pub surface: Box<HttpSurface>,
}
