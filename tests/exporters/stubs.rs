//! Servers that behave in one way each.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tokio::net::{TcpListener, TcpStream};
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Request as GrpcRequest, Response as GrpcResponse, Status};

/// A server that does `handle` with each connection; counts them.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Stub {
    pub(crate) async fn start<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> Stub
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(handle(stream));
            }
        });
        Stub { address, connections }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// An HTTP/1.1 server with one answer for everything.
pub(crate) async fn http1<F>(answer: F) -> Stub
where
    F: Fn(Request<Bytes>) -> Response<Full<Bytes>> + Clone + Send + 'static,
{
    Stub::start(move |stream| serve_http1(stream, answer.clone())).await
}

pub(crate) async fn serve_http1<F>(stream: TcpStream, answer: F)
where
    F: Fn(Request<Bytes>) -> Response<Full<Bytes>> + Clone + Send + 'static,
{
    let service = service_fn(move |request| answered(request, answer.clone()));
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A plaintext HTTP/2 server with one answer for everything.
pub(crate) async fn http2<F>(answer: F) -> Stub
where
    F: Fn(Request<Bytes>) -> Response<Full<Bytes>> + Clone + Send + 'static,
{
    Stub::start(move |stream| {
        let answer = answer.clone();
        async move {
            let service = service_fn(move |request| answered(request, answer.clone()));
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await
}

async fn answered<F>(request: Request<Incoming>, answer: F) -> Result<Response<Full<Bytes>>, Infallible>
where
    F: Fn(Request<Bytes>) -> Response<Full<Bytes>>,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(answer(Request::from_parts(head, body)))
}

/// An HTTP answer.
pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(body.into())).unwrap()
}

/// A gRPC answer that is headers only.
pub(crate) fn grpc_status(headers: &[(&str, &str)]) -> Response<Full<Bytes>> {
    response(200, &[&[("content-type", "application/grpc")], headers].concat(), "")
}

pub(crate) type Verdict = Result<ExportTraceServiceResponse, Status>;

/// What a tonic server does with an export.
#[derive(Clone)]
pub(crate) struct Grpc(Arc<Answer>);

type Answer = dyn Fn(&HeaderMap, ExportTraceServiceRequest) -> Verdict + Send + Sync;

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: GrpcRequest<ExportTraceServiceRequest>,
    ) -> Result<GrpcResponse<ExportTraceServiceResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        (self.0)(&metadata.into_headers(), message).map(GrpcResponse::new)
    }
}

impl Grpc {
    pub(crate) fn new(
        answer: impl Fn(&HeaderMap, ExportTraceServiceRequest) -> Verdict + Send + Sync + 'static,
    ) -> Grpc {
        Grpc(Arc::new(answer))
    }

    pub(crate) fn routes(self) -> Routes {
        let service = TraceServiceServer::new(self)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        Routes::new(service)
    }

    /// A real tonic server over plaintext HTTP/2.
    pub(crate) async fn start(self) -> Stub {
        let routes = self.routes();
        Stub::start(move |stream| serve_http2(stream, routes.clone())).await
    }
}

/// Serves gRPC over any stream.
pub(crate) async fn serve_http2<S>(stream: S, routes: Routes)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper_util::service::TowerToHyperService::new(routes.prepare());
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// A server that takes everything.
pub(crate) fn accepting() -> Grpc {
    Grpc::new(|_, _| Ok(ExportTraceServiceResponse::default()))
}

/// A port that nobody listens on.
pub(crate) fn closed_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
