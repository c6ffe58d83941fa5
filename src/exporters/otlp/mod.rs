//! OTLP to a backend, over gRPC or over HTTP: one payload is one attempt under one timer, without retry, queue or counters.

mod credentials;
mod encode;
mod grpc_answer;
mod headers;
mod http_answer;
mod partial;
mod ready;
mod stage;
mod translate;
mod trial;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Request};

use crate::config::{
    ClientTls, Endpoint, GrpcLink, HttpEncoding, HttpLink, HttpTarget, OtlpGrpc, OtlpHttp, Proxy, ProxyKind, Readiness,
    Secret, Versions,
};
use crate::failure::Mask;
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::transport::client::{Client, ClientSettings, Keep, Patience, Protocol, TlsClient};
use crate::transport::tls::TlsProblem;

pub use super::setup::SetupProblem;
pub use ready::Ready;
pub use translate::{Translate, Translated};
pub use trial::{Trial, Way};

pub use self::credentials::fetch;

use self::credentials::credentials;
use self::encode::Packing;
use self::stage::{Shape, Stage, Target};

/// An exporter that is ready for its pipelines. The stages that it gives share their connections.
#[derive(Debug)]
pub struct Backend {
    /// Where each signal goes, with its request without a body.
    ways: BTreeMap<Signal, (Arc<Target>, Request<()>)>,
    tls: Certificates,
}

/// The certificate files of an exporter, in use by its connections.
#[derive(Clone, Debug, Default)]
pub struct Certificates(Vec<Arc<TlsClient>>);

impl Certificates {
    /// Reads the files again: an operator who has renewed them asks for a reload. New connections use what is in them;
    /// what cannot be used is logged, and changes nothing.
    pub fn renew(&self) {
        self.0.iter().for_each(|tls| tls.renew());
    }

    /// When the first certificate of a server that was seen ends, and the first of our own.
    pub fn ends(&self) -> (Option<SystemTime>, Option<SystemTime>) {
        let ends: Vec<_> = self.0.iter().map(|tls| tls.ends()).collect();
        let servers = ends.iter().filter_map(|(server, _)| *server).min();
        (servers, ends.iter().filter_map(|(_, own)| *own).min())
    }
}

/// The `otlp_grpc` exporter. `instance` marks its requests, so that a relay notices that it sends to itself.
///
/// # Errors
///
/// The key of the configuration whose file or value cannot be used. Whether the backend can be reached is not looked at.
pub fn otlp_grpc(id: Arc<ComponentId>, config: &OtlpGrpc, instance: &str) -> Result<Backend, SetupProblem> {
    let OtlpGrpc { endpoint, tls, headers, auth, compression, timeout, link, delivery } = config;
    let GrpcLink { authority, user_agent, pings, balancer, readiness, proxy } = &**link;
    let packing = Packing::grpc(*compression);
    let tls = tls.as_ref().map(|tls| named(tls, authority.as_deref()));
    // grpc-go calls the server by the name that TLS expects of it.
    let server_name = || tls.as_ref().and_then(|tls| tls.server_name.clone());
    let authority = authority.clone().or_else(server_name).unwrap_or_else(|| endpoint.authority());
    let headers = headers::grpc(headers, packing, *timeout, user_agent.as_deref(), instance)?;
    let client_tls = load(tls.as_ref(), endpoint)?;
    let certificates = Certificates(client_tls.iter().cloned().collect());
    let settings = ClientSettings {
        proxy: proxy.clone(),
        proxy_tls: proxy_tls(tls.as_ref(), proxy.as_ref())?,
        pings: *pings,
        balancer: *balancer,
        patience: match readiness {
            Readiness::FailFast => Patience::None,
            Readiness::Wait => Patience::Wait(*timeout),
        },
        ..ClientSettings::new(endpoint.clone(), client_tls, Protocol::Http2Only)
    };
    let target = Arc::new(Target {
        id,
        endpoint: bare(&endpoint.text).into(),
        client: Arc::new(Client::new(settings)),
        credentials: credentials(auth.as_ref())?,
        shape: Shape::Grpc,
        packing,
        retryable: delivery.retryable_codes.clone(),
        timeout: *timeout,
        mask: mask(&config.secrets()),
    });
    let base = format!("{}://{authority}", scheme(tls.as_ref()));
    let way = |signal: Signal| {
        let head = head(&format!("{base}{}", signal.facts().grpc_path), "endpoint", &headers)?;
        Ok((signal, (Arc::clone(&target), head)))
    };
    let ways = Signal::ALL.into_iter().map(way).collect::<Result<_, SetupProblem>>()?;
    Ok(Backend { ways, tls: certificates })
}

/// An endpoint without its query, in which some backends want a secret.
fn bare(endpoint: &str) -> &str {
    endpoint.split('?').next().unwrap_or_default()
}

/// The `tls` of a server that is called `authority`, unless it has a name already.
fn named(tls: &ClientTls, authority: Option<&str>) -> ClientTls {
    let name = authority.and_then(|authority| authority.parse::<Authority>().ok());
    let name = name.map(|name| name.host().trim_matches(['[', ']']).to_owned());
    ClientTls { server_name: tls.server_name.clone().or(name), ..tls.clone() }
}

