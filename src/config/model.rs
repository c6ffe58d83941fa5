//! What was asked for: the checked configuration, in types that cannot be wrong. Keys and defaults are the Collector's,
//! except where a field says otherwise.
//!
//! These structs stay at the edge: constructors take them apart, nothing on the data path stores them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::ident::{ComponentId, PipelineId};
use crate::units::{ByteCount, Items};

use super::problem::{Places, Problem};

/// A whole configuration. Every reference in it is known to lead somewhere.
#[derive(Debug, Default)]
pub struct Config {
    /// Where it came from, for people: a file name or `embedded default`.
    pub source: String,
    /// `receivers`
    pub receivers: BTreeMap<ComponentId, Receiver>,
    /// `processors`
    pub processors: BTreeMap<ComponentId, Processor>,
    /// `exporters`
    pub exporters: BTreeMap<ComponentId, Exporter>,
    /// `extensions`
    pub extensions: BTreeMap<ComponentId, Extension>,
    /// `service::pipelines`
    pub pipelines: BTreeMap<PipelineId, Pipeline>,
    /// `service::extensions`, in the order written.
    pub started_extensions: Vec<ComponentId>,
    /// `service::telemetry`
    pub telemetry: Telemetry,
    /// How long a shutdown may take: `service::shutdown_timeout`, a key of the relay's own; 8 s, since `docker stop`
    /// kills after 10.
    pub shutdown_timeout: Duration,
    /// What a person should change but the relay can live with: logged at start.
    pub warnings: Vec<Problem>,
    /// Where each value stands, by its path in Collector notation, for problems that show only at start.
    pub places: Places,
}

/// `service::pipelines::<id>`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline {
    /// At least one.
    pub receivers: Vec<ComponentId>,
    /// In the order written.
    pub processors: Vec<ComponentId>,
    /// At least one.
    pub exporters: Vec<ComponentId>,
}

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

/// Where a server listens: `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenAddress {
    /// A name or an address without brackets; empty stands for all addresses (`:4317`).
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

/// `processors::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Processor {
    /// `batch`
    Batch(Batch),
    /// `memory_limiter`
    MemoryLimiter(MemoryLimiter),
}

/// `processors::batch`
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `timeout`; 200 ms. Zero: never wait for more.
    pub timeout: Duration,
    /// `send_batch_size`; 8192. Zero: never wait for more.
    pub send_batch_size: Items,
    /// `send_batch_max_size`; none. Not below `send_batch_size`.
    pub send_batch_max_size: Option<Items>,
}

/// `processors::memory_limiter`
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryLimiter {
    /// `check_interval`; 1 s with a warning when left out (the Collector refuses to start).
    pub check_interval: Duration,
    /// `limit_mib` or `limit_percentage`.
    pub limit: MemoryLimit,
    /// `spike_limit_mib` or `spike_limit_percentage`; a fifth of the limit when left out. Below `limit`.
    pub spike: Option<MemoryLimit>,
}

/// An amount of memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MemoryLimit {
    /// So many bytes.
    Bytes(ByteCount),
    /// A share of what the cgroup or the machine has, 1 to 100.
    Percent(u8),
}

/// `exporters::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Exporter {
    /// `otlp_grpc`, alias `otlp`
    OtlpGrpc(OtlpGrpc),
    /// `otlp_http`, alias `otlphttp`
    OtlpHttp(OtlpHttp),
    /// `debug`, alias `logging`
    Debug(Debug),
    /// `nop`
    Nop,
}

/// `exporters::otlp_grpc`
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpGrpc {
    /// `endpoint`
    pub endpoint: Endpoint,
    /// `tls`, lowered with the endpoint's scheme: none means plaintext.
    pub tls: Option<ClientTls>,
    /// `headers`, in the order written; names in lower case.
    pub headers: Vec<(http::HeaderName, Secret)>,
    /// `compression`; gzip.
    pub compression: Compression,
    /// `timeout` of one attempt; 5 s. None where it is written as 0: no limit.
    pub timeout: Option<Duration>,
    /// What happens around an attempt.
    pub delivery: Delivery,
}

/// `exporters::otlp_http`
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpHttp {
    /// `endpoint`: the signal's path is appended to its path.
    pub endpoint: Endpoint,
    /// The endpoint's path without a slash at the end: `` or `/otlp`.
    pub base_path: String,
    /// `tls`, where the endpoint is https; none means plaintext.
    pub tls: Option<ClientTls>,
    /// `headers`, in the order written.
    pub headers: Vec<(http::HeaderName, Secret)>,
    /// `compression`; gzip.
    pub compression: Compression,
    /// `timeout` of one attempt; 30 s. None where it is written as 0: no limit.
    pub timeout: Option<Duration>,
    /// What happens around an attempt.
    pub delivery: Delivery,
}

/// Where an exporter sends to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// As written, without userinfo: for people and labels.
    pub text: String,
    /// A name or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// `host:port` with the brackets of an IPv6 address: the authority of a request.
    pub fn authority(&self) -> String {
        host_port(&self.host, self.port)
    }
}

impl ListenAddress {
    /// Whether only this machine (or container) can reach it, as far as the text says.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&host_port(&self.host, self.port))
    }
}

fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// `exporters::<id>::tls` for a connection that is TLS. All files are read at start, never by `validate`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientTls {
    /// `ca_file` or `ca_pem`; the system's authorities when left out.
    pub ca: Option<PemSource>,
    /// `include_system_ca_certs_pool`: the system's authorities beside `ca`.
    pub system_roots_too: bool,
    /// `cert_file` or `cert_pem` with `key_file` or `key_pem`.
    pub identity: Option<(PemSource, PemSource)>,
    /// `server_name_override`
    pub server_name: Option<String>,
    /// `insecure_skip_verify`
    pub skip_verify: bool,
}

/// Where PEM text comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum PemSource {
    /// A file, read at start.
    File(PathBuf),
    /// The configuration itself.
    Inline(Secret),
}

/// `compression`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// `none` or empty.
    None,
    /// `gzip`
    Gzip,
    /// `zstd`
    Zstd,
}

/// What exporterhelper does around an attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivery {
    /// `retry_on_failure`; none where it is switched off.
    pub retry: Option<Retry>,
    /// `sending_queue`; none where it is switched off.
    pub queue: Option<Queue>,
}

/// `retry_on_failure`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// `initial_interval`; 5 s.
    pub initial_interval: Duration,
    /// `randomization_factor`; 0.5, from 0 to 1.
    pub randomization_factor: f64,
    /// `multiplier`; 1.5.
    pub multiplier: f64,
    /// `max_interval`; 30 s.
    pub max_interval: Duration,
    /// `max_elapsed_time`; 5 min. None where it is written as 0: for ever.
    pub max_elapsed_time: Option<Duration>,
}

/// `sending_queue`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Queue {
    /// `num_consumers`: exports at a time; 10.
    pub num_consumers: usize,
    /// `queue_size` in units of `sizer`; 1000.
    pub queue_size: u64,
    /// `sizer`; requests.
    pub sizer: QueueSizer,
    /// `block_on_overflow`: whether a sender waits for room; false.
    pub overflow: Overflow,
    /// `wait_for_result`: what a sender waits for; false.
    pub acknowledge: Acknowledge,
    /// `batch`; none.
    pub batch: Option<QueueBatch>,
}

/// `sending_queue::sizer`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueSizer {
    /// `requests`
    Requests,
    /// `items`
    Items,
    /// `bytes` of protobuf
    Bytes,
}

/// `sending_queue::block_on_overflow`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// A full queue refuses with a retryable failure.
    Refuse,
    /// A full queue makes the sender wait.
    Block,
}

/// `sending_queue::wait_for_result`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// The sender is answered when the queue holds its data.
    WhenQueued,
    /// The sender is answered when the export has ended.
    WhenExported,
}

/// `sending_queue::batch`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueueBatch {
    /// `flush_timeout`; 200 ms.
    pub flush_timeout: Duration,
    /// `min_size`; 8192.
    pub min_size: u64,
    /// `max_size`; none.
    pub max_size: Option<u64>,
    /// `sizer`: items unless it, or the queue's sizer, says bytes.
    pub sizer: BatchSizer,
}

/// `sending_queue::batch::sizer`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSizer {
    /// `items`
    Items,
    /// `bytes` of protobuf
    Bytes,
}

/// `exporters::debug`
#[derive(Clone, Debug, PartialEq)]
pub struct Debug {
    /// `verbosity`; basic.
    pub verbosity: Verbosity,
    /// `sampling_initial`: lines of each second that are printed whatever comes; 2.
    pub sampling_initial: u64,
    /// `sampling_thereafter`: of the lines after those, one in so many; 1. None where it is 0: none.
    pub sampling_thereafter: Option<u64>,
    /// `sending_queue`, off unless written; never retried.
    pub delivery: Delivery,
}

/// `exporters::debug::verbosity`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// One line for each request.
    Basic,
    /// One line for each item.
    Normal,
    /// Everything.
    Detailed,
}

/// `extensions::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Extension {
    /// `health_check`
    HealthCheck(HealthCheck),
}

/// `extensions::health_check`
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    /// `endpoint`; 0.0.0.0:13133 (the Collector: localhost:13133).
    pub listen: ListenAddress,
    /// `path`; `/`.
    pub path: String,
    /// `response_body::healthy`
    pub healthy_body: Option<String>,
    /// `response_body::unhealthy`
    pub unhealthy_body: Option<String>,
}

/// `service::telemetry`
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// `logs::level`; info.
    pub log_level: LogLevel,
    /// `logs::encoding`; console.
    pub log_encoding: LogEncoding,
    /// Where Prometheus scrapes: the first pull reader; localhost:8888. None for `metrics::level: none` and `readers: []`.
    pub metrics: Option<ListenAddress>,
}

/// `service::telemetry::logs::level`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens once.
    Info,
    /// What a person should look at.
    Warn,
    /// What does not work.
    Error,
}

/// `service::telemetry::logs::encoding`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEncoding {
    /// One readable line.
    Console,
    /// One JSON object.
    Json,
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        let metrics = ListenAddress { host: "localhost".to_owned(), port: 8888 };
        Telemetry { log_level: LogLevel::Info, log_encoding: LogEncoding::Console, metrics: Some(metrics) }
    }
}

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value` out of every output.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}
