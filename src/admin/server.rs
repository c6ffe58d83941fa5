//! How an admin page is served: one answer for each connection, within bounds that no client can stretch.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Collected, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::failure::Class;
use crate::transport::server::Reply;

/// What a page answers. The body is whole: pages are small.
pub type Answer = Response<Bytes>;

/// Answers a request; the client's address and the [`Sent`] body are among its extensions. It must not block.
pub type Route = Arc<dyn Fn(&Parts) -> Answering + Send + Sync>;

/// The body of a request, where it is no longer than 64 KiB; nothing of a longer one.
#[derive(Clone, Debug)]
pub struct Sent(pub Bytes);

/// An answer, as it is awaited.
pub type Answering = BoxFuture<'static, Answer>;

/// Answers a gRPC call.
pub type Calls = Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Reply>> + Send + Sync>;

/// A connection's place among those that speak gRPC, from its first call on.
type Caller = Arc<OnceLock<OwnedSemaphorePermit>>;

/// What answers at an address.
#[derive(Clone)]
struct Desk {
    route: Route,
    /// gRPC, where it is offered, and the connections that may speak it at a time.
    calls: Option<(Calls, Arc<Semaphore>)>,
}

/// Answers the requests that come to `listener` by `route` until `end` is cancelled; then finishes what is open, for a
/// second at most. Serves at most 64 clients at a time, each for at most ten seconds; for further ones the first has to go.
pub async fn serve(listener: TcpListener, route: Route, end: CancellationToken) {
    serve_desk(listener, Desk { route, calls: None }, end).await;
}

/// Like [`serve`], with gRPC beside the pages: its calls are answered by `calls`. A connection with calls lives for an
/// hour at most, and half of the places at most are theirs.
pub async fn serve_with_calls(listener: TcpListener, route: Route, calls: Calls, end: CancellationToken) {
    let calls = Some((calls, Arc::new(Semaphore::new(MAX_CALLERS))));
    serve_desk(listener, Desk { route, calls }, end).await;
}

async fn serve_desk(listener: TcpListener, desk: Desk, end: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    let mut guests = Guests::default();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => break,
            accepted = accept(&listener) => accepted,
            Some(ended) = clients.join_next() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    tracing::error!(class = Class::Panicked.code(), "an admin page panicked; its client is cut off");
                }
                continue;
            }
        };
        let Some((stream, peer)) = accepted else { continue };
        if places.available_permits() == 0 {
            guests.show_out_the_first();
        }
        // Only fails on a closed semaphore, and nobody closes this one.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let caller = Caller::default();
        let guest = clients.spawn(answer(stream, peer, desk.clone(), end.clone(), place, Arc::clone(&caller)));
        guests.welcome(guest, caller);
    }
    drop(listener);
    // Whoever is still there after that is cut off when the set is dropped.
    let _ = timeout(LAST_WORDS, async { while clients.join_next().await.is_some() {} }).await;
}

/// Who is here, in the order of their coming. Idle clients, however many, must not keep a probe out, on which the life of
/// the process may depend: where there is no place for one more, the first one that makes no calls has to go.
#[derive(Default)]
struct Guests(VecDeque<(AbortHandle, Caller)>);

impl Guests {
    fn welcome(&mut self, guest: AbortHandle, caller: Caller) {
        self.0.retain(|(guest, _)| !guest.is_finished());
        self.0.push_back((guest, caller));
    }

    fn show_out_the_first(&mut self) {
        let leaves = |(guest, caller): &(AbortHandle, Caller)| !guest.is_finished() && caller.get().is_none();
        if let Some((guest, _)) = self.0.iter().position(leaves).and_then(|index| self.0.remove(index)) {
            guest.abort();
        }
    }
}

/// The next client.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            // Such as: too many open files. It may pass; the client is still in the backlog.
            tracing::debug!(error = %error, "an admin server cannot accept a connection");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    desk: Desk,
    end: CancellationToken,
    _place: OwnedSemaphorePermit,
    caller: Caller,
) {
    let offers_calls = desk.calls.is_some();
    let service = service_fn(|request: Request<Incoming>| {
        let (desk, caller) = (desk.clone(), Arc::clone(&caller));
        async move { Ok::<_, Infallible>(desk.answer(request, peer, &caller).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).keep_alive(false);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).keep_alive_interval(PING_INTERVAL);
    let builder = if offers_calls { builder } else { builder.http1_only() };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = end.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    let mut served = pin!(served);
    let mut ended = timeout(CLIENT_TIMEOUT, served.as_mut()).await;
    if ended.is_err() && caller.get().is_some() {
        ended = timeout(CALLER_TIMEOUT, served).await;
    }
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an admin client went away"),
        Err(_) => tracing::debug!("an admin client was too slow"),
    }
}

impl Desk {
    /// `caller` has the connection's place among those that speak gRPC, from its first call on.
    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        caller: &OnceLock<OwnedSemaphorePermit>,
    ) -> Response<Reply> {
        if let Some((calls, places)) = &self.calls
            && is_call(&request)
        {
            if caller.get().is_none() {
                let Ok(place) = Arc::clone(places).try_acquire_owned() else {
                    return Status::resource_exhausted("too many clients").into_http();
                };
                // Another call of this connection may have been first; then its place is enough.
                let _ = caller.set(place);
            }
            return calls(request).await;
        }
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(peer);
        // Read, if only so that the client is not reset while it still writes; a longer one is not waited for.
        let sent = Limited::new(body, MAX_BODY).collect().await.map_or_else(|_| Bytes::new(), Collected::to_bytes);
        parts.extensions.insert(Sent(sent));
        let answer = (self.route)(&parts).await;
        let length = answer.body().len();
        let mut answer = answer.map(Reply::of);
        // What HEAD is told is what GET would be.
        if parts.method == Method::HEAD {
            answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            *answer.body_mut() = Reply::empty();
        }
        answer
    }
}

fn is_call(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    request.version() == Version::HTTP_2 && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
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
const MAX_CALLERS: usize = 32;
const MAX_STREAMS: u32 = 32;
const PING_INTERVAL: Duration = Duration::from_secs(60);
const CALLER_TIMEOUT: Duration = Duration::from_secs(60 * 60);
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const LAST_WORDS: Duration = Duration::from_secs(1);
const MAX_BODY: usize = 64 << 10;
