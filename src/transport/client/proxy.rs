//! The way through a proxy: CONNECT (RFC 9110, section 9.3.6), in plain HTTP or over TLS, and what a proxy that refuses it
//! says. Proxies that speak SOCKS are asked in `socks.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use httparse::Status;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::obstacle::Obstacle;
use super::socks::Socks;
use super::tls::{TlsClient, TlsConnector};
use crate::config::{Endpoint, Proxy, ProxyKind, Secret};
use crate::failure::{Class, Mask, Phase};
use crate::transport::Socket;

/// What leads to the endpoint, or to a proxy that is sent whole requests: a socket, or TLS to a proxy.
pub(super) type Carrier = Either<Socket, Box<TlsStream<TcpStream>>>;

/// A proxy in front of one endpoint.
pub(super) struct Via {
    /// For people: `the proxy http://proxy:3128 (chosen by HTTPS_PROXY)`.
    pub(super) name: Arc<str>,
    /// The value of `Proxy-Authorization`, marked as a secret.
    pub(super) authorization: Option<HeaderValue>,
    /// Where the tunnel goes: `host:port`.
    target: String,
    kind: Kind,
    /// What the proxy may say back.
    mask: Mask,
}

/// How the proxy is asked.
enum Kind {
    Http,
    Https(TlsConnector),
    Socks(Socks),
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Via").field("name", &self.name).field("target", &self.target).finish_non_exhaustive()
    }
}

impl Via {
    /// A proxy in front of `endpoint`; `tls` is what an `https://` proxy is asked over.
    pub(super) fn new(proxy: &Proxy, tls: Option<Arc<TlsClient>>, endpoint: &Endpoint) -> Via {
        let name = format!("the proxy {} (chosen by {})", proxy.endpoint.text, proxy.chosen_by).into();
        let authorization = proxy.authorization.as_ref().and_then(|value| {
            let mut value = HeaderValue::from_str(value.reveal()).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let kind = match (&proxy.kind, tls) {
            (ProxyKind::Socks5(login), _) => Kind::Socks(Socks::new(login.clone(), endpoint)),
            (ProxyKind::Https, Some(tls)) => Kind::Https(tls.connector(&[b"http/1.1"])),
            (ProxyKind::Http | ProxyKind::Https, _) => Kind::Http,
        };
        let mask = Mask::new(proxy.secrets().map(Secret::reveal));
        Via { name, authorization, target: endpoint.authority(), kind, mask }
    }

    /// Whether it knows nothing but tunnels.
    pub(super) fn is_socks(&self) -> bool {
        matches!(self.kind, Kind::Socks(_))
    }

    /// Asks the proxy on `stream` for a tunnel: the other end of what comes out is the target.
    pub(super) async fn open(&self, stream: TcpStream) -> Result<Carrier, Obstacle> {
        let asked = async {
            if let Kind::Socks(socks) = &self.kind {
                let stream = socks.open(stream, &self.name, &self.target).await?;
                return Ok(Carrier::Left(Socket::Left(stream)));
            }
            let mut carrier = self.shake(stream).await?;
            self.ask(&mut carrier).await?;
            Ok(carrier)
        };
        match timeout(ANSWER_LIMIT, asked).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let text = format!("{} accepts the connection, but never opens a tunnel to {}", self.name, self.target);
                Err(Obstacle::new(Class::ProxyUpstreamUnreachable, text))
            }
        }
    }

