//! `receivers`

use std::time::Duration;

use super::{ListenAddress, ServerTls};
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
    /// `endpoint`; 0.0.0.0:4317 (the Collector: localhost:4317). With `transport: unix` the path of a socket.
    pub listen: ListenAddress,
    /// `max_recv_msg_size_mib`; 4 MiB. Holds for the message on the wire and after decompression.
    pub max_message: ByteCount,
    /// `tls`; none means plaintext.
    pub tls: Option<Box<ServerTls>>,
    /// `max_concurrent_streams` of one connection; 512 (the Collector: no bound).
    pub max_streams: Option<u32>,
    /// `keepalive::server_parameters`
    pub keepalive: Keepalive,
}

/// `receivers::otlp::protocols::grpc::keepalive::server_parameters`. None, and 0 in the text, stand for the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// `max_connection_idle`: how long a connection may be without a request; 10 minutes (the Collector: for ever).
    pub max_idle: Option<Duration>,
    /// `max_connection_age`: when a client is asked to connect anew; never.
    pub max_age: Option<Duration>,
    /// `max_connection_age_grace`: how long requests may take after that; as long as they want.
    pub age_grace: Option<Duration>,
    /// `time`: how often a silent client is asked whether it is there; 60 s (the Collector: 2 h).
    pub time: Option<Duration>,
    /// `timeout`: how long the answer to that may take; 20 s.
    pub timeout: Option<Duration>,
}

/// `receivers::otlp::protocols::http`
#[derive(Clone, Debug, PartialEq)]
pub struct HttpServer {
    /// `endpoint`; 0.0.0.0:4318 (the Collector: localhost:4318). With `transport: unix` the path of a socket.
    pub listen: ListenAddress,
    /// `max_request_body_size`; 20 MiB. Holds for the body on the wire and after decompression.
    pub max_body: ByteCount,
    /// `tls`; none means plaintext.
    pub tls: Option<Box<ServerTls>>,
}
