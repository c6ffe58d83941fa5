//! OTLP to a backend, over gRPC or over HTTP: one payload is one attempt under one timer, without retry, queue or counters.

mod encode;
mod grpc_answer;
mod headers;
mod http_answer;
mod partial;
mod stage;
mod words;

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Uri};

use crate::config::{ClientTls, Endpoint, OtlpGrpc, OtlpHttp};
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::signal::{Facts, Signal};
use crate::transport::client::{Client, ClientSettings, Protocol, TlsClient, TlsProblem};

use self::encode::Packing;
use self::stage::{Shape, Stage, Target};

/// An exporter that is ready for its pipelines. The stages that it gives share their connections.
#[derive(Debug)]
pub struct Backend {
    target: Arc<Target>,
    /// By `Signal as usize`.
    uris: Vec<Uri>,
}

/// Why an exporter cannot be built from its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupProblem {
    /// The key below the exporter, in Collector notation: `tls::ca_file`.
    pub key: String,
    /// What is wrong: lower case, no full stop.
    pub what: String,
}

/// The `otlp_grpc` exporter. `instance` marks its requests, so that a relay notices that it sends to itself.
///
/// # Errors
///
/// The key of the configuration whose file or value cannot be used. Whether the backend can be reached is not looked at.
pub fn otlp_grpc(id: Arc<ComponentId>, config: &OtlpGrpc, instance: &str) -> Result<Backend, SetupProblem> {
    let OtlpGrpc { endpoint, tls, headers, compression, timeout, delivery: _ } = config;
    let packing = Packing::of(*compression);
    // grpc-go calls the server by the name that TLS expects of it.
    let authority = tls.as_ref().and_then(|tls| tls.server_name.clone()).unwrap_or_else(|| endpoint.authority());
    let uris = uris(&format!("{}://{authority}", scheme(tls.as_ref())), |facts| facts.grpc_path)?;
    let target = Target {
        id,
        endpoint: endpoint.text.as_str().into(),
        client: client(endpoint, tls.as_ref(), Protocol::Http2Only)?,
        shape: Shape::Grpc,
        headers: headers::grpc(headers, packing, *timeout, instance)?,
        packing,
        timeout: *timeout,
    };
    Ok(Backend { target: Arc::new(target), uris })
}

/// The `otlp_http` exporter. `instance` marks its requests, so that a relay notices that it sends to itself.
///
/// # Errors
///
/// The key of the configuration whose file or value cannot be used. Whether the backend can be reached is not looked at.
pub fn otlp_http(id: Arc<ComponentId>, config: &OtlpHttp, instance: &str) -> Result<Backend, SetupProblem> {
    let OtlpHttp { endpoint, base_path, tls, headers, compression, timeout, delivery: _ } = config;
    let packing = Packing::of(*compression);
    let base = format!("{}://{}{base_path}", scheme(tls.as_ref()), endpoint.authority());
    let uris = uris(&base, |facts| facts.http_path)?;
    let target = Target {
        id,
        endpoint: endpoint.text.as_str().into(),
        client: client(endpoint, tls.as_ref(), Protocol::Any)?,
        shape: Shape::Http,
        headers: headers::http(headers, packing, instance)?,
        packing,
        timeout: *timeout,
    };
    Ok(Backend { target: Arc::new(target), uris })
}

impl Backend {
    /// The stage that sends `signal` there.
    pub fn stage(&self, signal: Signal) -> Next {
        Arc::new(Stage { target: Arc::clone(&self.target), uri: self.uris[signal as usize].clone() })
    }
}

fn client(endpoint: &Endpoint, tls: Option<&ClientTls>, protocol: Protocol) -> Result<Client, SetupProblem> {
    let tls = tls.map(|tls| TlsClient::load(tls, endpoint)).transpose()?.map(Arc::new);
    Ok(Client::new(ClientSettings { endpoint: endpoint.clone(), tls, protocol }))
}

/// The URL of each signal, in the order of `Signal::ALL`.
fn uris(base: &str, path: impl Fn(&Facts) -> &'static str) -> Result<Vec<Uri>, SetupProblem> {
    let uris = Signal::ALL.into_iter().map(|signal| Uri::try_from(format!("{base}{}", path(signal.facts()))));
    uris.collect::<Result<_, _>>()
        .map_err(|error| SetupProblem { key: "endpoint".to_owned(), what: format!("it makes no valid URL: {error}") })
}

fn scheme(tls: Option<&ClientTls>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// The value of a header, if there is one and it is text.
fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl From<TlsProblem> for SetupProblem {
    fn from(problem: TlsProblem) -> SetupProblem {
        let key = if problem.key.is_empty() { "tls".to_owned() } else { format!("tls::{}", problem.key) };
        SetupProblem { key, what: problem.what }
    }
}

impl fmt::Display for SetupProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl std::error::Error for SetupProblem {}
