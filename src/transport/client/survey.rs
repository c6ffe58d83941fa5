//! The way to an endpoint, walked step by step and told step by step: what a look ahead of the first export shows.
//!
//! It takes the same steps as a connection for data does, and sends nothing that is configured: no header, no body.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::connect::{connect, connect_unix};
use super::dial::{Route, shake};
use super::explain::{Speaks, Wire, mismatch};
use super::obstacle::Obstacle;
use super::probe::{Faces, faces};
use super::proxy::Carrier;
use super::resolve::Host;
use super::settings::Protocol;
use super::tls::{TlsConnector, TlsContext, no_http2};
use super::{Client, within};
use crate::attempt::Progress;
use crate::failure::{Failure, Phase};
use crate::transport::tls::CertificateFacts;
use crate::transport::{Socket, UNIX_PEER};

/// One step of the way.
#[derive(Debug)]
pub struct Step<T> {
    /// How long it took.
    pub took: Duration,
    /// What it came to.
    pub outcome: Result<T, Failure>,
}

/// One address that was connected to.
#[derive(Debug)]
pub struct Reached {
    /// The address, or the path of the unix socket.
    pub to: String,
    /// Whether it answers.
    pub step: Step<()>,
}

/// A TLS handshake.
#[derive(Debug)]
pub struct Encrypted {
    /// The certificates as the server sent them, its own first. Also of a server that is not trusted.
    pub chain: Vec<CertificateFacts>,
    /// What was agreed on: `TLS 1.3, TLS13_AES_256_GCM_SHA384, ALPN h2`.
    pub step: Step<String>,
}

/// What each step of the way found. Steps behind one that failed are not there.
#[derive(Debug, Default)]
pub struct Survey {
    /// The proxy in front of the endpoint, in words. With it, the addresses are the proxy's.
    pub via: Option<String>,
    /// The addresses of the name; none where the endpoint is an address or a path itself.
    pub resolved: Option<Step<Vec<SocketAddr>>>,
    /// Every address.
    pub reached: Vec<Reached>,
    /// The proxy's answer to CONNECT.
    pub tunnel: Option<Step<()>>,
    /// TLS.
    pub tls: Option<Encrypted>,
    /// What a plaintext port speaks, in words; none where it does not show it.
    pub speaks: Option<Step<Option<&'static str>>>,
}

impl Survey {
    /// Whether every step that was tried led on.
    pub fn leads_there(&self) -> bool {
        let resolved = self.resolved.as_ref().is_none_or(|step| step.outcome.is_ok());
        let reached = self.reached.iter().any(|reached| reached.step.outcome.is_ok());
        let tunnel = self.tunnel.as_ref().is_none_or(|step| step.outcome.is_ok());
        let tls = self.tls.as_ref().is_none_or(|tls| tls.step.outcome.is_ok());
        let speaks = self.speaks.as_ref().is_none_or(|step| step.outcome.is_ok());
        resolved && reached && tunnel && tls && speaks
    }
}

impl Client {
    /// Walks the way to the endpoint, on connections that are closed again. No step takes longer than `limit`.
    pub async fn survey(&self, limit: Duration) -> Survey {
        let mut survey = Survey { via: self.dialer.route().via().map(|via| via.name.to_string()), ..Survey::default() };
        let Some((socket, peer, rtt)) = self.reach_each(limit, &mut survey).await else { return survey };
        let socket = match (self.dialer.route(), socket) {
            (Route::Tunnel(via), Socket::Left(stream)) => {
                let opened = timed(limit, Phase::Proxy, Some(self), Box::pin(via.open(stream))).await;
                let Step { took, outcome } = opened;
                let (outcome, tunnel) = split(outcome);
                survey.tunnel = Some(Step { took, outcome });
                let Some(tunnel) = tunnel else { return survey };
                tunnel
            }
            (_, socket) => Carrier::Left(socket),
        };
        match self.dialer.tls() {
            Some(connector) => survey.tls = Some(self.encrypt(connector, socket, peer, rtt, limit).await),
            // A proxy and a unix socket show nothing of their own.
            None if self.dialer.route().via().is_some() || peer == UNIX_PEER => {}
            None => {
                let began = Instant::now();
                let found = faces(peer, &self.authority).await;
                survey.speaks = Some(Step { took: began.elapsed(), outcome: self.judge(found) });
            }
        }
        survey
    }

    /// A connection to the first address that answers, and how long it took; each is tried.
    async fn reach_each(&self, limit: Duration, survey: &mut Survey) -> Option<(Socket, SocketAddr, Duration)> {
        if let Route::Unix(path) = self.dialer.route() {
            let Step { took, outcome } = timed(limit, Phase::Connect, None, Box::pin(connect_unix(path))).await;
            let (outcome, found) = split(outcome);
            let to = format!("unix:{}", path.display());
            survey.reached.push(Reached { to, step: Step { took, outcome } });
            return found.map(|(socket, peer)| (socket, peer, took));
        }
        let on_the_way = |obstacle| self.dialer.on_the_way(obstacle);
        let looked_up = async { self.host.resolve(self.port).await.map_err(on_the_way) };
        let resolved = timed(limit, Phase::Resolve, Some(self), Box::pin(looked_up)).await;
        let addresses = resolved.outcome.as_ref().map_or_else(|_| Vec::new(), Clone::clone);
        if matches!(self.host, Host::Name(_)) {
            survey.resolved = Some(resolved);
        }
        let tries = addresses.iter().take(MAX_ADDRESSES).map(|address| async move {
            let reach = async { connect(&[*address]).await.map_err(on_the_way) };
            (*address, timed(limit, Phase::Connect, Some(self), Box::pin(reach)).await)
        });
        let mut first = None;
        for (address, Step { took, outcome }) in join_all(tries).await {
            let (outcome, found) = split(outcome);
            survey.reached.push(Reached { to: address.to_string(), step: Step { took, outcome } });
            if let (None, Some((stream, peer))) = (&first, found) {
                first = Some((Socket::Left(stream), peer, took));
            }
        }
        first
    }

