//! `receivers`

use std::time::Duration;

use super::{HttpSurface, ListenAddress, Scraping, ServerAuth, ServerTls};
use crate::units::ByteCount;

/// `receivers::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Receiver {
    /// `otlp`
    Otlp(Box<OtlpReceiver>),
    /// `prometheus`
    Prometheus(Box<Scraping>),
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
    /// `max_in_flight_mib`, a key of the relay's own: bytes of requests that are not answered yet; half of the memory
    /// for payloads.
    pub max_in_flight: Option<ByteCount>,
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
    /// `endpoint`; 0.0.0.0:4317 (the Collector: localhost:4317). With `transport: unix` the path of a socket.
    pub listen: ListenAddress,
    /// `max_recv_msg_size_mib`; 4 MiB. Holds for the message on the wire and after decompression.
    pub max_message: ByteCount,
    /// `tls`; none means plaintext.
    pub tls: Option<Box<ServerTls>>,
    /// `auth`; none: everybody may send.
    pub auth: Option<ServerAuth>,
    /// `max_concurrent_streams` of one connection; 512 (the Collector: no bound).
    pub max_streams: Option<u32>,
    /// `max_connections` of the port, a key of the relay's own; three eighths of the open files, at most 16384.
    pub max_connections: Option<usize>,
    /// `keepalive::server_parameters`
    pub keepalive: Keepalive,
    /// `include_metadata`: whether payloads keep the headers that they came with.
    pub include_metadata: bool,
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
    /// `auth`; none: everybody may send.
    pub auth: Option<ServerAuth>,
    /// `max_connections` of the port, a key of the relay's own; three eighths of the open files, at most 16384.
    pub max_connections: Option<usize>,
    /// What its clients see beside that.
    pub surface: HttpSurface,
}
