//! `receivers::otlp::protocols::http`: what its clients see of it beside the port and the size of a request.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderName;

use super::{Compression, Secret};
use crate::signal::Signal;

/// How an OTLP/HTTP receiver meets its clients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpSurface {
    /// `traces_url_path`, `metrics_url_path`, `logs_url_path`, where they are written; each begins with a slash.
    pub url_paths: BTreeMap<Signal, String>,
    /// `compression_algorithms`
    pub encodings: ContentEncodings,
    /// `cors`; none where no origin is allowed.
    pub cors: Option<Cors>,
    /// `response_headers`: on every answer.
    pub response_headers: Vec<(HeaderName, Secret)>,
    /// `include_metadata`: whether payloads keep the headers that they came with.
    pub include_metadata: bool,
    /// `read_timeout` of the whole body; none: no limit but that of a stalled one.
    pub read_timeout: Option<Duration>,
    /// `read_header_timeout`, or `read_timeout`; 30 s (the Collector: none).
    pub header_timeout: Option<Duration>,
    /// `idle_timeout`, or `read_timeout`; 10 minutes (the Collector: none).
    pub idle_timeout: Option<Duration>,
    /// `keep_alives_enabled: false`: an HTTP/1.1 connection ends behind its first answer.
    pub one_request: bool,
}

/// `compression_algorithms`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ContentEncodings {
    /// Every encoding that is known, and none.
    #[default]
    All,
    /// `[]`: bodies are taken as they come, whatever their `Content-Encoding`.
    Ignored,
    /// These. Bodies that are not compressed are refused unless `None` is among them.
    Only(Vec<Compression>),
}

/// `cors`, with at least one origin. Credentials are always allowed, as in the Collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// `allowed_origins`, each with one `*` at most, in lower case.
    pub allowed_origins: Vec<String>,
    /// `allowed_headers`
    pub allowed_headers: AllowedHeaders,
    /// `exposed_headers`
    pub exposed_headers: Vec<HeaderName>,
    /// `max_age`: for how many seconds a browser may keep an answer; 0 says nothing.
    pub max_age: u64,
}

/// `cors::allowed_headers`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHeaders {
    /// `*`
    Any,
    /// These, and those that every OTLP/HTTP request may have.
    Listed(Vec<HeaderName>),
}