    /// What whole requests are sent on.
    pub(super) async fn greet(&self, stream: TcpStream) -> Result<Carrier, Obstacle> {
        match timeout(ANSWER_LIMIT, self.shake(stream)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let text = format!("{} accepts the connection, but never answers the TLS handshake", self.name);
                Err(Obstacle::new(Class::ProxyUnreachable, text))
            }
        }
    }

    /// The connection to the proxy itself, over TLS where its scheme says so.
    async fn shake(&self, stream: TcpStream) -> Result<Carrier, Obstacle> {
        let Kind::Https(connector) = &self.kind else { return Ok(Carrier::Left(Socket::Left(stream))) };
        match connector.shake(stream).await {
            Ok((stream, _)) => Ok(Carrier::Right(Box::new(stream))),
            Err(obstacle) => {
                let (class, text) = match obstacle.class {
                    Class::TlsToPlaintextPort => {
                        (Class::ProxyProtocolMismatch, format!("{} does not speak TLS: write http://", self.name))
                    }
                    _ => (Class::ProxyUnreachable, format!("{} cannot be asked over TLS", self.name)),
                };
                Err(Obstacle::new(class, text).because(obstacle.into_failure()))
            }
        }
    }

    async fn ask(&self, stream: &mut Carrier) -> Result<(), Obstacle> {
        if stream.write_all(&self.request()).await.is_err() || stream.flush().await.is_err() {
            return Err(self.closed(&[]));
        }
        let bytes = self.read_head(stream).await?;
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let code = match head.parse(&bytes) {
            Ok(Status::Complete(_)) => head.code.unwrap_or_default(),
            _ => return Err(self.no_proxy(&bytes)),
        };
        if (200..300).contains(&code) {
            return Ok(());
        }
        let body = self.first_words(stream).await;
        Err(self.refused(code, &head, &body))
    }

    fn request(&self) -> Vec<u8> {
        let mut request = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", self.target).into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }

    /// The head of the answer and not a byte more: what follows belongs to the target.
    /// It is read byte by byte: what lies behind cannot be put back, and a tunnel is opened once for many requests.
    async fn read_head(&self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Obstacle> {
        let mut head = Vec::new();
        loop {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return Err(self.closed(&head)),
            }
            // What is no answer shows within its first bytes, an end of the head only at the end of a line.
            if MAX_SHOWN < head.len() && !head.ends_with(b"\n") && head.len() < MAX_HEAD {
                continue;
            }
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            match httparse::Response::new(&mut headers).parse(&head) {
                Ok(Status::Complete(_)) => return Ok(head),
                Ok(Status::Partial) if head.len() < MAX_HEAD => {}
                Ok(Status::Partial) | Err(_) => {
                    self.rest(&mut head, stream).await;
                    return Err(self.no_proxy(&head));
                }
            }
        }
    }

    /// What else came at once with something that is no answer, to be shown.
    async fn rest(&self, head: &mut Vec<u8>, stream: &mut (impl AsyncRead + Unpin)) {
        let wanted = MAX_SHOWN.saturating_sub(head.len()) as u64;
        let _ = timeout(PAGE_LIMIT, stream.take(wanted).read_to_end(head)).await;
    }

    fn refused(&self, code: u16, head: &httparse::Response<'_, '_>, body: &str) -> Obstacle {
        let reason = head.reason.unwrap_or_default();
        let reason = self.told(reason.as_bytes());
        let mut text = format!("{} answers CONNECT {} with {code} {reason}", self.name, self.target);
        for name in ["Server", "Via", "X-Squid-Error", "Proxy-Status"] {
            let values = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            values.for_each(|header| text.push_str(&format!(", {name}: {}", self.told(header.value))));
        }
        if !body.is_empty() {
            text.push_str(&format!(": {body}"));
        }
        let class = match code {
            407 => {
                text.push_str(&self.credentials_wanted(head));
                Class::ProxyAuthRequired
            }
            502..=504 => Class::ProxyUpstreamUnreachable,
            _ => Class::ProxyDenied,
        };
        Obstacle::new(class, text)
    }

    /// What a 407 asks for, and what we had.
    fn credentials_wanted(&self, head: &httparse::Response<'_, '_>) -> String {
        let offers = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("Proxy-Authenticate"));
        let scheme = |value: &[u8]| self.told(value).split([' ', ',']).next().unwrap_or_default().to_owned();
        let schemes: Vec<String> = offers.map(|header| scheme(header.value)).collect();
        let had = match &self.authorization {
            Some(_) => "it does not accept the user name and password of its URL",
            None => "its URL has no user name and password",
        };
        match schemes.as_slice() {
            [] => format!("; {had}"),
            schemes => format!("; {had}; it offers {}, and otlp-relay speaks Basic", schemes.join(", ")),
        }
    }

    /// What the page of a refusal says: its title, or its beginning.
    async fn first_words(&self, stream: &mut (impl AsyncRead + Unpin)) -> String {
        let mut page = Vec::new();
        let _ = timeout(PAGE_LIMIT, stream.take(MAX_PAGE).read_to_end(&mut page)).await;
        let text = String::from_utf8_lossy(&page);
        let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        self.told(title.map_or(&*text, |(title, _)| title).as_bytes())
    }

    /// Words of the proxy without what it was told in confidence, on one line, cut to a readable length.
    fn told(&self, bytes: &[u8]) -> String {
        let text = self.mask.clean(String::from_utf8_lossy(bytes).into_owned());
        let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ").chars().take(MAX_CHARS).collect()
    }

    fn closed(&self, head: &[u8]) -> Obstacle {
        let when = if head.is_empty() { "without an answer" } else { "in the middle of its answer" };
        let text = format!("{} closed the connection {when} to CONNECT {}", self.name, self.target);
        Obstacle::new(Class::ProxyClosed, text)
    }

    fn no_proxy(&self, bytes: &[u8]) -> Obstacle {
        let text = match bytes {
            [0x15 | 0x16, 0x03, ..] => format!("{} speaks TLS, and is asked in plain HTTP: write https://", self.name),
            _ => {
                let masked = self.mask.apply_to_bytes(bytes);
                let bytes = masked.as_deref().unwrap_or(bytes);
                let first = bytes.get(..MAX_SHOWN).unwrap_or(bytes).escape_ascii();
                format!("{} does not answer as HTTP proxies do; it begins with \"{first}\"", self.name)
            }
        };
        Obstacle::new(Class::ProxyProtocolMismatch, text)
    }

    /// What an obstacle on the way to the proxy's own address comes to.
    pub(super) fn unreachable(&self, obstacle: Obstacle) -> Obstacle {
        match obstacle.class {
            Class::DnsNotFound
            | Class::DnsTemporaryFailure
            | Class::ConnectionRefused
            | Class::ConnectTimeout
            | Class::NetworkUnreachable
            | Class::HostUnreachable
            | Class::ConnectBlocked
            | Class::ConnectionReset => {
                let text = format!("{} cannot be reached", self.name);
                Obstacle::new(Class::ProxyUnreachable, text).because(obstacle.into_failure())
            }
            _ => obstacle,
        }
    }

    /// What an obstacle comes to that a proxy put there which was sent a request, rather than CONNECT.
    pub(super) fn misspoken(&self, obstacle: Obstacle) -> Obstacle {
        match obstacle.class {
            Class::PlaintextToTlsPort | Class::Http1ToGrpcPort | Class::ProtocolMismatch => {
                let text = format!("{} does not answer as HTTP proxies do", self.name);
                let obstacle = Obstacle::new(Class::ProxyProtocolMismatch, text).because(obstacle.into_failure());
                obstacle.in_phase(Phase::Proxy)
            }
            _ => obstacle,
        }
    }
}

/// No CONNECT takes longer, whatever the exporter's timeout.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// A page is only for people: nobody waits long for it.
const PAGE_LIMIT: Duration = Duration::from_millis(200);
const MAX_PAGE: u64 = 2 << 10;
const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 100;
const MAX_SHOWN: usize = 24;
const MAX_CHARS: usize = 200;
