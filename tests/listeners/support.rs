//! A receiver that takes everything, and clients that reach it in each way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp_relay::config::{ListenAddress, ServerTls};
use otlp_relay::failure::Class;
use otlp_relay::flow::{Consume, Consumed, Lifetime, Receipt, Workers};
use otlp_relay::payload::{Budget, Payload};
use otlp_relay::protocol::Protocol;
use otlp_relay::receivers::otlp::{Door, Entries, MessageLimits, OtlpServer, Refusals, Sign};
use otlp_relay::signal::Signal;
use otlp_relay::transport::server::{Limits, Listener, Terms, TlsServer};
use otlp_relay::units::ByteCount;
use prost::Message;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A running receiver with pipelines for traces and logs.
pub(crate) struct Rig {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) lifetime: Lifetime,
    taken: Arc<Taken>,
    _workers: Workers,
}

#[derive(Default)]
struct Taken(AtomicUsize);

struct Ignored;

impl Rig {
    pub(crate) async fn with_tls(tls: &ServerTls) -> Rig {
        let tls = TlsServer::load(tls, "tls of a test".to_owned()).unwrap();
        Rig::on(&local(), Terms { tls: Some(Arc::new(tls)), ..Terms::default() }).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Rig {
        Rig::on(&local(), Terms { limits, ..Terms::default() }).await
    }

    pub(crate) async fn on(address: &ListenAddress, terms: Terms) -> Rig {
        let taken = Arc::new(Taken::default());
        let mut entries = Entries::new();
        for protocol in Protocol::ALL {
            for signal in [Signal::Traces, Signal::Logs] {
                entries = entries.with(protocol, signal, taken.clone());
            }
        }
        let budget = Budget::new(ByteCount::mib(64));
        let server = OtlpServer::new(MessageLimits::default(), entries, budget, "relay".into(), Arc::new(Ignored));
        let listener = Listener::bind(address).await.unwrap();
        let (workers, lifetime) = (Workers::start_many(2).unwrap(), Lifetime::new());
        let door = Door::to(server, Sign::new(Protocol::Grpc, None), terms);
        door.serve(&listener, &workers, &lifetime).unwrap();
        Rig { address: listener.local_addr(), lifetime, taken, _workers: workers }
    }

    /// How many requests were taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.0.load(Ordering::SeqCst)
    }

    /// A TLS connection, or why there is none.
    pub(crate) async fn shake(&self, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

impl Consume for Taken {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Receipt::held()) })
    }
}

impl Refusals for Ignored {
    fn refused(&self, _: Class, _: Protocol) {}
}

fn local() -> ListenAddress {
    ListenAddress { host: "127.0.0.1".to_owned(), port: 0 }
}

/// The body of a request with one span.
pub(crate) fn one_span() -> Vec<u8> {
    let span = Span { trace_id: vec![1; 16], span_id: vec![2; 8], ..Span::default() };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
}

/// An HTTP/2 client on `stream`.
pub(crate) async fn http2<S>(stream: S) -> hyper::client::conn::http2::SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The status of a whole OTLP/HTTP export over HTTP/1.1.
pub(crate) async fn post_http1<S>(stream: S) -> Result<u16, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post("/v1/traces").header("host", "relay").header("content-type", PROTOBUF);
    let response = client.send_request(request.body(Full::new(Bytes::from(one_span()))).unwrap()).await?;
    let status = response.status().as_u16();
    response.into_body().collect().await?;
    Ok(status)
}

/// The `grpc-status` of a whole OTLP/gRPC export.
pub(crate) async fn export(
    client: &mut hyper::client::conn::http2::SendRequest<Full<Bytes>>,
) -> Result<String, hyper::Error> {
    let message = one_span();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&message);
    let request = Request::post(format!("http://relay{}", Signal::Traces.facts().grpc_path))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let response = client.send_request(request.body(Full::new(Bytes::from(frame))).unwrap()).await?;
    let collected = response.into_body().collect().await?;
    let status = collected.trailers().and_then(|trailers| trailers.get("grpc-status"));
    Ok(status.map(|status| status.to_str().unwrap().to_owned()).unwrap_or_default())
}

/// Asks until `reached`; fails after a long time.
pub(crate) async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !reached().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap_or_else(|_| panic!("never: {what}"));
}

const PROTOBUF: &str = "application/x-protobuf";
