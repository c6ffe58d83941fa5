//! The way through an HTTP proxy: CONNECT (RFC 9110, section 9.3.6), and what a proxy that refuses it says.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use httparse::Status;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::obstacle::Obstacle;
use crate::config::Proxy;
use crate::failure::{Class, Phase};

/// A proxy in front of one endpoint.
#[derive(Debug)]
pub(super) struct Via {
    /// For people: `the proxy http://proxy:3128 (chosen by HTTPS_PROXY)`.
    pub(super) name: Arc<str>,
    /// The value of `Proxy-Authorization`, marked as a secret.
    pub(super) authorization: Option<HeaderValue>,
    /// Where the tunnel goes: `host:port`.
    target: String,
}

impl Via {
    pub(super) fn new(proxy: &Proxy, target: String) -> Via {
        let name = format!("the proxy {} (chosen by {})", proxy.endpoint.text, proxy.chosen_by).into();
        let authorization = proxy.authorization.as_ref().and_then(|value| {
            let mut value = HeaderValue::from_str(value.reveal()).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Via { name, authorization, target }
    }

    /// Asks the proxy on `stream` for a tunnel; from then on the stream's other end is the target.
    pub(super) async fn open(&self, stream: &mut TcpStream) -> Result<(), Obstacle> {
        match timeout(ANSWER_LIMIT, self.ask(stream)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let text = format!("{} accepts the connection, but never answers CONNECT {}", self.name, self.target);
                Err(Obstacle::new(Class::ProxyUpstreamUnreachable, text))
            }
        }
    }

    async fn ask(&self, stream: &mut TcpStream) -> Result<(), Obstacle> {
        if stream.write_all(&self.request()).await.is_err() {
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
        let body = first_words(stream).await;
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
    async fn read_head(&self, stream: &mut TcpStream) -> Result<Vec<u8>, Obstacle> {
        let mut head = Vec::new();
        let mut seen = [0; 1024];
        loop {
            let count = match stream.peek(&mut seen).await {
                Ok(0) | Err(_) => return Err(self.closed(&head)),
                Ok(count) => count,
            };
            let before = head.len();
            head.extend_from_slice(&seen[..count]);
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let parsed = httparse::Response::new(&mut headers).parse(&head);
            let wanted = match parsed {
                Ok(Status::Complete(len)) => len.saturating_sub(before),
                Ok(Status::Partial) if head.len() < MAX_HEAD => count,
                Ok(Status::Partial) | Err(_) => return Err(self.no_proxy(&head)),
            };
            head.truncate(before + wanted);
            if stream.read_exact(&mut seen[..wanted]).await.is_err() {
                return Err(self.closed(&head));
            }
            if matches!(parsed, Ok(Status::Complete(_))) {
                return Ok(head);
            }
        }
    }

    fn refused(&self, code: u16, head: &httparse::Response<'_, '_>, body: &str) -> Obstacle {
        let reason = head.reason.unwrap_or_default();
        let mut text = format!("{} answers CONNECT {} with {code} {reason}", self.name, self.target);
        for name in ["Server", "Via", "X-Squid-Error", "Proxy-Status"] {
            let values = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            values.for_each(|header| text.push_str(&format!(", {name}: {}", tidy(header.value))));
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
        let scheme = |value: &[u8]| tidy(value).split([' ', ',']).next().unwrap_or_default().to_owned();
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

    fn closed(&self, head: &[u8]) -> Obstacle {
        let when = if head.is_empty() { "without an answer" } else { "in the middle of its answer" };
        let text = format!("{} closed the connection {when} to CONNECT {}", self.name, self.target);
        Obstacle::new(Class::ProxyClosed, text)
    }

    fn no_proxy(&self, bytes: &[u8]) -> Obstacle {
        let text = match bytes {
            [0x15 | 0x16, 0x03, ..] => format!("{} speaks TLS, and is asked in plain HTTP", self.name),
            _ => {
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

/// What the page of a refusal says: its title, or its beginning.
async fn first_words(stream: &mut TcpStream) -> String {
    let mut page = Vec::new();
    let _ = timeout(PAGE_LIMIT, stream.take(MAX_PAGE).read_to_end(&mut page)).await;
    let text = String::from_utf8_lossy(&page);
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    tidy(title.map_or(&*text, |(title, _)| title).as_bytes())
}

/// On one line, cut to a readable length.
fn tidy(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(MAX_CHARS).collect()
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
