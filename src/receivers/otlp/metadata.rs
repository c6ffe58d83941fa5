//! How the headers of a request become the metadata of its payload, where the receiver is asked to include them.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;

use crate::config::ContextFact;
use crate::failure::Failure;
use crate::payload::{Metadata, Payload};
use crate::protocol::Protocol;
use crate::transport::UNIX_PEER;

use super::{OtlpServer, Sign};

impl OtlpServer {
    /// `payload` with what is to be kept of the request that it came in and of who sent it. The memory of that is
    /// accounted for like its own.
    pub(super) fn attach(&self, caller: Caller<'_>, head: &Parts, payload: Payload) -> Result<Payload, Failure> {
        let headers = self.settings.includes_metadata(caller.protocol);
        if !headers && self.settings.facts.is_empty() {
            return Ok(payload);
        }
        let mut metadata = if headers { read(head) } else { Metadata::default() };
        for fact in &self.settings.facts {
            if let Some(value) = self.fact(*fact, caller, head) {
                metadata.add(fact.metadata_name(), &value);
            }
        }
        let hold = self.room.hold(metadata.size())?;
        Ok(payload.with_metadata(Arc::new(metadata)).with_hold(hold))
    }

    fn fact(&self, fact: ContextFact, caller: Caller<'_>, head: &Parts) -> Option<String> {
        match fact {
            // A unix socket has none.
            ContextFact::ClientAddress if caller.peer == UNIX_PEER => None,
            ContextFact::ClientAddress => Some(caller.peer.ip().to_canonical().to_string()),
            ContextFact::UserName => self.settings.gate(caller.sign.protocol())?.user(&head.headers),
        }
    }
}

/// Who sends a request, and how.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    /// Of the port that it came in at.
    pub(super) sign: &'a Sign,
    /// What is spoken there.
    pub(super) protocol: Protocol,
    pub(super) peer: SocketAddr,
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
