//! OTLP/HTTP: POST requests in protobuf or JSON, answered in the same format (OTLP specification, "OTLP/HTTP"). Answers
//! follow the Collector's, but an oversize body is 413 and `identity` is an encoding.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, EXPECT, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use prost::Message;
use tonic::Code;

use crate::failure::{Class, Failure};
use crate::flow::{Consume, Receipt};
use crate::payload::Payload;
use crate::signal::Signal;
use crate::transport::server::Reply;

use super::admission::Arrival;
use super::body::{Bounds, RequestBody};
use super::format::Format;
use super::metadata::Caller;
use super::room::Share;
use super::{OtlpServer, Route, Sign, body, status, status_json};
use crate::protocol::Protocol;

pub(super) async fn answer(
    server: &OtlpServer,
    sign: &Sign,
    peer: SocketAddr,
    request: Request<impl RequestBody>,
    route: &dyn Route,
) -> Response<Reply> {
    let (head, mut body) = request.into_parts();
    let mut response = match enter(server, sign, peer, &head, route).await {
        Ok((signal, format, next)) => {
            let admitted = admit(server, signal, format, next, &head, &mut body).await;
            let caller = Caller { sign, protocol: Protocol::Http, peer };
            let admitted = admitted.and_then(|(payload, share)| Ok((server.attach(caller, &head, payload)?, share)));
            match server.settle(Protocol::Http, peer, next, admitted).await {
                Ok(receipt) => success(&receipt, signal, format),
                Err(failure) => refusal(&failure, format),
            }
        }
        Err(response) => *response,
    };
    server.settings.surface.dress(&head, &mut response);
    // HTTP/2 resets the stream; a client that waits for 100 Continue has sent nothing.
    if head.version < Version::HTTP_2 && !body.is_end_stream() && !head.headers.contains_key(EXPECT) {
        body::discard(&mut body).await;
    }
    response
}

/// Where a request goes that came in at the port with this `sign`.
async fn enter<'a>(
    server: &OtlpServer,
    sign: &Sign,
    peer: SocketAddr,
    head: &Parts,
    route: &'a dyn Route,
) -> Result<(Signal, Format, &'a dyn Consume), Box<Response<Reply>>> {
    if let Some(failure) = server.turn_away(sign, Protocol::Http, peer, head) {
        return Err(text(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", failure.cause()));
    }
    if let Some(response) = server.settings.surface.preflight(head) {
        return Err(Box::new(response));
    }
    if let Err(failure) = server.admit(sign, Protocol::Http, peer, &head.headers).await {
        let mut response = refusal(&failure, Format::of(&head.headers).unwrap_or(Format::Json));
        if let Some(gate) = server.settings.gate(sign.protocol()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, gate.challenge());
        }
        return Err(Box::new(response));
    }
    // As in the Collector, the encoding is looked at before the path and the rest.
    find(server, peer, head, route).map_err(|answer| match server.settings.surface.encoding(&head.headers) {
        Ok(_) => answer,
        Err(failure) => Box::new(refusal(&failure, Format::of(&head.headers).unwrap_or(Format::Json))),
    })
}

/// Where a request goes by its path, method and content type.
fn find<'a>(
    server: &OtlpServer,
    peer: SocketAddr,
    head: &Parts,
    route: &'a dyn Route,
) -> Result<(Signal, Format, &'a dyn Consume), Box<Response<Reply>>> {
    let signal = server.settings.surface.signal(head.uri.path());
    let Some((signal, next)) = signal.and_then(|signal| Some((signal, route.next(Protocol::Http, signal)?))) else {
        if let Some(signal) = signal {
            server.complaints.unwanted(Protocol::Http, peer, signal);
        }
        if let Some(response) = redirect(server, head).or_else(|| no_call(head)) {
            return Err(response);
        }
        if signal.is_none() && is_export(head) {
            server.complaints.astray(peer, head.uri.path());
        }
        return Err(text(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n"));
    };
    if head.method != Method::POST {
        let mut refused =
            text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "405 method not allowed, supported: [POST]");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Err(refused);
    }
    match Format::of(&head.headers) {
        Some(format) => Ok((signal, format, next)),
        None => {
            let kind = head.headers.get(CONTENT_TYPE).map_or("none", |kind| kind.to_str().unwrap_or("unreadable"));
            server.complaints.foreign(peer, kind);
            Err(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "text/plain", UNSUPPORTED_TYPE))
        }
    }
}

