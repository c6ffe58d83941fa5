//! What happens on one connection, from its first byte to its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use h2::Reason;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use socket2::SockRef;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::failure::Class;
use crate::flow::Lifetime;
use crate::transport::Socket;

use super::greeting::Greeting;
use super::places::{Places, Short};
use super::pulse::{Listening, Pulse, Severable};
use super::socket::Accepted;
use super::tls::HTTP2;
use super::windows::{Window, Windows};
use super::{Answer, Cut, Limits, Terms, TlsServer};

/// What the connections of a listener share.
pub(super) struct Shared<A> {
    answer: Arc<A>,
    terms: Arc<ArcSwap<Terms>>,
    places: Arc<Places>,
    lifetime: Lifetime,
    greeting: Greeting,
    windows: Windows,
}

/// What the first bytes of a connection are.
enum Opening {
    /// None: a port check.
    Nothing,
    /// A TLS handshake.
    Tls,
    /// The HTTP/2 preface.
    Http2,
    /// Anything else: HTTP/1.1 or nonsense.
    Other,
    /// Not looked at: a unix socket cannot be.
    Unseen,
}

/// What is spoken on a connection, as far as its beginning tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Http2,
    /// HTTP/1.1 or nonsense.
    Other,
}

/// The bytes below HTTP.
type Carrier = Either<Socket, Box<TlsStream<Socket>>>;

/// What a connection is told from outside.
enum Order {
    /// Take no more requests, answer those in hand.
    Finish,
    /// End now.
    Leave,
}

impl<A: Answer> Shared<A> {
    pub(super) fn new(
        answer: Arc<A>,
        terms: Arc<ArcSwap<Terms>>,
        places: Arc<Places>,
        lifetime: Lifetime,
    ) -> Shared<A> {
        let windows = Windows::new(terms.load().limits.unread);
        Shared { answer, terms, places, lifetime, greeting: Greeting::new(), windows }
    }

    /// Serves the client at `peer` until it leaves, is silent for too long, or the intake ends.
    pub(super) async fn attend(self: Arc<Self>, accepted: Accepted, peer: SocketAddr) {
        let Ok(socket) = accepted.on_this_runtime() else { return };
        let terms = self.terms.load_full();
        let pulse = Pulse::new();
        let hearing = |class: Class, cause: &str| self.answer.turned_away(peer, class, cause);
        let (stream, speaks) = match (self.opening(&socket, &pulse, &terms.limits).await, &terms.tls) {
            (Opening::Nothing, _) => return,
            (Opening::Tls, None) => return self.greeting.sent_tls(peer, &hearing),
            (Opening::Http2 | Opening::Other, Some(_)) => {
                return self.greeting.sent_plaintext(peer, socket, &hearing).await;
            }
            (Opening::Tls | Opening::Unseen, Some(tls)) => {
                let Some((stream, speaks)) = self.shake(tls, socket, peer, terms.limits.handshake).await else {
                    return;
                };
                (Either::Right(stream), speaks)
            }
            (Opening::Http2 | Opening::Unseen, None) => (Either::Left(socket), Speaks::Http2),
            (Opening::Other, None) => (Either::Left(socket), Speaks::Other),
        };
        self.converse(stream, peer, pulse, speaks, &terms.limits).await;
    }

    async fn opening(&self, socket: &Socket, pulse: &Pulse, limits: &Limits) -> Opening {
        tokio::select! {
            opening = opening(socket) => opening.unwrap_or(Opening::Nothing),
            () = pulse.stops(limits.idle, limits.header) => Opening::Nothing,
            () = self.crowded_out(pulse, limits) => Opening::Nothing,
            () = self.lifetime.intake_ended() => Opening::Nothing,
        }
    }

