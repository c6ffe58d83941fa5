//! What a port speaks whose peer closed without a word: a harmless look, over a few short connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::explain::{Speaks, Wire};

/// Looks at `peer`, to whom `wire` was spoken; nothing if it does not show what it speaks.
pub(super) async fn look_at(peer: SocketAddr, authority: &str, wire: Wire) -> Option<Speaks> {
    let Faces { silent, http1, http2, tls } = faces(peer, authority).await;
    // Whoever shakes hands speaks TLS, whatever it says to the others. A port may well speak both kinds of HTTP.
    let (own, other) = match wire {
        Wire::Http1 => (Speaks::Http1, Speaks::Http2),
        Wire::Http2 => (Speaks::Http2, Speaks::Http1),
    };
    for speaks in [Speaks::Tls, own, other, Speaks::Other] {
        if [tls, silent, http1, http2].contains(&Some(speaks)) {
            return Some(speaks);
        }
    }
    None
}

/// What a port answers to each protocol that it is spoken to in; nothing where it keeps silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faces {
    /// To someone who only listens.
    pub(super) silent: Option<Speaks>,
    pub(super) http1: Option<Speaks>,
    pub(super) http2: Option<Speaks>,
    pub(super) tls: Option<Speaks>,
}

/// Speaks to `peer` in each protocol, over connections of their own, and listens to the first bytes of its answers. None
/// carries a header of the configuration, nor data: an export of nothing is a legal request, and is answered as one.
pub(super) async fn faces(peer: SocketAddr, authority: &str) -> Faces {
    let post = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/x-protobuf\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
    );
    let hello = client_hello().unwrap_or_default();
    let (silent, http1, http2, tls) =
        tokio::join!(ask(peer, &[]), ask(peer, post.as_bytes()), ask(peer, HTTP2_PREFACE), ask(peer, &hello));
    Faces { silent, http1, http2, tls }
}

async fn ask(peer: SocketAddr, question: &[u8]) -> Option<Speaks> {
    let exchange = async {
        let mut stream = TcpStream::connect(peer).await?;
        stream.write_all(question).await?;
        let mut first = [0; 24];
        let count = stream.read(&mut first).await?;
        Ok::<_, io::Error>(Speaks::recognise(&first[..count]))
    };
    timeout(LIMIT, exchange).await.ok()?.ok()?
}

/// The first record of a TLS handshake; it is never finished, so nothing has to be trusted.
fn client_hello() -> Option<Vec<u8>> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").ok()?;
    let mut hello = Vec::new();
    rustls::ClientConnection::new(Arc::new(config), name).ok()?.write_tls(&mut hello).ok()?;
    Some(hello)
}

/// RFC 9113, section 3.4, with an empty SETTINGS frame.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const LIMIT: Duration = Duration::from_millis(300);
