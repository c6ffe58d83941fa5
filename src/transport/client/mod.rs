//! How a request gets to a backend, and what stopped it if it did not: our own connector, phase by phase.
//!
//! Every step labels its own error while the type of the cause is still known. Nothing here knows OTLP.

mod body;
mod connect;
mod connection;
mod deadline;
mod dial;
mod exchange;
mod explain;
mod frames;
mod gather;
mod idle;
mod look;
mod neighbours;
mod obstacle;
mod pool;
mod probe;
mod proxy;
mod resolve;
mod settings;
mod socks;
mod standing;
mod survey;
mod tap;
mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Request;
use tokio::runtime::{Handle, Id};
use tokio::sync::Semaphore;

pub use body::{Chunks, RequestBody};
pub use deadline::within;
pub use exchange::{Answer, Extent};
pub use neighbours::{Neighbour, Spoken};
pub use settings::{ClientSettings, Keep, Patience, Protocol};
pub use survey::{Encrypted, Reached, Step, Survey};
pub use tls::TlsClient;

use self::connect::refusal_hint;
use self::dial::{Dialer, Route};
use self::exchange::{Broken, NextStep, over_http1, over_http2};
use self::explain::{Speaks, Wire, mismatch};
use self::look::Looks;
use self::obstacle::Obstacle;
use self::pool::{Lease, Pool};
use self::proxy::Via;
use self::resolve::Host;
use crate::attempt::{Progress, RequestHead, Response};
use crate::config::{Balancer, Reuse};
use crate::failure::{Class, Failure, Phase};
use crate::flow::{worker_count, worker_index};
use crate::transport::UNIX_PEER;

/// Sends requests to one endpoint. Works on any tokio runtime; each has its own connections.
#[derive(Debug)]
pub struct Client {
    /// Who is dialled: the endpoint, or its proxy.
    host: Host,
    port: u16,
    authority: String,
    wire: Wire,
    dialer: Arc<Dialer>,
    balancer: Balancer,
    patience: Patience,
    /// How each pool keeps its connections.
    keep: Keep,
    /// How many bytes of an answer are read.
    max_answer: usize,
    /// Places for HTTP/1.1 connections in use.
    in_use: Option<Semaphore>,
    /// The pools, in as many equal places as there are workers, so that workers do not wait for one another.
    pools: Box<[Mutex<Pools>]>,
    /// What the port was seen to speak.
    spoken: Looks<Option<Speaks>>,
    /// What was seen around a port that refuses.
    hints: Looks<String>,
}

/// The pool of each runtime.
type Pools = Vec<(Id, Arc<Pool>)>;

impl Client {
    /// A client that has not connected yet.
    pub fn new(settings: ClientSettings) -> Client {
        let ClientSettings { endpoint, tls, protocol, proxy, proxy_tls, pings, balancer, patience, keep, max_answer } =
            settings;
        let dialled = proxy.as_ref().map_or(&endpoint, |proxy| &proxy.endpoint);
        let host = dialled.socket().map_or_else(|| Host::parse(&dialled.host), |_| Host::Address(UNIX_PEER.ip()));
        let port = dialled.port;
        let route = match &proxy {
            None => endpoint.socket().map_or(Route::Direct, |path| Route::Unix(path.to_owned())),
            Some(proxy) => {
                let via = Via::new(proxy, proxy_tls, &endpoint);
                let takes_requests = tls.is_none() && protocol != Protocol::Http2Only && !via.is_socks();
                if takes_requests { Route::Relayed(via) } else { Route::Tunnel(via) }
            }
        };
        // A connection of HTTP/2 carries many requests: it is not one that can be used once.
        let protocol = match (protocol, keep.reuse) {
            (Protocol::Any, Reuse::Never) => Protocol::Http1Only,
            (protocol, _) => protocol,
        };
        let dialer = Dialer::new(protocol, tls, route, pings);
        Client {
            host,
            port,
            authority: endpoint.authority(),
            wire: if protocol == Protocol::Http2Only { Wire::Http2 } else { Wire::Http1 },
            balancer,
            patience,
            keep: keep.share(worker_count()),
            max_answer,
            in_use: places(keep, &dialer),
            dialer: Arc::new(dialer),
            pools: (0..worker_count().max(1)).map(|_| Mutex::default()).collect(),
            spoken: Looks::new(),
            hints: Looks::new(),
        }
    }

