//! `receivers`

use super::ListenAddress;
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
}

/// `receivers::otlp::protocols::grpc`
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcServer {
    /// `endpoint`; 0.0.0.0:4317 (the Collector: localhost:4317).
    pub listen: ListenAddress,
    /// `max_recv_msg_size_mib`; 4 MiB. Holds for the message on the wire and after decompression.
    pub max_message: ByteCount,
}

/// `receivers::otlp::protocols::http`
#[derive(Clone, Debug, PartialEq)]
pub struct HttpServer {
    /// `endpoint`; 0.0.0.0:4318 (the Collector: localhost:4318).
    pub listen: ListenAddress,
    /// `max_request_body_size`; 20 MiB. Holds for the body on the wire and after decompression.
    pub max_body: ByteCount,
}
