//! How do the tests speak to the relay? As an SDK would: tonic's gRPC clients, and HTTP requests over hyper.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::profiles::v1development::profiles_service_client::ProfilesServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceResponse, trace_service_client::TraceServiceClient,
};
use tokio::net::TcpStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};

use super::export::Export;
use super::net::local;

/// What OTLP travels over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Grpc,
    Http,
}

/// How a request is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    None,
    Gzip,
    Zstd,
    Zlib,
    Deflate,
    Snappy,
    SnappyFramed,
    Lz4,
}

impl Coding {
    /// Those of both wires.
    pub const ALL: [Coding; 3] = [Coding::None, Coding::Gzip, Coding::Zstd];

    /// Those that the clients and backends of the tests speak over HTTP only.
    pub const HTTP_ONLY: [Coding; 5] =
        [Coding::Zlib, Coding::Deflate, Coding::Snappy, Coding::SnappyFramed, Coding::Lz4];

    /// The word of the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Coding::None => "none",
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
            Coding::Zlib => "zlib",
            Coding::Deflate => "deflate",
            Coding::Snappy => "snappy",
            Coding::SnappyFramed => "x-snappy-framed",
            Coding::Lz4 => "lz4",
        }
    }

    /// The word on the wire.
    pub fn token(self) -> &'static str {
        match self {
            Coding::None => "identity",
            coding => coding.name(),
        }
    }
}

/// Why a request was not taken.
#[derive(Debug)]
pub enum Refusal {
    Grpc(Box<tonic::Status>),
    Http(HttpAnswer),
    /// The connection ended before the answer.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl Refusal {
    /// Whether the OTLP specification lets the sender try again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Refusal::Grpc(status) => status.code() == tonic::Code::Unavailable,
            Refusal::Http(answer) => [429, 502, 503, 504].contains(&answer.status.as_u16()),
            Refusal::Broken(_) => true,
        }
    }
}

/// One connection to a receiver.
pub enum Client {
    Grpc(Channel, Coding),
    Http(hyper::client::conn::http1::SendRequest<Full<Bytes>>, Coding),
}

impl Client {
    pub async fn connect(wire: Wire, port: u16, coding: Coding) -> Client {
        match wire {
            Wire::Grpc => {
                let endpoint = Endpoint::from_shared(format!("http://{}", local(port))).expect("an endpoint");
                Client::Grpc(endpoint.connect().await.expect("connect over gRPC"), coding)
            }
            Wire::Http => Client::Http(http1(port).await, coding),
        }
    }

    /// Sends `export` and demands that it is taken.
    pub async fn deliver(&mut self, export: &Export) {
        if let Err(refusal) = self.send(export).await {
            panic!("refused: {refusal:?}");
        }
    }

    /// Sends `export` once; answers how many items were rejected.
    pub async fn send(&mut self, export: &Export) -> Result<i64, Refusal> {
        match self {
            Client::Grpc(channel, coding) => {
                let sent = send_grpc(channel.clone(), *coding, export.clone()).await;
                sent.map_err(|status| match std::error::Error::source(&status) {
                    Some(source) if source.is::<tonic::transport::Error>() => Refusal::Broken(status.into()),
                    _ => Refusal::Grpc(Box::new(status)),
                })
            }
            Client::Http(connection, coding) => send_http(connection, *coding, export).await,
        }
    }
}

async fn send_grpc(channel: Channel, coding: Coding, export: Export) -> Result<i64, tonic::Status> {
    macro_rules! send {
        ($client:ident, $request:expr, $rejected:ident) => {{
            let mut client = $client::new(channel);
            match coding {
                Coding::None => {}
                Coding::Gzip => client = client.send_compressed(CompressionEncoding::Gzip),
                Coding::Zstd => client = client.send_compressed(CompressionEncoding::Zstd),
                other => panic!("tonic has no {other:?}"),
            }
            Ok(client.export($request).await?.into_inner().partial_success.map_or(0, |partial| partial.$rejected))
        }};
    }
    match export {
        Export::Traces(request) => send!(TraceServiceClient, request, rejected_spans),
        Export::Metrics(request) => send!(MetricsServiceClient, request, rejected_data_points),
        Export::Logs(request) => send!(LogsServiceClient, request, rejected_log_records),
        Export::Profiles(request) => send!(ProfilesServiceClient, request, rejected_profiles),
    }
}

