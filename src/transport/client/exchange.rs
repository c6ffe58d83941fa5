//! One request and its answer over one connection.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::body::RequestBody;
use super::connection::{Http1, Link, Place};
use super::explain::{Wire, explain, is_stream_reset, is_unprocessed};
use super::obstacle::Obstacle;
use super::proxy::Via;
use crate::attempt::Progress;
use crate::failure::{Class, Phase};

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Whether the body is whole.
    pub extent: Extent,
    /// The trailers, where there are any.
    pub trailers: Option<HeaderMap>,
}

/// How much of a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// As much as is read of any answer: the rest was left.
    Cut,
    /// As much as came before the connection broke.
    Broken,
}

/// An exchange that gave no answer.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) obstacle: Obstacle,
    pub(super) next: NextStep,
}

/// What may be done with a request that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// The peer certainly never looked at it, and the connection had been good: another one may do.
    Elsewhere,
    /// The peer closed without ever saying anything: it is worth a look what it speaks.
    LookAtPeer,
    /// Report it.
    Report,
}

/// Sends over an HTTP/2 connection.
pub(super) async fn over_http2(
    mut place: Place,
    mut request: Request<RequestBody>,
    max_answer: usize,
    progress: &Progress,
) -> Result<Answer, Broken> {
    let connection = &place.connection;
    connection.link.show(progress);
    progress.enter(Phase::Request);
    *request.version_mut() = Version::HTTP_2;
    let sent = connection.sender.clone().try_send_request(tracked(request, progress)).await;
    let answer = match sent {
        Ok(response) => read(response, max_answer, &connection.link, Wire::Http2).await,
        Err(mut failed) => {
            let unsent = failed.take_message().is_some();
            let elsewhere = (unsent && connection.is_proven()) || is_unprocessed(failed.error());
            Err(broken(failed.error(), &connection.link, Wire::Http2, elsewhere.then_some(NextStep::Elsewhere)).await)
        }
    };
    match &answer {
        Ok(_) => place.answered(),
        Err(_) => place.failed(),
    }
    answer
}

/// Sends over an HTTP/1.1 connection, and hands it to `give_back` if it can be used again. `relay` is the proxy that the
/// connection leads to, where that is sent whole requests.
pub(super) async fn over_http1(
    mut http1: Http1,
    mut request: Request<RequestBody>,
    relay: Option<&Via>,
    max_answer: usize,
    progress: &Progress,
    give_back: &(dyn Fn(Http1) + Send + Sync),
) -> Result<Answer, Broken> {
    http1.link.show(progress);
    progress.enter(Phase::Request);
    name_host(&mut request);
    match relay {
        None => to_origin_form(&mut request),
        // The URL stays whole (RFC 9112, section 3.2.2).
        Some(via) => {
            if let Some(authorization) = &via.authorization {
                request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
            }
        }
    }
    match http1.sender.try_send_request(tracked(request, progress)).await {
        Ok(response) => {
            let answer = read(response, max_answer, &http1.link, Wire::Http1).await?;
            http1.proven = true;
            if answer.extent == Extent::Whole && progress.record().request_written {
                give_back(http1);
            }
            Ok(answer)
        }
        Err(mut failed) => {
            let elsewhere = failed.take_message().is_some() && http1.proven;
            Err(broken(failed.error(), &http1.link, Wire::Http1, elsewhere.then_some(NextStep::Elsewhere)).await)
        }
    }
}

fn tracked(mut request: Request<RequestBody>, progress: &Progress) -> Request<RequestBody> {
    request.body_mut().track(progress);
    request
}

/// HTTP/1.1 sends the authority as a header of its own (RFC 9112, section 3.2.1).
fn name_host(request: &mut Request<RequestBody>) {
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().entry(HOST).or_insert(host);
    }
}

fn to_origin_form(request: &mut Request<RequestBody>) {
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
}

async fn read(
    response: http::Response<Incoming>,
    max_answer: usize,
    link: &Link,
    wire: Wire,
) -> Result<Answer, Broken> {
    let (head, mut incoming) = response.into_parts();
    let mut body = BytesMut::new();
    let mut trailers = None;
    let mut extent = Extent::Whole;
    while let Some(frame) = incoming.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => {
                let room = max_answer - body.len();
                body.extend_from_slice(&data[..room.min(data.len())]);
                if room < data.len() {
                    extent = Extent::Cut;
                    break;
                }
            }
            Ok(Err(other)) => trailers = other.into_trailers().ok(),
            // The status of a refusal is an answer, whatever becomes of its body.
            Err(_) if !head.status.is_success() => {
                extent = Extent::Broken;
                break;
            }
            Err(error) => return Err(broken(&error, link, wire, Some(NextStep::Report)).await),
        }
    }
    Ok(Answer { status: head.status, headers: head.headers, body: body.freeze(), extent, trailers })
}

async fn broken(error: &hyper::Error, link: &Link, wire: Wire, next: Option<NextStep>) -> Broken {
    if next == Some(NextStep::Elsewhere) {
        return Broken { obstacle: explain(error, &link.seen.evidence(), wire), next: NextStep::Elsewhere };
    }
    let silence = link.seen.silence();
    // A connection that lost one stream only goes on, and has no last words.
    let evidence = if is_stream_reset(error) { link.seen.evidence() } else { link.last_words().await };
    if let Some(obstacle) = link.late_tls_error(&evidence) {
        return Broken { obstacle, next: NextStep::Report };
    }
    if let Some(obstacle) = link.shut_out(&evidence, wire) {
        return Broken { obstacle, next: NextStep::Report };
    }
    let is_silent = evidence.first.is_empty() && link.tls.is_none();
    let next = next.unwrap_or(if is_silent { NextStep::LookAtPeer } else { NextStep::Report });
    let obstacle = explain(error, &evidence, wire);
    let is_end = matches!(obstacle.class, Class::ConnectionReset | Class::ConnectionLost);
    let obstacle = match silence.filter(|_| is_end) {
        Some((age, silence)) => obstacle.and(&idleness(age, silence)),
        None => obstacle,
    };
    Broken { obstacle, next }
}

/// What the age of a connection tells of its end: middleboxes forget those that are idle, after a round number of seconds.
fn idleness(age: Duration, silence: Duration) -> String {
    if silence < LONG_SILENCE {
        return String::new();
    }
    format!(
        ", after {} s without a word on a connection of {} s: an idle time-out between here and there would do so",
        silence.as_secs(),
        age.as_secs()
    )
}

/// Shorter pauses end no connection.
const LONG_SILENCE: Duration = Duration::from_secs(5);
