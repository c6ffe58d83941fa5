//! What a client is told of its connections.

use std::sync::Arc;
use std::time::Duration;

use super::TlsClient;
use crate::config::{Balancer, Endpoint, IdleLimit, Pings, Proxy, Reuse};

/// What a client is made of.
#[derive(Debug)]
pub struct ClientSettings {
    /// Where to.
    pub endpoint: Endpoint,
    /// TLS; none means plaintext.
    pub tls: Option<Arc<TlsClient>>,
    /// What to speak.
    pub protocol: Protocol,
    /// The proxy in front of the endpoint.
    pub proxy: Option<Proxy>,
    /// What an `https://` proxy is asked over; none for other proxies.
    pub proxy_tls: Option<Arc<TlsClient>>,
    /// Pings on HTTP/2 connections.
    pub pings: Option<Pings>,
    /// Which of the endpoint's addresses are used.
    pub balancer: Balancer,
    /// What a request does while no connection can be made.
    pub patience: Patience,
    /// How connections are kept.
    pub keep: Keep,
    /// How many bytes of an answer's body are read: 64 KiB, as no OTLP answer is larger.
    pub max_answer: usize,
}

/// Which HTTP a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 and nothing else, as gRPC needs it.
    Http2Only,
    /// HTTP/1.1 and nothing else.
    Http1Only,
    /// HTTP/1.1 in plaintext; over TLS what both sides prefer (ALPN), HTTP/2 first.
    Any,
}

/// What a request does while no connection can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It fails.
    None,
    /// It waits for a connection for so long; without a limit, for ever.
    Wait(Option<Duration>),
}

/// How connections are kept for the next request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// How long a connection may be idle.
    pub idle_limit: IdleLimit,
    /// How many HTTP/1.1 connections may be idle; a bound of the pool's own unless given.
    pub max_idle: Option<usize>,
    /// How many HTTP/1.1 connections may be in use at a time; no limit unless given.
    pub max_in_use: Option<usize>,
    /// Whether an HTTP/1.1 connection is kept at all.
    pub reuse: Reuse,
}

impl ClientSettings {
    /// The usual settings: no proxy, no pings, all addresses, no patience.
    pub fn new(endpoint: Endpoint, tls: Option<Arc<TlsClient>>, protocol: Protocol) -> ClientSettings {
        ClientSettings {
            endpoint,
            tls,
            protocol,
            proxy: None,
            proxy_tls: None,
            pings: None,
            balancer: Balancer::default(),
            patience: Patience::None,
            keep: Keep::default(),
            max_answer: MAX_ANSWER,
        }
    }
}

impl Keep {
    /// The share of one of `workers` pools.
    pub(super) fn share(self, workers: usize) -> Keep {
        Keep { max_idle: self.max_idle.map(|all| all.div_ceil(workers.max(1))), ..self }
    }
}

const MAX_ANSWER: usize = 64 << 10;
