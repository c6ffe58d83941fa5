//! How an exporter keeps its connections: proxies, keepalive pings, balancing and limits.

use std::time::Duration;

use super::{Endpoint, Secret};

/// What the keys of `otlp_grpc` say of its connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrpcLink {
    /// `authority`: who is asked for, where that is not the endpoint.
    pub authority: Option<String>,
    /// `user_agent`
    pub user_agent: Option<String>,
    /// `keepalive`; none.
    pub pings: Option<Pings>,
    /// `balancer_name`; round_robin.
    pub balancer: Balancer,
    /// `wait_for_ready`; false.
    pub readiness: Readiness,
    /// The proxy in front of the endpoint, from the environment.
    pub proxy: Option<Proxy>,
}

/// What the keys of `otlp_http` say of its connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpLink {
    /// `http2_read_idle_timeout` and `http2_ping_timeout`; none.
    pub pings: Option<Pings>,
    /// `force_attempt_http2`; both.
    pub versions: Versions,
    /// `disable_keep_alives`; false.
    pub reuse: Reuse,
    /// `idle_conn_timeout`; 90 s. None where it is written as 0: no limit.
    pub idle_limit: IdleLimit,
    /// The smaller of `max_idle_conns` and `max_idle_conns_per_host`, HTTP/1.1 only; the relay's own bound unless written.
    pub max_idle: Option<usize>,
    /// `max_conns_per_host`: HTTP/1.1 connections in use at a time; no limit.
    pub max_in_use: Option<usize>,
}

/// Pings that tell whether the peer of an HTTP/2 connection is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pings {
    /// A ping is sent when nothing was received for so long.
    pub time: Duration,
    /// The connection is given up when a ping is not answered for so long.
    pub timeout: Duration,
    /// `permit_without_stream`
    pub idle: IdlePings,
}

/// Whether a connection without requests is pinged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdlePings {
    /// It is.
    Sent,
    /// It is not.
    Withheld,
}

/// `balancer_name`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balancer {
    /// `round_robin`: all addresses of the host in turn.
    #[default]
    RoundRobin,
    /// `pick_first`: the first address that answers.
    PickFirst,
}

/// `wait_for_ready`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// An attempt fails as soon as no connection can be made.
    #[default]
    FailFast,
    /// An attempt waits for a connection until its timeout.
    Wait,
}

/// `force_attempt_http2`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// Over TLS what both sides prefer, HTTP/2 first; HTTP/1.1 in plaintext.
    #[default]
    Both,
    /// HTTP/1.1
    Http1,
}

/// `disable_keep_alives`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// Connections are kept for the next request.
    #[default]
    Keep,
    /// Each HTTP/1.1 connection carries one request.
    Never,
}

/// `idle_conn_timeout`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleLimit(pub Option<Duration>);

impl Default for IdleLimit {
    /// As in Go and the Collector.
    fn default() -> IdleLimit {
        IdleLimit(Some(Duration::from_secs(90)))
    }
}

/// A proxy in front of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is. Its text has no user name and no password.
    pub endpoint: Endpoint,
    /// How it is asked.
    pub kind: ProxyKind,
    /// The value of `Proxy-Authorization`, made of user name and password. None for SOCKS.
    pub authorization: Option<Secret>,
    /// Who chose it, for people: `proxy_url`, or `HTTPS_PROXY`.
    pub chosen_by: String,
}

/// The scheme of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// `http://`
    Http,
    /// `https://`: it is asked over TLS.
    Https,
    /// `socks5://` and `socks5h://` (RFC 1928), with the user name and password of RFC 1929. The proxy looks up the name
    /// of the endpoint, as with Go's client.
    Socks5(Option<(String, Secret)>),
}

impl Proxy {
    /// What must not be shown of it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let password = match &self.kind {
            ProxyKind::Socks5(Some((_, password))) => Some(password),
            ProxyKind::Socks5(None) | ProxyKind::Http | ProxyKind::Https => None,
        };
        self.authorization.iter().chain(password)
    }
}
