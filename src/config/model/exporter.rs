//! `exporters`

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderName;
use http::header::HOST;

use super::secret::in_query;
use super::{ClientAuth, ClientTls, Delivery, Endpoint, Fallback, File, GrpcLink, HttpLink, Prometheus, Proxy, Secret};
use crate::signal::Signal;

/// `exporters::<id>`
#[derive(Clone, Debug, PartialEq)]
pub enum Exporter {
    /// `otlp_grpc`, alias `otlp`
    OtlpGrpc(OtlpGrpc),
    /// `otlp_http`, alias `otlphttp`
    OtlpHttp(OtlpHttp),
    /// `debug`, alias `logging`
    Debug(Debug),
    /// `file`
    File(File),
    /// `prometheus`
    Prometheus(Box<Prometheus>),
    /// `nop`
    Nop,
}

impl Exporter {
    /// What happens around its attempts; nothing for one that has no such keys.
    pub fn delivery(&self) -> Option<&Delivery> {
        match self {
            Exporter::OtlpGrpc(exporter) => Some(&exporter.delivery),
            Exporter::OtlpHttp(exporter) => Some(&exporter.delivery),
            Exporter::Debug(exporter) => Some(&exporter.delivery),
            Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => None,
        }
    }

    /// Who takes over when its attempts fail.
    pub fn fallback(&self) -> Option<&Fallback> {
        self.delivery().and_then(|delivery| delivery.fallback.as_ref())
    }

    /// Whether it has a place to send `signal` to.
    pub fn takes(&self, signal: Signal) -> bool {
        match self {
            Exporter::OtlpHttp(exporter) => exporter.targets.contains_key(&signal),
            Exporter::Prometheus(_) => signal == Prometheus::SIGNAL,
            Exporter::OtlpGrpc(_) | Exporter::Debug(_) | Exporter::File(_) | Exporter::Nop => true,
        }
    }

    /// Everything in the configuration that its backends, proxies and token servers are shown and nobody else may see.
    /// What stands in files of its own (tokens, passwords) is known to whoever sends it.
    pub fn secrets(&self) -> Vec<Secret> {
        match self {
            Exporter::OtlpGrpc(exporter) => exporter.secrets(),
            Exporter::OtlpHttp(exporter) => exporter.secrets(),
            Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => Vec::new(),
        }
    }
}

impl OtlpGrpc {
    /// As [`Exporter::secrets`].
    pub fn secrets(&self) -> Vec<Secret> {
        let headers = self.headers.iter().map(|(_, value)| value.clone());
        let proxy = self.link.proxy.iter().flat_map(Proxy::secrets).cloned();
        let auth = self.auth.iter().flat_map(ClientAuth::secrets);
        headers.chain(proxy).chain(auth).collect()
    }
}

impl OtlpHttp {
    /// As [`Exporter::secrets`]. The values of a query belong to them: some backends want a key there.
    pub fn secrets(&self) -> Vec<Secret> {
        // Who is asked is no secret: it takes the place of the endpoint's host.
        let headers = self.headers.iter().filter(|(name, _)| name != HOST).map(|(_, value)| value.clone());
        let proxies = self.targets.values().flat_map(|target| &target.proxy).flat_map(Proxy::secrets).cloned();
        let queries = self.targets.values().flat_map(|target| in_query(&target.path));
        let auth = self.auth.iter().flat_map(ClientAuth::secrets);
        headers.chain(proxies).chain(queries).chain(auth).collect()
    }
}

/// `exporters::otlp_grpc`
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpGrpc {
    /// `endpoint`
    pub endpoint: Endpoint,
    /// `tls`, lowered with the endpoint's scheme: none means plaintext.
    pub tls: Option<ClientTls>,
    /// `headers`, in the order written; names in lower case.
    pub headers: Vec<(HeaderName, Secret)>,
    /// `auth`
    pub auth: Option<ClientAuth>,
    /// `compression`; gzip.
    pub compression: Compression,
    /// `timeout` of one attempt; 5 s. None where it is written as 0: no limit.
    pub timeout: Option<Duration>,
    /// Everything that concerns the connections; in a box, to keep the exporters alike in size.
    pub link: Box<GrpcLink>,
    /// What happens around an attempt.
    pub delivery: Delivery,
}

/// `exporters::otlp_http`
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpHttp {
    /// Where each signal goes. A signal that has no endpoint is in no pipeline with this exporter.
    pub targets: BTreeMap<Signal, HttpTarget>,
    /// `headers`, in the order written.
    pub headers: Vec<(HeaderName, Secret)>,
    /// `encoding`; proto.
    pub encoding: HttpEncoding,
    /// `auth`
    pub auth: Option<ClientAuth>,
    /// `compression`; gzip.
    pub compression: Compression,
    /// `compression_params::level`, checked to fit `compression`. None where it is not written or 0.
    pub compression_level: Option<i32>,
    /// `timeout` of one attempt; 30 s. None where it is written as 0: no limit.
    pub timeout: Option<Duration>,
    /// Everything that concerns the connections.
    pub link: HttpLink,
    /// What happens around an attempt.
    pub delivery: Delivery,
}

/// Where one signal goes over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpTarget {
    /// The key that says so: `endpoint` or `traces_endpoint`.
    pub key: &'static str,
    /// The host, and the text of that key.
    pub endpoint: Endpoint,
    /// The whole path and query: that of `endpoint` with the signal's appended, or that of `traces_endpoint` as it is.
    pub path: String,
    /// `tls`, where the endpoint is https; none means plaintext.
    pub tls: Option<ClientTls>,
    /// `proxy_url`, or what the environment says.
    pub proxy: Option<Proxy>,
}

/// `encoding`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpEncoding {
    /// `proto`
    Proto,
    /// `json`
    Json,
}

/// `compression`. Each exporter takes its own choice of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// `none` or empty.
    None,
    /// `gzip`
    Gzip,
    /// `zstd`
    Zstd,
    /// `snappy`: over HTTP one block, over gRPC a stream of frames, as each has it.
    Snappy,
    /// `x-snappy-framed`
    SnappyFramed,
    /// `zlib`
    Zlib,
    /// `deflate`: zlib under the name that HTTP has for it.
    Deflate,
    /// `lz4`
    Lz4,
}

/// `exporters::debug`
#[derive(Clone, Debug, PartialEq)]
pub struct Debug {
    /// `verbosity`; basic.
    pub verbosity: Verbosity,
    /// `sampling_initial`: how often an entry is printed in a second whatever comes; 2.
    pub sampling_initial: u64,
    /// `sampling_thereafter`: of the same entries after those, one in so many; 1. None where it is 0: none.
    pub sampling_thereafter: Option<u64>,
    /// `use_internal_logger`, and `output_paths` where it is false.
    pub output: DebugOutput,
    /// `sending_queue`, off unless written; never retried.
    pub delivery: Delivery,
}

/// Where a debug exporter prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebugOutput {
    /// `use_internal_logger: true`: in the relay's log.
    InternalLogger,
    /// `output_paths`: `stdout`, `stderr` and files, at least one; stdout alone unless written.
    Paths(Vec<String>),
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
