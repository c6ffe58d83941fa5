//! How is OTLP/HTTP served? Protobuf or JSON over HTTP/1.1, or HTTP/2 with prior knowledge.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use otlp_relay::payload::Payload;
use prost::Message;
use tokio::net::TcpListener;

use super::super::client::Wire;
use super::super::export::{Export, Signal};
use super::{Answer, Shared};

type Reply = Response<Full<Bytes>>;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (socket, _) = listener.accept().await.expect("accept");
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(shared.clone(), request));
            // An error is a client that went away.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Reply, Infallible> {
    let (parts, body) = request.into_parts();
    let Some(signal) = Signal::ALL.into_iter().find(|signal| signal.path() == parts.uri.path()) else {
        return Ok(status(StatusCode::NOT_FOUND));
    };
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<_, _> = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let format = headers.get("content-type").cloned().unwrap_or_default();
    if !["application/x-protobuf", "application/json"].contains(&format.as_str()) {
        return Ok(status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let Ok(body) = body.collect().await else { return Ok(status(StatusCode::BAD_REQUEST)) };
    let encoding = headers.get("content-encoding").cloned().unwrap_or_default();
    let plain = decompress(&encoding, &body.to_bytes());
    let plain =
        plain.and_then(|plain| if format == "application/json" { from_json(signal, &plain) } else { Some(plain) });
    let Some(export) = plain.and_then(|plain| Export::decode(signal, &plain).ok()) else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    let credentials = headers.get("authorization").cloned().unwrap_or_default();
    Ok(match shared.take(Wire::Http, headers, export).await {
        Answer::Accept | Answer::Slow(_) | Answer::Hang if format == "application/json" => json_success(),
        Answer::Accept | Answer::Slow(_) | Answer::Hang => success(None),
        Answer::Partial { rejected } => success(Some(rejected)),
        Answer::Unavailable => status(StatusCode::SERVICE_UNAVAILABLE),
        Answer::Denied => {
            let message = format!("not accepted: {credentials}");
            let status = tonic_types::Status { message, ..tonic_types::Status::default() };
            protobuf(StatusCode::UNAUTHORIZED, status.encode_to_vec())
        }
        Answer::Invalid => status(StatusCode::BAD_REQUEST),
        Answer::TooLarge => status(StatusCode::PAYLOAD_TOO_LARGE),
        Answer::Throttle(delay) => retry_after(StatusCode::SERVICE_UNAVAILABLE, delay),
        Answer::RateLimit(delay) => retry_after(StatusCode::TOO_MANY_REQUESTS, delay),
    })
}

/// The relay's own reader: its tests hold it against prost.
fn from_json(signal: Signal, json: &[u8]) -> Option<Vec<u8>> {
    let signal = otlp_relay::signal::Signal::from_http_path(signal.path())?;
    Some(Payload::from_json(signal, json).ok()?.to_bytes().into())
}

fn decompress(encoding: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    match encoding {
        "" => plain.extend_from_slice(body),
        "gzip" => drop(flate2::read::MultiGzDecoder::new(body).read_to_end(&mut plain).ok()?),
        "zstd" => drop(zstd::Decoder::new(body).ok()?.read_to_end(&mut plain).ok()?),
        "zlib" | "deflate" => drop(flate2::read::ZlibDecoder::new(body).read_to_end(&mut plain).ok()?),
        "snappy" => plain = snap::raw::Decoder::new().decompress_vec(body).ok()?,
        "x-snappy-framed" => drop(snap::read::FrameDecoder::new(body).read_to_end(&mut plain).ok()?),
        "lz4" => drop(lz4_flex::frame::FrameDecoder::new(body).read_to_end(&mut plain).ok()?),
        _ => return None,
    }
    Some(plain)
}

/// The four responses have one wire shape.
fn success(rejected: Option<i64>) -> Reply {
    let error_message = "the test rejects some".to_owned();
    let partial_success = rejected.map(|rejected_spans| ExportTracePartialSuccess { rejected_spans, error_message });
    protobuf(StatusCode::OK, ExportTraceServiceResponse { partial_success }.encode_to_vec())
}

fn json_success() -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from_static(br#"{"partialSuccess":{}}"#)));
    reply.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    reply
}

/// A body as the specification wants it for an error: a `google.rpc.Status`.
fn status(status: StatusCode) -> Reply {
    let message = "the test says so".to_owned();
    protobuf(status, tonic_types::Status { message, ..tonic_types::Status::default() }.encode_to_vec())
}

fn retry_after(code: StatusCode, delay: Duration) -> Reply {
    let mut reply = status(code);
    reply.headers_mut().insert(header::RETRY_AFTER, delay.as_secs().into());
    reply
}

fn protobuf(status: StatusCode, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/x-protobuf"));
    reply
}
