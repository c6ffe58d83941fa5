//! `exporters`

use std::time::Duration;

use http::HeaderName;

use super::{ClientTls, Delivery, Endpoint, Secret};

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
    pub headers: Vec<(HeaderName, Secret)>,
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
    pub headers: Vec<(HeaderName, Secret)>,
    /// `encoding`; proto.
    pub encoding: HttpEncoding,
    /// `compression`; gzip.
    pub compression: Compression,
    /// `compression_params::level`, checked to fit `compression`. None where it is not written or 0.
    pub compression_level: Option<i32>,
    /// `timeout` of one attempt; 30 s. None where it is written as 0: no limit.
    pub timeout: Option<Duration>,
    /// What happens around an attempt.
    pub delivery: Delivery,
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
