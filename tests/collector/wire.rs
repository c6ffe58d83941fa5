//! What goes over the wire: requests exactly as they are written, and answers with nothing interpreted that need not be.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::net::local;

/// What came back over HTTP/1.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Sends `request` on a connection of its own; it has to ask for the connection's end.
pub(crate) async fn exchange(port: u16, request: &[u8]) -> Got {
    let mut stream = TcpStream::connect(local(port)).await.expect("connect");
    stream.write_all(request).await.expect("send");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection is not closed after {:?}", String::from_utf8_lossy(&answer));
    let mut rest = &answer[..];
    loop {
        let got = parse(rest).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&answer)));
        if got.status != 100 {
            return got;
        }
        rest = &rest[end_of_head(rest).expect("a head")..];
    }
}

fn parse(answer: &[u8]) -> Option<Got> {
    let end = end_of_head(answer)?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let headers: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let body = match headers.get("transfer-encoding").map(String::as_str) {
        Some("chunked") => joined(&answer[end..])?,
        _ => answer[end..].to_vec(),
    };
    Some(Got { status, headers, body })
}

fn end_of_head(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The content of chunks.
fn joined(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..line]).ok()?.trim(), 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(line + 2..line + 2 + length)?);
        chunks = chunks.get(line + 4 + length..)?;
    }
}
