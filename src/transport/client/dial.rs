//! From addresses to a connection that speaks HTTP: TCP, TLS, and the protocol that both sides agree on.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::connect::{connect, connect_unix};
use super::connection::{Connection, Http1, Http2, Link};
use super::explain::{Wire, explain};
use super::gather::gathering;
use super::obstacle::Obstacle;
use super::proxy::{Carrier, Via};
use super::settings::Protocol;
use super::tap::{Frames, Stream, Tap};
use super::tls::{TlsClient, TlsConnector, TlsContext, no_http2};
use crate::config::{IdlePings, Pings};
use crate::failure::{Class, Phase};
use crate::transport::Socket;

/// How connections to one endpoint are opened.
pub(super) struct Dialer {
    protocol: Protocol,
    tls: Option<TlsConnector>,
    route: Route,
    pings: Option<Pings>,
}

/// How the endpoint is reached.
#[derive(Debug)]
pub(super) enum Route {
    /// By its own address.
    Direct,
    /// By its unix socket.
    Unix(PathBuf),
    /// Through a tunnel that a proxy opens.
    Tunnel(Via),
    /// By a proxy that is sent whole requests: plain HTTP/1.1.
    Relayed(Via),
}

impl Route {
    /// Whether its own port is not what is dialled.
    pub(super) fn is_indirect(&self) -> bool {
        !matches!(self, Route::Direct)
    }

    /// The proxy, if there is one.
    pub(super) fn via(&self) -> Option<&Via> {
        match self {
            Route::Direct | Route::Unix(_) => None,
            Route::Tunnel(via) | Route::Relayed(via) => Some(via),
        }
    }
}

/// Told of each phase as it begins.
pub(super) type Enter<'a> = &'a (dyn Fn(Phase) + Send + Sync);

impl Dialer {
    pub(super) fn new(protocol: Protocol, tls: Option<Arc<TlsClient>>, route: Route, pings: Option<Pings>) -> Dialer {
        let alpn: &[&[u8]] = match protocol {
            Protocol::Http2Only => &[H2],
            Protocol::Http1Only => &[HTTP1],
            Protocol::Any => &[H2, HTTP1],
        };
        Dialer { protocol, tls: tls.map(|client| client.connector(alpn)), route, pings }
    }

    /// Whether a connection may turn out to be HTTP/2.
    pub(super) fn may_speak_http2(&self) -> bool {
        match self.protocol {
            Protocol::Http2Only => true,
            Protocol::Http1Only => false,
            Protocol::Any => self.tls.is_some(),
        }
    }

    /// What shakes hands; none where the endpoint is plaintext.
    pub(super) fn tls(&self) -> Option<&TlsConnector> {
        self.tls.as_ref()
    }

    /// What connections are to speak.
    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How the endpoint is reached.
    pub(super) fn route(&self) -> &Route {
        &self.route
    }

    /// The obstacle on the way to whoever is dialled: the endpoint, or its proxy.
    pub(super) fn on_the_way(&self, obstacle: Obstacle) -> Obstacle {
        match self.route.via() {
            Some(via) => via.unreachable(obstacle),
            None => obstacle,
        }
    }

    /// The obstacle behind a tunnel, with the proxy that made it: it may have taken the connection itself.
    fn through(&self, obstacle: Obstacle) -> Obstacle {
        match self.route.via() {
            Some(via) => {
                obstacle.and(&format!("; the connection goes through {}, which may have answered itself", via.name))
            }
            None => obstacle,
        }
    }

    /// Opens a connection to the first of `addresses` that answers, on the current runtime.
    pub(super) async fn dial(&self, addresses: &[SocketAddr], enter: Enter<'_>) -> Result<Connection, Obstacle> {
        enter(Phase::Connect);
        let (stream, peer) = self.reach(addresses, enter).await?;
        let Some(connector) = &self.tls else {
            return match self.protocol {
                Protocol::Http2Only => self.speak_http2(Stream::Plain(stream), peer, None, enter).await,
                Protocol::Http1Only | Protocol::Any => speak_http1(Stream::Plain(stream), peer, None).await,
            };
        };
        enter(Phase::Tls);
        let (stream, context) = shake(connector, stream, peer).await.map_err(|obstacle| self.through(obstacle))?;
        let agreed_on_http2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        let (stream, context) = (Stream::Tls(Box::new(stream)), Some(context));
        match self.protocol {
            _ if agreed_on_http2 => self.speak_http2(stream, peer, context, enter).await,
            Protocol::Http2Only => Err(no_http2()),
            Protocol::Http1Only | Protocol::Any => speak_http1(stream, peer, context).await,
        }
    }

