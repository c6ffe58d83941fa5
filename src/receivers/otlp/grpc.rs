//! OTLP/gRPC: unary Export calls, framed here so that their bodies are never decoded (OTLP specification, "OTLP/gRPC").

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use tonic::{Code, Status};

use crate::failure::{Class, Failure};
use crate::flow::{Consume, Receipt};
use crate::payload::{Encoding, Payload};
use crate::signal::Signal;
use crate::transport::codec;
use crate::transport::server::Reply;

use super::admission::Arrival;
use super::body::{self, Bounds, Flag, RequestBody};
use super::format::Format;
use super::metadata::Caller;
use super::refusal::malformed;
use super::room::Share;
use super::{OtlpServer, Route, Sign, companions, status};
use crate::protocol::Protocol;

/// Whether a request is a gRPC call. Whatever the type says of its messages, they are read as protobuf, as in grpc-go.
pub(super) fn speaks<B>(request: &Request<B>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = content_type.and_then(|value| value.strip_prefix(b"application/grpc"));
    let grpc = rest.is_some_and(|rest| matches!(rest, [] | [b';' | b'+', ..]));
    grpc && request.version() == Version::HTTP_2 && request.method() == Method::POST
}

pub(super) async fn answer(
    server: &OtlpServer,
    sign: &Sign,
    peer: SocketAddr,
    request: Request<impl RequestBody>,
    route: &dyn Route,
) -> Response<Reply> {
    let signal = Signal::from_grpc_path(request.uri().path());
    let (head, mut body) = request.into_parts();
    if let Some(failure) = server.turn_away(sign, Protocol::Grpc, peer, &head) {
        return refusal(&failure);
    }
    // Probes for health carry no credentials.
    if !head.uri.path().starts_with(companions::HEALTH_PATH)
        && let Err(failure) = server.admit(sign, Protocol::Grpc, peer, &head.headers).await
    {
        return refusal(&failure);
    }
    if signal.is_none() && server.companions.offer(head.uri.path()) {
        return server.companions.answer(Request::from_parts(head, body)).await;
    }
    let found = signal.and_then(|signal| Some((signal, route.next(Protocol::Grpc, signal)?)));
    let Some((signal, next)) = found else {
        if let Some(signal) = signal {
            server.complaints.unwanted(Protocol::Grpc, peer, signal);
        }
        return Status::new(Code::Unimplemented, unknown(head.uri.path(), signal)).into_http();
    };
    let admitted = admit(server, signal, next, &head.headers, &mut body).await;
    let caller = Caller { sign, protocol: Protocol::Grpc, peer };
    let admitted = admitted.and_then(|(payload, share)| Ok((server.attach(caller, &head, payload)?, share)));
    match server.settle(Protocol::Grpc, peer, next, admitted).await {
        Ok(receipt) => success(&receipt),
        Err(failure) => refusal(&failure),
    }
}

async fn admit(
    server: &OtlpServer,
    signal: Signal,
    next: &dyn Consume,
    headers: &HeaderMap,
    body: &mut impl RequestBody,
) -> Result<(Payload, Share), Failure> {
    server.refuse_own(headers)?;
    let limit = server.settings.limits.grpc;
    let (flag, body) = body::read_message(body, Bounds { limit, room: &server.room, next }).await?;
    let encoding = match flag {
        Flag::Plain => None,
        Flag::Compressed => Some(encoding(headers)?),
    };
    let room = Arc::clone(&server.room);
    let format = Format::Protobuf;
    Arrival { protocol: Protocol::Grpc, signal, format, encoding, body, limit, room }.admit().await
}

/// What compressed messages of this call are compressed with.
fn encoding(headers: &HeaderMap) -> Result<Encoding, Failure> {
    let name = headers.get(ENCODING).map_or(&b"identity"[..], HeaderValue::as_bytes);
    let name = String::from_utf8_lossy(name);
    if name == "identity" {
        return Err(malformed("grpc: compressed flag set with identity or empty encoding"));
    }
    codec::from_name(Protocol::Grpc, &name).ok_or_else(|| {
        let text = format!("grpc: Decompressor is not installed for grpc-encoding \"{name}\"");
        Failure::new(Class::UnsupportedEncoding, text)
    })
}

fn success(receipt: &Receipt) -> Response<Reply> {
    let message = status::response(receipt);
    let mut data = BytesMut::with_capacity(5 + message.len());
    data.put_u8(0);
    data.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    data.put(message);
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    let mut response = Response::new(Reply::of(Bytes::from(data)).then(trailers));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A failure, as headers without a body ("Trailers-Only").
fn refusal(failure: &Failure) -> Response<Reply> {
    let mut response = status::for_trailers(failure).into_http();
    if failure.class() == Class::UnsupportedEncoding {
        response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,snappy,zstd"));
    }
    response
}

/// As grpc-go words it, since people search for it.
fn unknown(path: &str, signal: Option<Signal>) -> String {
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or((path, ""));
    let known = Signal::ALL
        .iter()
        .any(|known| known.facts().grpc_path[1..].rsplit_once('/').is_some_and(|(name, _)| name == service));
    if signal.is_none() && known {
        return format!("unknown method {method} for service {service}");
    }
    match signal {
        Some(signal) => format!("unknown service {service}: no pipeline takes {signal}"),
        None => format!("unknown service {service}"),
    }
}

const ENCODING: &str = "grpc-encoding";

const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
