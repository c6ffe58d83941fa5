//! What happens on one connection, from its first byte to its end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

use crate::flow::Lifetime;

use super::pulse::{Listening, Pulse};
use super::{Answer, Limits, OncePer};

/// What the connections of a listener share.
pub(super) struct Shared<A> {
    answer: Arc<A>,
    limits: Limits,
    lifetime: Lifetime,
    http: auto::Builder<OnThisRuntime>,
    tls_seen: OncePer<IpAddr>,
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
}

/// What a connection is told from outside.
enum Order {
    /// Take no more requests, answer those in hand.
    Finish,
    /// End now.
    Leave,
}

impl<A: Answer> Shared<A> {
    pub(super) fn new(answer: Arc<A>, limits: Limits, lifetime: Lifetime) -> Shared<A> {
        let http = protocols(&limits, OnThisRuntime(lifetime.clone()));
        Shared { answer, limits, lifetime, http, tls_seen: OncePer::new(TLS_LOG_INTERVAL, TLS_LOG_PEERS) }
    }

    /// Serves the client at `peer` until it leaves, is silent for too long, or the intake ends.
    pub(super) async fn attend(self: Arc<Self>, stream: std::net::TcpStream, peer: SocketAddr) {
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        // Answers are small and each is written at once: waiting to fill a segment would only delay them.
        let _ = stream.set_nodelay(true);
        let pulse = Pulse::new();
        match self.opening(&stream, &pulse).await {
            Opening::Nothing => {}
            Opening::Tls => self.name_tls(peer),
            Opening::Http2 => self.converse(stream, peer, pulse, Duration::MAX).await,
            Opening::Other => self.converse(stream, peer, pulse, self.limits.header).await,
        }
    }

    async fn opening(&self, stream: &TcpStream, pulse: &Pulse) -> Opening {
        tokio::select! {
            opening = opening(stream) => opening.unwrap_or(Opening::Nothing),
            () = pulse.stops(self.limits.idle, self.limits.header) => Opening::Nothing,
            () = self.lifetime.intake_ended() => Opening::Nothing,
        }
    }

    async fn converse(&self, stream: TcpStream, peer: SocketAddr, pulse: Arc<Pulse>, head: Duration) {
        let service = service_fn(|request| {
            let (answer, beat) = (Arc::clone(&self.answer), pulse.beat());
            async move {
                let answered = answer.answer(peer, request).await;
                drop(beat);
                Ok::<_, Infallible>(answered)
            }
        });
        let stream = Listening::new(TokioIo::new(stream), Arc::clone(&pulse));
        let mut connection = pin!(self.http.serve_connection(stream, service));
        let mut orders = self.orders(&pulse, head);
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

    /// What ends a connection from outside. Each source is polled when it was woken, not whenever the connection is.
    fn orders<'a>(&'a self, pulse: &'a Pulse, head: Duration) -> FuturesUnordered<BoxFuture<'a, Order>> {
        let orders: FuturesUnordered<BoxFuture<'a, Order>> = FuturesUnordered::new();
        orders.push(Box::pin(self.lifetime.intake_ended().map(|()| Order::Finish)));
        orders.push(Box::pin(self.lifetime.aborted().map(|()| Order::Leave)));
        orders.push(Box::pin(pulse.stops(self.limits.idle, head).map(|()| Order::Finish)));
        orders
    }

    fn name_tls(&self, peer: SocketAddr) {
        let client = peer.ip().to_canonical();
        if self.tls_seen.admits(client) {
            tracing::warn!(
                class = "peer_sent_tls",
                %client,
                remedy = "use an http:// endpoint (or insecure: true) in the client's exporter",
                "a client speaks TLS to a plaintext receiver"
            );
        }
    }
}

/// Gives a finishing connection time to say so to its client, and lets requests that are still on their way end.
async fn linger(pulse: &Pulse) -> Order {
    tokio::time::sleep(LINGER).await;
    pulse.stops(LINGER, LINGER).await;
    Order::Leave
}

async fn opening(stream: &TcpStream) -> io::Result<Opening> {
    let mut first = [0; 3];
    let length = stream.peek(&mut first).await?;
    Ok(match &first[..length] {
        [] => Opening::Nothing,
        [0x16, 0x03, ..] => Opening::Tls,
        b"PRI" => Opening::Http2,
        _ => Opening::Other,
    })
}

fn protocols(limits: &Limits, executor: OnThisRuntime) -> auto::Builder<OnThisRuntime> {
    let mut http = auto::Builder::new(executor);
    // Heads are timed by the pulse: this timer would also end connections that are merely idle.
    http.http1().timer(TokioTimer::new()).header_read_timeout(None).keep_alive(!limits.one_request);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.pong)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_list)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
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

const TLS_LOG_INTERVAL: Duration = Duration::from_secs(600);

const TLS_LOG_PEERS: usize = 256;
