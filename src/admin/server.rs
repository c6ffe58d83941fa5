//! How an admin page is served: one answer for each connection, within bounds that no client can stretch.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// What a page answers. The body is whole: pages are small.
pub type Answer = Response<Bytes>;

/// Answers a request, whose body is of no interest; the client's address is among its extensions. It must not block.
pub type Route = Arc<dyn Fn(&Parts) -> Answering + Send + Sync>;

/// An answer, as it is awaited.
pub type Answering = BoxFuture<'static, Answer>;

/// Answers the requests that come to `listener` by `route` until `end` is cancelled; then finishes what is open, for a
/// second at most. Serves at most 64 clients at a time, each for at most ten seconds; further ones wait.
pub async fn serve(listener: TcpListener, route: Route, end: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
            // Nothing but forgetting those that are done.
            Some(_) = clients.join_next() => continue,
        };
        if let Some((stream, peer, place)) = accepted {
            clients.spawn(answer(stream, peer, Arc::clone(&route), place));
        }
    }
    drop(listener);
    // Whoever is still there after that is cut off when the set is dropped.
    let _ = timeout(LAST_WORDS, async { while clients.join_next().await.is_some() {} }).await;
}

/// The next client, when there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // Only fails on a closed semaphore, and nobody closes this one.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            // Such as: too many open files. It may pass; the client is still in the backlog.
            tracing::debug!(error = %error, "an admin server cannot accept a connection");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn answer(stream: TcpStream, peer: SocketAddr, route: Route, _place: OwnedSemaphorePermit) {
    let service = service_fn(move |request: Request<Incoming>| {
        let route = Arc::clone(&route);
        async move {
            let (mut parts, body) = request.into_parts();
            parts.extensions.insert(peer);
            // Read, so that the client is not reset while it still writes; a longer one is not waited for.
            let _ = Limited::new(body, MAX_IGNORED_BODY).collect().await;
            Ok::<_, Infallible>(route(&parts).await.map(Full::new))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CLIENT_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(error = %error, "an admin client went away"),
        Err(_) => tracing::debug!("an admin client was too slow"),
    }
}

/// An answer that is there already.
pub(super) fn now(answer: Answer) -> Answering {
    Box::pin(std::future::ready(answer))
}

/// An answer with `body`.
pub(super) fn page(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// The answer of every path that is none.
pub(super) fn not_found() -> Answer {
    page(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n")
}

const MAX_CLIENTS: usize = 64;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const LAST_WORDS: Duration = Duration::from_secs(1);
const MAX_IGNORED_BODY: usize = 64 << 10;