    async fn encrypt(
        &self,
        connector: &TlsConnector,
        socket: Carrier,
        peer: SocketAddr,
        rtt: Duration,
        limit: Duration,
    ) -> Encrypted {
        let shaking = async {
            match shake(connector, socket, peer).await {
                Err(obstacle) => Err(self.look_behind_tls(obstacle, Some(peer)).await),
                shaken => shaken,
            }
        };
        let shaken = timed(limit, Phase::Tls, Some(self), Box::pin(shaking)).await;
        let Step { took, outcome } = shaken;
        let (mut stream, context) = match outcome {
            Ok(shaken) => shaken,
            Err(failure) => {
                let chain = connector.refused();
                return Encrypted { chain: facts(&chain), step: Step { took, outcome: Err(failure) } };
            }
        };
        let chain = facts(stream.get_ref().1.peer_certificates().unwrap_or_default());
        let agreed = stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        let late = late_refusal(&mut stream, &context, rtt).await;
        let outcome = match late {
            Some(obstacle) => Err(obstacle.into_failure()),
            None if self.dialer.protocol() == Protocol::Http2Only && agreed.as_deref() != Some("h2") => {
                Err(no_http2().into_failure())
            }
            None => Ok(terms(&stream, agreed.as_deref())),
        };
        Encrypted { chain, step: Step { took, outcome } }
    }

    /// What a port shows of itself, held against what is to be spoken there.
    fn judge(&self, found: Faces) -> Result<Option<&'static str>, Failure> {
        let Faces { http1, http2, tls, .. } = found;
        let wanted = if self.wire == Wire::Http2 { (http2, Speaks::Http2) } else { (http1, Speaks::Http1) };
        if wanted.0 == Some(wanted.1) {
            return Ok(Some(match (http1, http2) {
                (Some(Speaks::Http1), Some(Speaks::Http2)) => "HTTP/1.1 and HTTP/2",
                (_, Some(Speaks::Http2)) => "HTTP/2, as gRPC does",
                _ => "HTTP/1.1",
            }));
        }
        let shown = [Speaks::Tls, Speaks::Http2, Speaks::Http1];
        let shown = shown.into_iter().find(|speaks| [http1, http2, tls].contains(&Some(*speaks)));
        match shown.and_then(|speaks| mismatch(self.wire, speaks)) {
            Some(obstacle) => Err(obstacle.into_failure()),
            None => Ok(None),
        }
    }
}

/// A server may refuse a client only after the client's side of the handshake is done (RFC 8446, section 4.4.2.4).
async fn late_refusal(stream: &mut TlsStream<Carrier>, context: &TlsContext, rtt: Duration) -> Option<Obstacle> {
    let wait = (rtt * 3 + LATE_AT_LEAST).min(LATE_AT_MOST);
    let mut first = [0; 1];
    let read = timeout(wait, stream.read(&mut first)).await.ok()?;
    let error = read.err()?;
    let refusal = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(context.explain(refusal))
}

fn terms(stream: &TlsStream<Carrier>, agreed: Option<&str>) -> String {
    let session = stream.get_ref().1;
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    let suite = session.negotiated_cipher_suite().map(|suite| format!(", {:?}", suite.suite())).unwrap_or_default();
    let alpn = agreed.map_or_else(|| ", no ALPN".to_owned(), |name| format!(", ALPN {name}"));
    format!("{version}{suite}{alpn}")
}

fn facts(chain: &[CertificateDer<'_>]) -> Vec<CertificateFacts> {
    chain.iter().filter_map(|certificate| CertificateFacts::read(certificate)).collect()
}

async fn timed<T>(
    limit: Duration,
    phase: Phase,
    client: Option<&Client>,
    work: impl Future<Output = Result<T, Obstacle>>,
) -> Step<T> {
    let progress = Progress::new();
    if let Some(via) = client.and_then(|client| client.dialer.route().via()) {
        progress.goes_via(&via.name);
    }
    progress.enter(phase);
    let began = Instant::now();
    let outcome = within(Some(limit), &progress, async { work.await.map_err(Obstacle::into_failure) }).await;
    Step { took: began.elapsed(), outcome }
}

fn split<T>(outcome: Result<T, Failure>) -> (Result<(), Failure>, Option<T>) {
    match outcome {
        Ok(found) => (Ok(()), Some(found)),
        Err(failure) => (Err(failure), None),
    }
}

/// A name with more addresses than this is looked at in part.
const MAX_ADDRESSES: usize = 16;
const LATE_AT_LEAST: Duration = Duration::from_millis(100);
const LATE_AT_MOST: Duration = Duration::from_millis(500);