    /// A client of the same endpoint with connections of its own, of which there are none yet.
    #[must_use]
    pub fn apart(&self) -> Client {
        Client {
            host: self.host.clone(),
            port: self.port,
            authority: self.authority.clone(),
            wire: self.wire,
            dialer: Arc::clone(&self.dialer),
            balancer: self.balancer,
            patience: self.patience,
            keep: self.keep,
            max_answer: self.max_answer,
            in_use: places(self.keep, &self.dialer),
            pools: (0..self.pools.len()).map(|_| Mutex::default()).collect(),
            spoken: Looks::new(),
            hints: Looks::new(),
        }
    }

    /// Posts `body` with `head`, whose URI is absolute, and reads the whole answer, whatever its status. Tells `progress` of each
    /// phase. There is no time limit of its own; put it [`within`] one.
    ///
    /// A request that the peer certainly never looked at, because a connection that had been good ended under it, is sent
    /// again over another one at once.
    ///
    /// # Errors
    ///
    /// The failure of whichever phase ended the request, without endpoint and attempt.
    pub async fn send(&self, head: &Request<()>, body: RequestBody, progress: &Progress) -> Result<Answer, Failure> {
        let pool = self.pool().ok_or_else(|| Failure::new(Class::Other, "there is no runtime to connect on"))?;
        if let Some(via) = self.dialer.route().via() {
            progress.goes_via(&via.name);
        }
        progress.note(|exchange| exchange.request = Some(sent(head)));
        let mut tries = 1;
        loop {
            match self.try_once(&pool, head.clone().map(|()| body.clone()), progress).await {
                Ok(answer) => {
                    self.spoken.forget();
                    self.hints.forget();
                    progress.note(|exchange| exchange.response = Some(answered(&answer)));
                    return Ok(answer);
                }
                Err(Broken { next: NextStep::Elsewhere, .. }) if tries < MAX_TRIES => tries += 1,
                Err(Broken { obstacle, .. }) => return Err(obstacle.into_failure()),
            }
        }
    }

    async fn try_once(
        &self,
        pool: &Arc<Pool>,
        request: Request<RequestBody>,
        progress: &Progress,
    ) -> Result<Answer, Broken> {
        let _place = match &self.in_use {
            // It is never closed.
            Some(places) => places.acquire().await.ok(),
            None => None,
        };
        let lease = match self.lease(pool, progress).await {
            Ok(lease) => lease,
            Err(obstacle) => {
                // Another failure than the one that was looked into: the next of that kind is news again.
                if !is_open(obstacle.class) {
                    self.spoken.forget();
                }
                if obstacle.class != Class::ConnectionRefused {
                    self.hints.forget();
                }
                let obstacle = Box::pin(self.look_behind_tls(obstacle, pool.known_address())).await;
                let obstacle = Box::pin(self.look_around(obstacle, pool)).await;
                return Err(Broken { obstacle, next: NextStep::Report });
            }
        };
        let peer = lease.peer();
        let outcome = match lease {
            Lease::Http2(place) => over_http2(place, request, self.max_answer, progress).await,
            Lease::Http1(http1) => {
                let give_back = |http1| pool.give_back(http1);
                over_http1(http1, request, self.relay(), self.max_answer, progress, &give_back).await
            }
        };
        if let Some(via) = self.relay() {
            return outcome.map_err(|broken| match broken.next {
                NextStep::Elsewhere => broken,
                _ => Broken { obstacle: via.misspoken(broken.obstacle), next: NextStep::Report },
            });
        }
        match outcome {
            Err(broken) if broken.next == NextStep::LookAtPeer => {
                let speaks = Box::pin(self.look_at(peer, broken.obstacle.class)).await;
                let obstacle = speaks.and_then(|speaks| mismatch(self.wire, speaks)).unwrap_or(broken.obstacle);
                Err(Broken { obstacle, next: NextStep::Report })
            }
            outcome => outcome,
        }
    }

