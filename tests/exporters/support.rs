//! What the tests send with, and how they check an outcome.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp_relay::config::{
    ClientTls, Compression, Delivery, Dialect, Endpoint, HttpEncoding, HttpLink, HttpTarget, OtlpGrpc, OtlpHttp,
    PemSource, Secret,
};
use otlp_relay::exporters::otlp::{Backend, otlp_grpc};
use otlp_relay::exporters::over_http;
use otlp_relay::failure::{Class, Failure};
use otlp_relay::flow::Receipt;
use otlp_relay::ident::ComponentId;
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use prost::Message;

/// One request with one span of this name.
pub(crate) fn payload(name: &str) -> Payload {
    let span = Span { trace_id: vec![1; 16], span_id: vec![2; 8], name: name.to_owned(), ..Span::default() };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let request = ExportTraceServiceRequest { resource_spans: vec![resource] };
    Payload::parse(Signal::Traces, request.encode_to_vec().into()).unwrap()
}

pub(crate) fn grpc_config(peer: SocketAddr) -> OtlpGrpc {
    OtlpGrpc {
        auth: None,
        endpoint: endpoint("http", peer),
        tls: None,
        headers: Vec::new(),
        compression: Compression::None,
        timeout: Some(LONG),
        link: Box::default(),
        delivery: Delivery::default(),
    }
}

pub(crate) fn http_config(peer: SocketAddr) -> OtlpHttp {
    let target = |signal: Signal| HttpTarget {
        key: "endpoint",
        endpoint: endpoint("http", peer),
        path: signal.facts().http_path.to_owned(),
        tls: None,
        proxy: None,
    };
    OtlpHttp {
        dialect: Dialect::Otlp,
        auth: None,
        targets: Signal::ALL.into_iter().map(|signal| (signal, target(signal))).collect(),
        headers: Vec::new(),
        encoding: HttpEncoding::Proto,
        compression: Compression::None,
        compression_level: None,
        timeout: Some(LONG),
        link: HttpLink::default(),
        delivery: Delivery::default(),
    }
}

/// HTTPS to `localhost`, so that the certificates' names fit, which trusts `ca`.
pub(crate) fn https_config(peer: SocketAddr, ca: &str) -> OtlpHttp {
    let mut config = http_config(peer);
    let target = target(&mut config);
    target.endpoint.host = "localhost".to_owned();
    target.tls = trusting(ca);
    config
}

/// The target of the signal that tests send.
pub(crate) fn target(config: &mut OtlpHttp) -> &mut HttpTarget {
    config.targets.get_mut(&Signal::Traces).unwrap()
}

/// TLS to `localhost`, so that the certificates' names fit, which trusts `ca`.
pub(crate) fn trusting(ca: &str) -> Option<ClientTls> {
    Some(ClientTls { ca: Some(PemSource::Inline(Secret::new(ca))), ..ClientTls::default() })
}

pub(crate) fn endpoint(scheme: &str, peer: SocketAddr) -> Endpoint {
    let host = if peer.is_ipv4() { "127.0.0.1".to_owned() } else { peer.ip().to_string() };
    Endpoint { text: format!("{scheme}://{peer}"), host, port: peer.port() }
}

pub(crate) fn grpc(config: &OtlpGrpc) -> Backend {
    otlp_grpc(id("otlp_grpc"), config, "instance-1").unwrap()
}

pub(crate) fn http(config: &OtlpHttp) -> Backend {
    over_http(id("otlp_http"), config, "instance-1").unwrap()
}

fn id(text: &str) -> Arc<ComponentId> {
    Arc::new(ComponentId::parse(text).unwrap())
}

pub(crate) async fn send(backend: &Backend) -> Result<Receipt, Failure> {
    backend.stage(Signal::Traces).unwrap().consume(payload("a span")).await
}

/// Sends one request and expects this class, with each of `words` in the cause (`a|b` is either).
pub(crate) async fn check(backend: &Backend, class: Class, words: &[&str]) -> Failure {
    let failure = send(backend).await.expect_err("it should fail");
    assert_eq!(failure.class(), class, "{failure:?}");
    let cause = failure.cause();
    for wanted in words {
        assert!(wanted.split('|').any(|word| cause.contains(word)), "no {wanted:?} in {cause:?}");
    }
    assert!(failure.endpoint().is_some() && failure.attempt().is_some());
    failure
}

pub(crate) const LONG: Duration = Duration::from_secs(10);
pub(crate) const SHORT: Duration = Duration::from_millis(300);
pub(crate) const RUNS: usize = 20;
