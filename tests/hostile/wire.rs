//! What can be said to a server that no client would say? HTTP/1.1 and HTTP/2, byte by byte.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::export::Signal;
use crate::support::net::local;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection; none where the relay takes none at the moment.
pub(crate) async fn connect(port: u16) -> Option<TcpStream> {
    let connected = tokio::time::timeout(Duration::from_secs(2), TcpStream::connect(local(port))).await;
    match connected {
        Ok(Ok(stream)) => Some(stream),
        _ => {
            // Whoever fails must not spin.
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
    }
}

/// A connection that speaks HTTP/2, with these settings.
pub(crate) async fn connect_http2(port: u16, settings: &[(u16, u32)]) -> Option<TcpStream> {
    let mut stream = connect(port).await?;
    let values = settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &values.collect::<Vec<u8>>())].concat();
    stream.write_all(&hello).await.ok()?;
    Some(stream)
}

/// Writes `bytes` unless the peer does not take them before `until`; false when the connection is of no use any more.
pub(crate) async fn push(stream: &mut TcpStream, bytes: &[u8], until: Instant) -> bool {
    matches!(tokio::time::timeout_at(until.into(), stream.write_all(bytes)).await, Ok(Ok(())))
}

/// Reads what comes until the peer hangs up, or `limit` is over.
pub(crate) async fn read_all(stream: &mut TcpStream, limit: Duration) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = tokio::time::timeout(limit, stream.read_to_end(&mut all)).await;
    all
}

/// A frame (RFC 9113, section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header block of an export call, with these headers more.
pub(crate) fn call_block(more: &[(&str, &str)]) -> Vec<u8> {
    let own = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", Signal::Traces.method()),
        (":authority", "relay"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    own.iter().chain(more).flat_map(|(name, value)| literal(name, value)).collect()
}

/// A header without compression (RFC 7541, section 6.2.2).
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    [vec![0], text(name), text(value)].concat()
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut left = text.len();
    if left < 127 {
        bytes.push(left as u8);
    } else {
        bytes.push(127);
        left -= 127;
        while 128 <= left {
            bytes.push((left % 128 + 128) as u8);
            left /= 128;
        }
        bytes.push(left as u8);
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// An HTTP/1.1 request for traces with these lines in its head.
pub(crate) fn post(lines: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = "POST /v1/traces HTTP/1.1\r\nhost: relay\r\ncontent-type: application/x-protobuf\r\n".to_owned();
    for line in lines {
        head.push_str(line);
        head.push_str("\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// The statuses of the HTTP/1.1 answers in `bytes`, in their order.
pub(crate) fn statuses(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    text.match_indices("HTTP/1.1 ").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok()).collect()
}