/// Whether it is meant as an export, at whatever path: scanners and health checks are not.
fn is_export(head: &Parts) -> bool {
    let path = head.uri.path();
    let names_a_signal = Signal::ALL.iter().any(|signal| path.contains(signal.facts().http_path));
    let is_protobuf = head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(PROTOBUF));
    head.method == Method::POST && (names_a_signal || is_protobuf)
}

/// What a request gets that has the path of a gRPC call and is none (gRPC over HTTP/2, "Requests").
fn no_call(head: &Parts) -> Option<Box<Response<Reply>>> {
    Signal::from_grpc_path(head.uri.path()).filter(|_| head.version == Version::HTTP_2)?;
    Some(if head.method == Method::POST {
        text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "text/plain",
            "415 unsupported media type, supported: application/grpc",
        )
    } else {
        text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "405 method not allowed, supported: [POST]")
    })
}

/// The way from `//v1/traces`, which an endpoint with a slash at its end becomes, to the path that is meant, as in the
/// Collector.
fn redirect(server: &OtlpServer, head: &Parts) -> Option<Box<Response<Reply>>> {
    let path = cleaned(head.uri.path());
    server.settings.surface.signal(&path).filter(|_| path != head.uri.path())?;
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = Response::new(Reply::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::try_from(path + &query).ok()?);
    Some(Box::new(response))
}

/// `path` without empty segments and dots.
fn cleaned(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

async fn admit(
    server: &OtlpServer,
    signal: Signal,
    format: Format,
    next: &dyn Consume,
    head: &Parts,
    body: &mut impl RequestBody,
) -> Result<(Payload, Share), Failure> {
    server.refuse_own(&head.headers)?;
    let encoding = server.settings.surface.encoding(&head.headers)?;
    let limit = server.settings.limits.http;
    // What is not read of HTTP/2 keeps the connection's other requests from being read, too.
    let turns = Some(&server.turns).filter(|_| head.version < Version::HTTP_2);
    let bounds = Bounds { limit, room: &server.room, next };
    let body = body::read_whole(body, bounds, turns, server.settings.surface.read_timeout).await?;
    let room = Arc::clone(&server.room);
    Arrival { protocol: Protocol::Http, signal, format, encoding, body, limit, room }.admit().await
}

fn success(receipt: &Receipt, signal: Signal, format: Format) -> Response<Reply> {
    let body = match format {
        Format::Protobuf => status::response(receipt),
        Format::Json => status_json::response(receipt, signal),
    };
    reply(StatusCode::OK, format.name(), body)
}

fn refusal(failure: &Failure, format: Format) -> Response<Reply> {
    let mut status = status::of(failure);
    if failure.class() == Class::UnsupportedEncoding {
        status.code = Code::InvalidArgument as i32;
    }
    let code = match failure.peer() {
        Some(_) => http_code(status::code(failure)),
        None => StatusCode::from_u16(failure.class().row().http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let body = match format {
        Format::Protobuf => status.encode_to_vec().into(),
        Format::Json => status_json::status(&status),
    };
    let mut response = reply(code, format.name(), body);
    if let (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(delay)) =
        (code, status::delay(failure))
    {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
    }
    response
}

/// The Collector's table (otlpreceiver, `GetHTTPStatusCodeFromStatus`).
fn http_code(code: Code) -> StatusCode {
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => StatusCode::SERVICE_UNAVAILABLE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unimplemented => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Rounded up, and at least one: zero would ask for the next try at once.
fn whole_seconds(delay: Duration) -> u64 {
    (delay.as_secs() + u64::from(delay.subsec_nanos() != 0)).max(1)
}

fn text(code: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Box<Response<Reply>> {
    Box::new(reply(code, content_type, text.into()))
}

fn reply(code: StatusCode, content_type: &'static str, data: Bytes) -> Response<Reply> {
    let mut response = Response::new(Reply::of(data));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

const PROTOBUF: &[u8] = b"application/x-protobuf";
const UNSUPPORTED_TYPE: &str = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
