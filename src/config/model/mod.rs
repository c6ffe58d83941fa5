//! What was asked for: the checked configuration, in types that cannot be wrong. Keys and defaults are the Collector's,
//! except where a field says otherwise.
//!
//! These structs stay at the edge: constructors take them apart, nothing on the data path stores them.

mod address;
mod attributes;
mod auth;
mod connector;
mod context;
mod delivery;
mod dialect;
mod exporter;
mod extension;
mod file;
mod http_surface;
mod link;
mod matching;
mod pattern;
mod processor;
mod prometheus;
mod receiver;
mod relabel;
mod scrape;
mod secret;
mod telemetry;
mod tls;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ident::{ComponentId, PipelineId};

use super::problem::{Places, Problem};

pub use address::{Endpoint, ListenAddress};
pub use attributes::{AttributeAction, AttributeChange, AttributeSource, AttributeType, Attributes, AttributesOf};
pub use auth::{
    BasicAuth, BasicClient, BearerToken, ClientAuth, ClientMeans, HeaderAction, HeaderRule, HeaderSource,
    HeadersSetter, Htpasswd, Oauth2, ServerAuth, ServerMeans, TextSource, Tokens,
};
pub use connector::{Connector, Failover};
pub use context::ContextFact;
pub use delivery::{
    Acknowledge, BatchSizer, DeadLetter, Delivery, Durable, Fallback, OnStorageFailure, Overflow, Queue, QueueBatch,
    QueueSizer, Retry,
};
pub use dialect::{Dialect, RemoteWrite, Zipkin};
pub use exporter::{
    Compression, Debug, DebugOutput, Exporter, HttpEncoding, HttpTarget, OtlpGrpc, OtlpHttp, Verbosity,
};
pub use extension::{DebugDump, DumpPayload, DumpWhich, Extension, FileStorage, Fsync, HealthCheck, Zpages};
pub use file::{Existing, File, FileCompression, FileFormat, Rotation};
pub use http_surface::{AllowedHeaders, ContentEncodings, Cors, HttpSurface};
pub use link::{
    Balancer, GrpcLink, HttpLink, IdleLimit, IdlePings, Pings, Proxy, ProxyKind, Readiness, Reuse, Versions,
};
pub use matching::{AttributeMatch, LibraryMatch, MatchProperties, Matching, SeverityMatch, TextMatch, ValueMatch};
pub use pattern::Pattern;
pub use processor::{Batch, MemoryLimit, MemoryLimiter, Processor};
pub use prometheus::{Prometheus, ResourceLabels, Translation};
pub use receiver::{Detection, GrpcServer, HttpServer, Keepalive, OtlpReceiver, Receiver};
pub use relabel::{Labels, Relabel, RelabelAction, Relabelled, relabel};
pub use scrape::{LastScrape, ScrapeFormats, ScrapeJob, ScrapeLimits, ScrapeProtocol, ScrapeTarget, Scraping};
pub use secret::{Secret, without_values};
pub use telemetry::{
    LogEncoding, LogLevel, LogOutput, LogSampling, Logs, Metrics, MetricsLevel, MetricsReader, PeriodicReader,
    PrometheusReader, Resource, Spelling, Telemetry,
};
pub use tls::{CaReload, CipherSuite, ClientCa, ClientTls, Curve, PemSource, ServerTls, TlsTerms, TlsVersion};

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
    /// `connectors`
    pub connectors: BTreeMap<ComponentId, Connector>,
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
    /// Receivers and connectors; at least one.
    pub receivers: Vec<ComponentId>,
    /// In the order written.
    pub processors: Vec<ComponentId>,
    /// Exporters and connectors; at least one.
    pub exporters: Vec<ComponentId>,
}
