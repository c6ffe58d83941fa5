//! How the headers of a request become the metadata of its payload, where the receiver is asked to include them.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;

use crate::failure::Failure;
use crate::payload::{Metadata, Payload};
use crate::protocol::Protocol;

use super::OtlpServer;

impl OtlpServer {
    /// `payload` with the headers of the request that it came in. Their memory is accounted for like its own.
    pub(super) fn attach(&self, protocol: Protocol, head: &Parts, payload: Payload) -> Result<Payload, Failure> {
        if !self.settings.includes_metadata(protocol) {
            return Ok(payload);
        }
        let metadata = read(head);
        let hold = self.room.hold(metadata.size())?;
        Ok(payload.with_metadata(Arc::new(metadata)).with_hold(hold))
    }
}

/// All headers, and whom the request was for as `host`, whichever way it says so.
fn read(head: &Parts) -> Metadata {
    let host = head.uri.authority().map(|authority| Cow::Borrowed(authority.as_str()));
    let host = host.or_else(|| head.headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes())));
    let others = head.headers.iter().filter(|(name, _)| *name != HOST);
    let others = others.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
    let all: Vec<(&str, Cow<'_, str>)> = others.chain(host.map(|host| (HOST.as_str(), host))).collect();
    all.iter().map(|(name, value)| (*name, &**value)).collect()
}