    /// A connection for one request. A patient client tries for one until its time is up.
    async fn lease(&self, pool: &Arc<Pool>, progress: &Progress) -> Result<Lease, Obstacle> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let outcome = pool.lease(progress).await;
            let may_wait = match self.patience {
                Patience::None => false,
                Patience::Wait(limit) => limit.is_none_or(|limit| began.elapsed() + pause < limit),
            };
            if outcome.is_ok() || !may_wait {
                return outcome;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The proxy that is sent whole requests, if there is one.
    fn relay(&self) -> Option<&Via> {
        match self.dialer.route() {
            Route::Relayed(via) => Some(via),
            Route::Direct | Route::Unix(_) | Route::Tunnel(_) => None,
        }
    }

    /// The proxy that is sent whole requests in place of the endpoint, in words: what answers may be it.
    pub fn stands_in(&self) -> Option<&str> {
        self.relay().map(|via| &*via.name)
    }

    /// A peer that closes when it is asked for TLS may not know TLS, and one that answers with something else may not know
    /// HTTP either.
    async fn look_behind_tls(&self, obstacle: Obstacle, peer: Option<SocketAddr>) -> Obstacle {
        let Some(peer) = peer.filter(|_| is_open(obstacle.class)) else { return obstacle };
        let class = obstacle.class;
        match self.look_at(peer, class).await {
            Some(Speaks::Http1 | Speaks::Http2) if class == Class::TlsHandshakeClosed => Obstacle::new(
                Class::TlsToPlaintextPort,
                "the peer closes the connection when it is asked for TLS, and answers plaintext",
            ),
            Some(Speaks::Other) => Obstacle::new(
                Class::ProtocolMismatch,
                "the peer answers the TLS handshake with something that is neither TLS nor HTTP",
            )
            .in_phase(Phase::Tls),
            _ => obstacle,
        }
    }

    /// What else there is to see where a port refuses.
    async fn look_around(&self, obstacle: Obstacle, pool: &Pool) -> Obstacle {
        let Some(peer) = pool.known_address().filter(|_| obstacle.class == Class::ConnectionRefused) else {
            return obstacle;
        };
        if self.dialer.route().is_indirect() {
            return obstacle;
        }
        let hint = self.hints.see(obstacle.class, Box::pin(refusal_hint(peer))).await;
        obstacle.and(&hint)
    }

    /// What `peer` speaks, looked at once for as long as it fails with `class`.
    async fn look_at(&self, peer: SocketAddr, class: Class) -> Option<Speaks> {
        // That would be the proxy.
        if self.dialer.route().via().is_some() {
            return None;
        }
        // Boxed: no request should be as large as the looks that hardly any of them takes.
        self.spoken.see(class, Box::pin(probe::look_at(peer, &self.authority, self.wire))).await
    }

    /// The connections of the current runtime.
    fn pool(&self) -> Option<Arc<Pool>> {
        let runtime = Handle::try_current().ok()?.id();
        let place = &self.pools[worker_index() % self.pools.len()];
        let mut pools = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pool)) = pools.iter().find(|(id, _)| *id == runtime) {
            return Some(Arc::clone(pool));
        }
        let pool =
            Arc::new(Pool::new(Arc::clone(&self.dialer), self.host.clone(), self.port, self.balancer, self.keep));
        pools.push((runtime, Arc::clone(&pool)));
        Some(pool)
    }
}

/// Whether a failed handshake leaves open what is there.
fn is_open(class: Class) -> bool {
    matches!(class, Class::TlsHandshakeClosed | Class::TlsToPlaintextPort)
}

/// What is recorded of a request.
fn sent(head: &Request<()>) -> RequestHead {
    RequestHead { method: head.method().clone(), uri: head.uri().clone(), headers: head.headers().clone() }
}

/// What is recorded of an answer.
fn answered(answer: &Answer) -> Response {
    let Answer { status, headers, body, extent: _, trailers } = answer.clone();
    Response { status, headers, trailers, body }
}

/// Connections of HTTP/2 carry many requests each: they are not counted.
fn places(keep: Keep, dialer: &Dialer) -> Option<Semaphore> {
    let most = keep.max_in_use.filter(|_| !dialer.may_speak_http2())?;
    Some(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))
}

/// How long a patient client waits after the first try for a connection, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a request may meet connections that end under it before it looks at it.
const MAX_TRIES: u32 = 3;
