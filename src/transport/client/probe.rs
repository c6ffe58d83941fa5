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

use super::explain::Speaks;

/// What a port answers to each protocol that it is spoken to in; nothing where it keeps silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faces {
    pub(super) http1: Option<Speaks>,
    pub(super) http2: Option<Speaks>,
    pub(super) tls: Option<Speaks>,
}

/// Looks at `peer`; nothing if it does not show what it speaks.
pub(super) async fn look_at(peer: SocketAddr, authority: &str) -> Option<Speaks> {
    let Faces { http1, http2, tls } = faces(peer, authority).await;
    match (http1, http2, tls) {
        (Some(Speaks::Tls), ..) | (_, _, Some(Speaks::Tls)) => Some(Speaks::Tls),
        (Some(Speaks::Http2), ..) | (_, Some(Speaks::Http2), _) => Some(Speaks::Http2),
        (Some(Speaks::Http1), ..) => Some(Speaks::Http1),
        _ => None,
    }
}

/// Speaks to `peer` in each protocol, over connections of their own, and listens to the first bytes of its answers.
pub(super) async fn faces(peer: SocketAddr, authority: &str) -> Faces {
    let post = format!("POST / HTTP/1.1\r\nhost: {authority}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let hello = client_hello().unwrap_or_default();
    let (http1, http2, tls) = tokio::join!(ask(peer, post.as_bytes()), ask(peer, HTTP2_PREFACE), ask(peer, &hello));
    Faces { http1, http2, tls }
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