async fn send_http(
    connection: &mut hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    coding: Coding,
    export: &Export,
) -> Result<i64, Refusal> {
    let mut headers = vec![("content-type", "application/x-protobuf")];
    if coding != Coding::None {
        headers.push(("content-encoding", coding.token()));
    }
    let body = compress(coding, &export.encode());
    let answer = exchange(connection, Method::POST, export.signal().path(), &headers, body).await;
    let answer = answer.map_err(|broken| Refusal::Broken(broken.into()))?;
    if answer.status != StatusCode::OK {
        return Err(Refusal::Http(answer));
    }
    assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
    // The four responses have one wire shape.
    let response: ExportTraceServiceResponse = prost::Message::decode(answer.body).expect("an OTLP response");
    Ok(response.partial_success.map_or(0, |partial| partial.rejected_spans))
}

/// `plain` as `coding` has it.
pub fn compress(coding: Coding, plain: &[u8]) -> Vec<u8> {
    let fast = flate2::Compression::fast();
    let mut packed = Vec::new();
    let done = match coding {
        Coding::None => packed.write_all(plain),
        Coding::Gzip => flate2::read::GzEncoder::new(plain, fast).read_to_end(&mut packed).map(drop),
        Coding::Zstd => zstd::stream::copy_encode(plain, &mut packed, 1),
        Coding::Zlib | Coding::Deflate => {
            flate2::read::ZlibEncoder::new(plain, fast).read_to_end(&mut packed).map(drop)
        }
        Coding::Snappy => {
            packed = snap::raw::Encoder::new().compress_vec(plain).expect("compress into memory");
            Ok(())
        }
        Coding::SnappyFramed => snap::read::FrameEncoder::new(plain).read_to_end(&mut packed).map(drop),
        Coding::Lz4 => lz4(plain, &mut packed),
    };
    done.expect("compress into memory");
    packed
}

/// As Go's writer does it: without the size, with a checksum.
fn lz4(plain: &[u8], packed: &mut Vec<u8>) -> std::io::Result<()> {
    let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max4MB).content_checksum(true);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, packed);
    encoder.write_all(plain)?;
    encoder.finish().map(drop).map_err(std::io::Error::other)
}

/// A whole HTTP response.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    pub status: StatusCode,
    /// Headers, and trailers where there are any; names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Bytes,
}

impl HttpAnswer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    async fn collect(response: http::Response<hyper::body::Incoming>) -> HttpAnswer {
        let (parts, body) = response.into_parts();
        let collected = body.collect().await.expect("the whole body");
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = parts.headers.iter().chain(&trailers).map(|(name, value)| (name.to_string(), text(value)));
        HttpAnswer { status: parts.status, headers: headers.collect(), body: collected.to_bytes() }
    }
}

/// One request on a connection of its own. Panics when nobody listens.
pub async fn http_request(
    method: Method,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> HttpAnswer {
    exchange(&mut http1(port).await, method, path, headers, body).await.expect("an answer")
}

/// GET, for the pages that people and probes look at.
pub async fn get(port: u16, path: &str) -> HttpAnswer {
    http_request(Method::GET, port, path, &[], Bytes::new()).await
}

/// A gRPC call with any bytes for its message: what `grpc-status` it ends with.
pub async fn grpc_call(port: u16, method: &str, headers: &[(&str, &str)], message: &[u8]) -> HttpAnswer {
    let mut frame = vec![u8::from(headers.iter().any(|(name, _)| *name == "grpc-encoding"))];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    let mut sender = http2(port).await;
    let mut request = Request::post(format!("http://{}{method}", local(port)))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(Bytes::from(frame))).expect("a request")).await;
    HttpAnswer::collect(response.expect("a response")).await
}

/// A protobuf request over HTTP/2 without TLS and without an upgrade.
pub async fn http2_post(port: u16, path: &str, body: impl Into<Bytes>) -> HttpAnswer {
    let request =
        Request::post(format!("http://{}{path}", local(port))).header("content-type", "application/x-protobuf");
    let request = request.body(Full::new(body.into())).expect("a request");
    HttpAnswer::collect(http2(port).await.send_request(request).await.expect("a response")).await
}

async fn http2(port: u16) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(local(port)).await.expect("connect");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (sender, connection) = handshake.await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

async fn http1(port: u16) -> hyper::client::conn::http1::SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(local(port)).await.expect("connect");
    socket.set_nodelay(true).expect("no delay");
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    sender
}

async fn exchange(
    connection: &mut hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<HttpAnswer, hyper::Error> {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    connection.ready().await?;
    let response = connection.send_request(request.body(Full::new(body.into())).expect("a request")).await?;
    Ok(HttpAnswer::collect(response).await)
}
