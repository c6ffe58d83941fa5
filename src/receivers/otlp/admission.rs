//! How a body that was read becomes a payload, or a refusal.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;

use crate::failure::{Class, Failure};
use crate::payload::{Encoded, Encoding, Payload};
use crate::signal::Signal;
use crate::transport::codec::{self, DecodeError};
use crate::units::ByteCount;

use super::body::Held;
use super::format::Format;
use super::refusal::{malformed, too_large};
use super::room::{Room, Share};
use super::{OtlpServer, Sign};
use crate::protocol::{INSTANCE_HEADER, Protocol};

/// What is known of a body that was read whole.
pub(super) struct Arrival {
    pub(super) protocol: Protocol,
    pub(super) signal: Signal,
    pub(super) format: Format,
    pub(super) encoding: Option<Encoding>,
    pub(super) body: Held,
    /// The most that it may be after decompression.
    pub(super) limit: ByteCount,
    pub(super) room: Arc<Room>,
}

impl OtlpServer {
    /// Refuses a request that one of this relay's own exporters sent: it would go round for ever.
    pub(super) fn refuse_own(&self, headers: &HeaderMap) -> Result<(), Failure> {
        match headers.get(INSTANCE_HEADER) {
            Some(instance) if instance.as_bytes() == self.instance.as_bytes() => Err(Failure::new(
                Class::ExportLoop,
                "this relay exports to its own receiver; point the exporter's endpoint at the backend",
            )),
            _ => Ok(()),
        }
    }
}

impl OtlpServer {
    /// Lets a request with these headers in at the port with this `sign`, before anything of its body is read.
    pub(super) async fn admit(
        &self,
        sign: &Sign,
        protocol: Protocol,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Result<(), Failure> {
        let Some(gate) = self.settings.gate(sign.protocol()) else { return Ok(()) };
        let admitted = gate.admit(headers).await;
        admitted.inspect_err(|failure| self.complaints.refused(protocol, peer, failure))
    }
}

impl Arrival {
    /// The payload that it carries. A large one is unpacked beside the worker, whose other connections would wait.
    pub(super) async fn admit(self) -> Result<(Payload, Share), Failure> {
        let quick = self.encoding.is_none() && self.format == Format::Protobuf;
        if quick || self.body.bytes.len() < LARGE {
            return self.unpack();
        }
        let unpacked = tokio::task::spawn_blocking(|| self.unpack()).await;
        unpacked.unwrap_or_else(|_| Err(Failure::new(Class::Panicked, "the unpacking of a request panicked")))
    }

    fn unpack(self) -> Result<(Payload, Share), Failure> {
        let Held { bytes, mut claim } = self.body;
        let no_room = || self.room.used_up();
        let mut grant = |more| claim.grow(more);
        let payload = match self.encoding {
            None => self.format.parse(self.signal, bytes, &mut grant, no_room)?,
            Some(encoding) => {
                let plain = codec::decompress_within(encoding, &bytes, self.limit, &mut grant)
                    .map_err(|error| undecodable(error, self.protocol, &self.room))?;
                let payload = self.format.parse(self.signal, plain, &mut grant, no_room)?;
                match codec::recognize(encoding, &bytes).filter(|_| self.format == Format::Protobuf) {
                    Some(encoding) => payload.with_encoded(Encoded { encoding, body: bytes }),
                    None => payload,
                }
            }
        };
        // What is unpacked may be smaller than was reserved, and what is repaired larger.
        let held = payload.held() + Payload::BESIDE;
        if !claim.grow(held - claim.bytes()) {
            return Err(self.room.used_up());
        }
        claim.shrink_to(held);
        let (hold, share) = claim.divide();
        Ok((payload.with_hold(hold), share))
    }
}

fn undecodable(error: DecodeError, protocol: Protocol, room: &Room) -> Failure {
    match error {
        DecodeError::TooLarge(limit) => too_large(protocol, None, limit),
        DecodeError::NoRoom => room.used_up(),
        corrupt @ DecodeError::Corrupt(..) => malformed("the body cannot be decompressed").because(corrupt),
    }
}

/// Bytes of a compressed body, or of JSON, from which on unpacking takes milliseconds.
const LARGE: usize = 512 << 10;