    async fn shake(
        &self,
        tls: &TlsServer,
        socket: Socket,
        peer: SocketAddr,
        limit: Duration,
    ) -> Option<(Box<TlsStream<Socket>>, Speaks)> {
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(limit, tls.shake(socket)) => shaken.ok()?,
            () = self.lifetime.intake_ended() => return None,
        };
        match shaken {
            Ok(stream) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
                Some((Box::new(stream), if http2 { Speaks::Http2 } else { Speaks::Other }))
            }
            Err(shaken) => {
                let hearing = |class: Class, cause: &str| self.answer.turned_away(peer, class, cause);
                self.greeting.not_shaken(peer, &shaken, &hearing);
                None
            }
        }
    }

    async fn converse(&self, stream: Carrier, peer: SocketAddr, pulse: Arc<Pulse>, speaks: Speaks, limits: &Limits) {
        let service = service_fn(|request| {
            let (answer, pulse, beat) = (Arc::clone(&self.answer), Arc::clone(&pulse), pulse.beat());
            async move {
                let answered = answer.answer(peer, request).await;
                drop(beat);
                match answered.extensions().get() {
                    None => Ok(answered),
                    Some(Cut::Request) => Err(h2::Error::from(Reason::INTERNAL_ERROR)),
                    Some(Cut::Connection) => {
                        pulse.cut();
                        std::future::pending().await
                    }
                }
            }
        });
        let stream = Listening::new(TokioIo::new(stream), Arc::clone(&pulse));
        let window = self.windows.open(limits.connection_window);
        let http = protocols(limits, &window, OnThisRuntime(self.lifetime.clone()));
        let mut connection = pin!(http.serve_connection(stream, service));
        let mut orders = self.orders(&pulse, speaks, limits);
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, error, "a connection ended");
                    }
                    return;
                }
                Some(order) = orders.next() => match order {
                    Order::Leave => return,
                    Order::Finish => {
                        connection.as_mut().graceful_shutdown();
                        orders.push(Box::pin(linger(&pulse)));
                    }
                }
            }
        }
    }

    /// Ends like [`Pulse::stops`], but only while the listener is crowded: who has nothing to say makes room.
    async fn crowded_out(&self, pulse: &Pulse, limits: &Limits) {
        let Limits { idle, header, crowded_idle, pressed_idle, .. } = *limits;
        let mut crowd = self.places.crowd();
        loop {
            let idle = match crowd.begins().await {
                Short::Places => idle.min(crowded_idle),
                Short::Memory => idle.min(pressed_idle),
            };
            tokio::select! {
                () = pulse.stops(idle, header) => return,
                () = crowd.ends() => {}
            }
        }
    }

    /// What ends a connection from outside. Each source is polled when it was woken, not whenever the connection is.
    fn orders<'a>(
        &'a self,
        pulse: &'a Pulse,
        speaks: Speaks,
        limits: &'a Limits,
    ) -> FuturesUnordered<BoxFuture<'a, Order>> {
        // What comes between the requests of HTTP/2 need not be the head of one.
        let head = if speaks == Speaks::Http2 { Duration::MAX } else { limits.header };
        let orders: FuturesUnordered<BoxFuture<'a, Order>> = FuturesUnordered::new();
        orders.push(Box::pin(self.lifetime.intake_ended().map(|()| Order::Finish)));
        orders.push(Box::pin(self.lifetime.aborted().map(|()| Order::Leave)));
        orders.push(Box::pin(pulse.stops(limits.idle, head).map(|()| Order::Finish)));
        orders.push(Box::pin(pulse.is_cut().map(|()| Order::Leave)));
        orders.push(Box::pin(self.crowded_out(pulse, limits).map(|()| Order::Finish)));
        // HTTP/1.1 has no word for it that does not cross with a request.
        if let (Some(age), Speaks::Http2) = (limits.age, speaks) {
            let most = age.spread();
            orders.push(Box::pin(tokio::time::sleep(most).map(|()| Order::Finish)));
            if let Some(grace) = age.grace {
                orders.push(Box::pin(tokio::time::sleep(most.saturating_add(grace)).map(|()| Order::Leave)));
            }
        }
        orders
    }
}

impl Severable for TokioIo<Carrier> {
    fn sever(&self) {
        let socket = match self.inner() {
            Either::Left(socket) => socket,
            Either::Right(tls) => tls.get_ref().0,
        };
        // A unix socket has no other end than this one; where the option is refused, TCP closes as usual.
        if let Either::Left(tcp) = socket {
            let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Gives a finishing connection time to say so to its client, and lets requests that are still on their way end.
async fn linger(pulse: &Pulse) -> Order {
    tokio::time::sleep(LINGER).await;
    pulse.stops(LINGER, LINGER).await;
    Order::Leave
}

async fn opening(socket: &Socket) -> io::Result<Opening> {
    let Either::Left(stream) = socket else { return Ok(Opening::Unseen) };
    let mut first = [0; 3];
    let length = stream.peek(&mut first).await?;
    Ok(match &first[..length] {
        [] => Opening::Nothing,
        [0x16, 0x03, ..] => Opening::Tls,
        b"PRI" => Opening::Http2,
        _ => Opening::Other,
    })
}

fn protocols(limits: &Limits, window: &Window, executor: OnThisRuntime) -> auto::Builder<OnThisRuntime> {
    let mut http = auto::Builder::new(executor);
    // Heads are timed by the pulse: this timer would also end connections that are merely idle.
    http.http1().timer(TokioTimer::new()).header_read_timeout(None).keep_alive(!limits.one_request);
    http.http1().max_buf_size(limits.http1_buffer);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.pong)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_list)
        .initial_stream_window_size(limits.stream_window.min(window.size))
        .initial_connection_window_size(window.size)
        .max_send_buf_size(limits.send_buffer)
        .max_local_error_reset_streams(limits.local_resets)
        .max_pending_accept_reset_streams(limits.pending_resets);
    http
}

/// Runs the requests of an HTTP/2 connection on the runtime that the connection is on.
#[derive(Clone)]
struct OnThisRuntime(Lifetime);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for OnThisRuntime {
    fn execute(&self, request: F) {
        self.0.spawn("http/2 request", request);
    }
}

/// How long a connection that is finishing has to end by itself, and may be without a request after that.
const LINGER: Duration = Duration::from_secs(1);
