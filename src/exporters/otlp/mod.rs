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

use http::header::HOST;
use http::{HeaderMap, Request};

use crate::config::{ClientTls, Endpoint, HttpEncoding, OtlpGrpc, OtlpHttp};
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::signal::{Facts, Signal};
use crate::transport::client::{Client, ClientSettings, Protocol, TlsClient};
use crate::transport::tls::TlsProblem;

use self::encode::Packing;
use self::stage::{Shape, Stage, Target};

/// An exporter that is ready for its pipelines. The stages that it gives share their connections.
#[derive(Debug)]
pub struct Backend {
    target: Arc<Target>,
    /// The request of each signal, without its body, by `Signal as usize`.
    heads: Vec<Request<()>>,
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
    let packing = Packing::grpc(*compression);
    // grpc-go calls the server by the name that TLS expects of it.
    let authority = tls.as_ref().and_then(|tls| tls.server_name.clone()).unwrap_or_else(|| endpoint.authority());
    let headers = headers::grpc(headers, packing, *timeout, instance)?;
    let heads = heads(&format!("{}://{authority}", scheme(tls.as_ref())), |facts| facts.grpc_path, &headers)?;
    let target = Target {
        id,
        endpoint: endpoint.text.as_str().into(),
        client: client(endpoint, tls.as_ref(), Protocol::Http2Only)?,
        shape: Shape::Grpc,
        packing,
        timeout: *timeout,
    };
    Ok(Backend { target: Arc::new(target), heads })
}

/// The `otlp_http` exporter. `instance` marks its requests, so that a relay notices that it sends to itself.
///
/// # Errors
///
/// The key of the configuration whose file or value cannot be used. Whether the backend can be reached is not looked at.
pub fn otlp_http(id: Arc<ComponentId>, config: &OtlpHttp, instance: &str) -> Result<Backend, SetupProblem> {
    let OtlpHttp { endpoint, base_path, tls, headers, encoding, compression, compression_level, timeout, delivery: _ } =
        config;
    let packing = Packing::http(*compression, *compression_level);
    let mut headers = headers::http(headers, *encoding, packing, instance)?;
    // A configured Host is who is asked, not where the connection goes.
    let host = headers.remove(HOST).and_then(|host| host.to_str().ok().map(str::to_owned));
    let authority = host.unwrap_or_else(|| endpoint.authority());
    let heads =
        heads(&format!("{}://{authority}{base_path}", scheme(tls.as_ref())), |facts| facts.http_path, &headers)?;
    let target = Target {
        id,
        endpoint: endpoint.text.as_str().into(),
        client: client(endpoint, tls.as_ref(), Protocol::Any)?,
        shape: match encoding {
            HttpEncoding::Proto => Shape::Http,
            HttpEncoding::Json => Shape::HttpJson,
        },
        packing,
        timeout: *timeout,
    };
    Ok(Backend { target: Arc::new(target), heads })
}

impl Backend {
    /// The stage that sends `signal` there.
    pub fn stage(&self, signal: Signal) -> Next {
        Arc::new(Stage { target: Arc::clone(&self.target), head: self.heads[signal as usize].clone() })
    }
}

fn client(endpoint: &Endpoint, tls: Option<&ClientTls>, protocol: Protocol) -> Result<Client, SetupProblem> {
    let tls = tls.map(|tls| TlsClient::load(tls, endpoint)).transpose()?.map(Arc::new);
    Ok(Client::new(ClientSettings { endpoint: endpoint.clone(), tls, protocol }))
}

/// The request of each signal, in the order of `Signal::ALL`.
fn heads(
    base: &str,
    path: impl Fn(&Facts) -> &'static str,
    headers: &HeaderMap,
) -> Result<Vec<Request<()>>, SetupProblem> {
    let head = |signal: Signal| {
        let mut head = Request::post(format!("{base}{}", path(signal.facts()))).body(())?;
        head.headers_mut().clone_from(headers);
        Ok(head)
    };
    Signal::ALL.into_iter().map(head).collect::<Result<_, http::Error>>().map_err(|error| SetupProblem {
        key: "endpoint".to_owned(),
        what: format!("\"{base}\" makes no valid URL: {error}"),
    })
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