/// The `otlp_http` exporter, or one that says something else in the same way, as `translate` has it. `instance` marks its
/// requests, so that a relay notices that it sends to itself.
///
/// # Errors
///
/// The key of the configuration whose file or value cannot be used. Whether the backend can be reached is not looked at.
pub(super) fn otlp_http(
    id: Arc<ComponentId>,
    config: &OtlpHttp,
    translate: Option<Arc<dyn Translate>>,
    instance: &str,
) -> Result<Backend, SetupProblem> {
    let OtlpHttp { dialect, targets, headers, auth, encoding, compression, compression_level, timeout, link, delivery } =
        config;
    let packing = Packing::http(*compression, *compression_level);
    let mut headers = headers::http(headers, dialect, *encoding, packing, instance)?;
    // A configured Host is who is asked, not where the connection goes.
    let host = headers.remove(HOST).and_then(|host| host.to_str().ok().map(str::to_owned));
    let credentials = credentials(auth.as_ref())?;
    let mask = mask(&config.secrets());
    let mut clients = Clients { link, made: Vec::new(), tls: Certificates::default() };
    let shape = match (translate, encoding) {
        (Some(translate), _) => Shape::Translated(translate),
        (None, HttpEncoding::Proto) => Shape::Http,
        (None, HttpEncoding::Json) => Shape::HttpJson,
    };
    let mut ways = BTreeMap::new();
    for (signal, asked) in targets {
        let HttpTarget { key, endpoint, path, tls, proxy: _ } = asked;
        let target = Target {
            id: Arc::clone(&id),
            endpoint: bare(&endpoint.text).into(),
            client: clients.get(asked)?,
            credentials: credentials.clone(),
            shape: shape.clone(),
            packing,
            retryable: delivery.retryable_codes.clone(),
            timeout: *timeout,
            mask: mask.clone(),
        };
        let authority = host.clone().unwrap_or_else(|| endpoint.authority());
        let head = head(&format!("{}://{authority}{path}", scheme(tls.as_ref())), key, &headers)?;
        ways.insert(*signal, (Arc::new(target), head));
    }
    Ok(Backend { ways, tls: clients.tls })
}

impl Backend {
    /// The stage that sends `signal` there; nothing if the configuration says no place for it.
    pub fn stage(&self, signal: Signal) -> Option<Next> {
        let (target, head) = self.ways.get(&signal)?;
        Some(Arc::new(Stage { target: Arc::clone(target), head: head.clone() }))
    }

    /// The certificate files that its connections use.
    pub fn certificates(&self) -> Certificates {
        self.tls.clone()
    }
}

/// The clients of an `otlp_http` exporter: one for each host, whatever the paths.
struct Clients<'a> {
    link: &'a HttpLink,
    made: Vec<(&'a HttpTarget, Arc<Client>)>,
    tls: Certificates,
}

impl<'a> Clients<'a> {
    fn get(&mut self, target: &'a HttpTarget) -> Result<Arc<Client>, SetupProblem> {
        let place = |target: &'a HttpTarget| (&target.endpoint.host, target.endpoint.port, &target.tls, &target.proxy);
        if let Some((_, client)) = self.made.iter().find(|(made, _)| place(made) == place(target)) {
            return Ok(Arc::clone(client));
        }
        let HttpLink { pings, versions, reuse, idle_limit, max_idle, max_in_use } = *self.link;
        let protocol = match versions {
            Versions::Both => Protocol::Any,
            Versions::Http1 => Protocol::Http1Only,
        };
        let tls = load(target.tls.as_ref(), &target.endpoint)?;
        self.tls.0.extend(tls.clone());
        let settings = ClientSettings {
            proxy: target.proxy.clone(),
            proxy_tls: proxy_tls(target.tls.as_ref(), target.proxy.as_ref())?,
            pings,
            keep: Keep { idle_limit, max_idle, max_in_use, reuse },
            ..ClientSettings::new(target.endpoint.clone(), tls, protocol)
        };
        let client = Arc::new(Client::new(settings));
        self.made.push((target, Arc::clone(&client)));
        Ok(client)
    }
}

fn load(tls: Option<&ClientTls>, endpoint: &Endpoint) -> Result<Option<Arc<TlsClient>>, SetupProblem> {
    Ok(tls.map(|tls| TlsClient::load(tls, endpoint)).transpose()?.map(Arc::new))
}

/// The TLS that an `https://` proxy is asked over: the authorities and versions of `tls` count for it as well, as with Go's
/// client. Its name is its own.
fn proxy_tls(tls: Option<&ClientTls>, proxy: Option<&Proxy>) -> Result<Option<Arc<TlsClient>>, SetupProblem> {
    let Some(proxy) = proxy.filter(|proxy| proxy.kind == ProxyKind::Https) else { return Ok(None) };
    let settings = ClientTls { server_name: None, ..tls.cloned().unwrap_or_default() };
    load(Some(&settings), &proxy.endpoint)
}

/// A request without a body. `key` is where its URL comes from.
fn head(url: &str, key: &str, headers: &HeaderMap) -> Result<Request<()>, SetupProblem> {
    let mut head = Request::post(url)
        .body(())
        .map_err(|error| SetupProblem::new(key, format!("\"{}\" is no valid URL: {error}", bare(url))))?;
    head.headers_mut().clone_from(headers);
    Ok(head)
}

/// What the configuration says that no answer may bring back to light.
fn mask(secrets: &[Secret]) -> Mask {
    Mask::new(secrets.iter().map(Secret::reveal))
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
        SetupProblem { key, what: problem.what, mistake: problem.mistake }
    }
}