    /// A stream whose other end is the endpoint, or the proxy that is sent whole requests.
    async fn reach(&self, addresses: &[SocketAddr], enter: Enter<'_>) -> Result<(Carrier, SocketAddr), Obstacle> {
        if let Route::Unix(path) = &self.route {
            let (stream, peer) = connect_unix(path).await?;
            return Ok((Carrier::Left(stream), peer));
        }
        let (stream, peer) = connect(addresses).await.map_err(|obstacle| self.on_the_way(obstacle))?;
        let stream = match &self.route {
            Route::Direct | Route::Unix(_) => Carrier::Left(Socket::Left(stream)),
            Route::Tunnel(via) => {
                enter(Phase::Proxy);
                via.open(stream).await?
            }
            Route::Relayed(via) => via.greet(stream).await?,
        };
        Ok((stream, peer))
    }

    async fn speak_http2(
        &self,
        stream: Stream,
        peer: SocketAddr,
        tls: Option<TlsContext>,
        enter: Enter<'_>,
    ) -> Result<Connection, Obstacle> {
        enter(Phase::Http2);
        let (tap, seen) = Tap::new(stream, Frames::Follow);
        let (stream, sending) = gathering(tap);
        let mut builder = http2::Builder::new(sending);
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADER_LIST);
        if let Some(pings) = self.pings {
            builder
                .keep_alive_interval(pings.time)
                .keep_alive_timeout(pings.timeout)
                .keep_alive_while_idle(pings.idle == IdlePings::Sent);
        }
        let handshake = builder.handshake(TokioIo::new(stream));
        let (sender, task) = handshake.await.map_err(|error| explain(&error, &seen.evidence(), Wire::Http2))?;
        let link = Link { peer, seen, over: run(task), tls };
        Ok(Connection::Http2(Arc::new(Http2::new(link, sender))))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("protocol", &self.protocol).field("tls", &self.tls.is_some()).finish()
    }
}

/// Shakes hands over `stream`, which leads to `peer`.
pub(super) async fn shake(
    connector: &TlsConnector,
    stream: Carrier,
    peer: SocketAddr,
) -> Result<(TlsStream<Carrier>, TlsContext), Obstacle> {
    match timeout(TLS_LIMIT, connector.shake(stream)).await {
        Ok(shaken) => shaken,
        Err(_) => {
            let text = format!("{peer} accepts the connection, but never answers the TLS handshake");
            Err(Obstacle::new(Class::TlsHandshakeTimeout, text))
        }
    }
}

async fn speak_http1(stream: Stream, peer: SocketAddr, tls: Option<TlsContext>) -> Result<Connection, Obstacle> {
    let (tap, seen) = Tap::new(stream, Frames::Ignore);
    let handshake = http1::Builder::new().max_buf_size(MAX_HTTP1_HEAD).handshake(TokioIo::new(tap));
    let (sender, task) = handshake.await.map_err(|error| explain(&error, &seen.evidence(), Wire::Http1))?;
    let link = Link { peer, seen, over: run(task), tls };
    Ok(Connection::Http1(Http1 { link, sender, proven: false }))
}

/// Runs a connection's task. It is not one of the service's: it holds no stage, and ends when nobody can send on it.
fn run(task: impl Future<Output = Result<(), hyper::Error>> + Send + 'static) -> watch::Receiver<bool> {
    let (end, over) = watch::channel(false);
    tokio::spawn(async move {
        if let Err(error) = task.await {
            tracing::debug!(%error, "a connection to a backend ended");
        }
        end.send_replace(true);
    });
    over
}

const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";
/// No handshake gets longer, whatever the exporter's timeout.
const TLS_LIMIT: Duration = Duration::from_secs(20);
/// Answers are small; this only has to keep many of them from waiting for one another.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 2 << 20;
/// Bounds what an answer's headers or trailers may take.
const MAX_HEADER_LIST: u32 = 32 << 10;
const MAX_HTTP1_HEAD: usize = 64 << 10;
