//! What other ports of an endpoint's machine speak: who is wrong by one port is told the right one.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::Client;
use super::explain::Speaks;
use super::probe::faces;

/// A port beside that of the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its number.
    pub port: u16,
    /// What it was seen to speak; nothing where nobody answers, or nothing that is known.
    pub speaks: Vec<Spoken>,
}

/// What a port speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/2 from the first byte, as gRPC does.
    Http2,
    /// HTTP/1.1
    Http1,
    /// TLS, and below it whatever it may be.
    Tls,
}

impl Client {
    /// What `ports` of the endpoint's machine speak, over short connections that carry neither a header of the
    /// configuration nor data. Behind a proxy, and beside a unix socket, nothing is looked at.
    pub async fn neighbours(&self, ports: &[u16]) -> Vec<Neighbour> {
        if self.dialer.route().is_indirect() {
            return Vec::new();
        }
        let looks =
            ports.iter().map(|port| async move { Neighbour { port: *port, speaks: self.spoken_at(*port).await } });
        join_all(looks).await
    }

    async fn spoken_at(&self, port: u16) -> Vec<Spoken> {
        let addresses = timeout(LOOKUP_LIMIT, self.host.resolve(port)).await;
        let addresses = addresses.ok().and_then(Result::ok).unwrap_or_default();
        let found =
            join_all(addresses.iter().take(MAX_ADDRESSES).map(|address| faces(*address, &self.authority))).await;
        let is_seen = |speaks: Speaks| {
            found.iter().any(|faces| [faces.silent, faces.http1, faces.http2, faces.tls].contains(&Some(speaks)))
        };
        let kinds = [(Speaks::Http2, Spoken::Http2), (Speaks::Http1, Spoken::Http1), (Speaks::Tls, Spoken::Tls)];
        kinds.into_iter().filter(|(speaks, _)| is_seen(*speaks)).map(|(_, spoken)| spoken).collect()
    }
}

/// It was looked up a moment ago.
const LOOKUP_LIMIT: Duration = Duration::from_millis(500);
/// One of each family, as a rule.
const MAX_ADDRESSES: usize = 2;
