//! One export request as it came over the wire: validated protobuf bytes that are never decoded on the way through.

mod around;
mod attribute;
mod body;
mod budget;
mod chunk;
mod edit;
mod footprint;
mod holds;
mod json;
mod malformed;
mod marks;
mod metadata;
mod repair;
mod rule;
pub mod schema;
mod split;
mod walk;
mod wire;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use around::{Around, Part};
pub use budget::{Budget, Hold};
pub use edit::{Editor, Owner};
pub use json::{JsonError, MalformedJson};
pub use malformed::Malformed;
pub use marks::{Mark, Marks};
pub use metadata::Metadata;
pub use rule::{Limit, MergeRule, Sizer};

use self::body::Body;
use self::holds::Holds;
use self::schema::MessageType;
use crate::signal::{Merge, Signal};
use crate::units::{ByteCount, Items};

/// One export request. Holding one proves that its body is well-formed OTLP, all the way down. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Payload {
    signal: Signal,
    items: Items,
    /// Unknown fields in the request or in any message of it.
    unknown: u32,
    repaired: u32,
    body: Body,
    rule: Option<Arc<MergeRule>>,
    holds: Option<Arc<Holds>>,
    encoded: Option<Arc<Encoded>>,
    metadata: Option<Arc<Metadata>>,
}

/// A compression that a payload may have come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// RFC 1952
    Gzip,
    /// RFC 8878
    Zstd,
    /// RFC 1950, under this name
    Zlib,
    /// RFC 1950, under the name that HTTP has for it
    Deflate,
    /// One snappy block
    Snappy,
    /// A stream of snappy frames
    SnappyFramed,
    /// LZ4 frames
    Lz4,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Encoding; 7] = [
        Encoding::Gzip,
        Encoding::Zstd,
        Encoding::Zlib,
        Encoding::Deflate,
        Encoding::Snappy,
        Encoding::SnappyFramed,
        Encoding::Lz4,
    ];
}

/// A request's body as it came, compressed.
#[derive(Clone)]
pub struct Encoded {
    /// How it is compressed.
    pub encoding: Encoding,
    /// The compressed bytes.
    pub body: Bytes,
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoded").field("encoding", &self.encoding).field("len", &self.body.len()).finish()
    }
}

impl Payload {
    /// Validates `body`, counts its items, and repairs its strings: what is not UTF-8 becomes U+FFFD.
    ///
    /// `body` should be in an allocation of its own size: it is shared, not copied, and counted by its length.
    ///
    /// # Errors
    ///
    /// When `body` is not a request of `signal`, in whatever depth: a peer would refuse it, and everything it had been
    /// joined with.
    pub fn parse(signal: Signal, body: Bytes) -> Result<Payload, Malformed> {
        let findings = walk::walk(signal, &body)?;
        let body = match findings.broken_texts {
            0 => body,
            _ => repair::repair(MessageType::request(signal), &body).into_boxed_slice().into(),
        };
        Ok(Payload {
            signal,
            items: findings.items,
            unknown: count(findings.unknown),
            repaired: count(findings.broken_texts),
            body: Body::whole(body),
            rule: None,
            holds: None,
            encoded: None,
            metadata: None,
        })
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
    #[allow(clippy::len_without_is_empty)] // `is_vacant` is what callers must ask.
    pub fn len(&self) -> ByteCount {
        ByteCount(self.body.len())
    }

    /// The bytes of requests that it keeps alive: allocations count in full, however little of them it shows.
    pub fn held(&self) -> ByteCount {
        let encoded = self.encoded.as_ref().map_or(0, |encoded| encoded.body.len());
        ByteCount(self.body.held()) + ByteCount::of(encoded)
    }

    /// Whether there is nothing to forward: no known item and no unknown field anywhere.
    pub fn is_vacant(&self) -> bool {
        self.items == Items::ZERO && self.unknown == 0
    }

    /// How many strings had invalid UTF-8 and were repaired.
    pub fn repaired(&self) -> u64 {
        u64::from(self.repaired)
    }

    /// Concatenated they are the protobuf request.
    pub fn chunks(&self) -> &[Bytes] {
        self.body.chunks()
    }

    /// The protobuf request in one piece; shared when it is in one already.
    pub fn to_bytes(&self) -> Bytes {
        self.body.to_bytes()
    }

    /// What its sender said beside it, where the receiver includes that.
    pub fn metadata(&self) -> Option<&Arc<Metadata>> {
        self.metadata.as_ref()
    }

    /// With what its sender said beside it.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Arc<Metadata>) -> Payload {
        self.metadata = Some(metadata);
        self
    }

    /// With this metadata instead of its own.
    #[must_use]
    pub fn with_metadata_only(mut self, metadata: Option<Arc<Metadata>>) -> Payload {
        self.metadata = metadata;
        self
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

    /// Its bytes are accounted for by `hold`, for as long as any copy or part of it lives.
    #[must_use]
    pub fn with_hold(mut self, hold: Hold) -> Payload {
        self.holds = Holds::all(self.holds.into_iter().chain([Holds::one(hold)]));
        self
    }

    /// The compressed body that it came in.
    pub fn encoded(&self) -> Option<&Encoded> {
        self.encoded.as_deref()
    }

    /// It came in this compressed body. Dropped when it was repaired: the compressed body was not.
    #[must_use]
    pub fn with_encoded(mut self, encoded: Encoded) -> Payload {
        self.encoded = Some(encoded).filter(|_| self.repaired == 0).map(Arc::new);
        self
    }

    /// Without the compressed body that it came in: it is compressed anew where it leaves compressed.
    #[must_use]
    pub fn without_encoded(mut self) -> Payload {
        self.encoded = None;
        self
    }

    /// Its size by `sizer`.
    pub fn size(&self, sizer: Sizer) -> u64 {
        match sizer {
            Sizer::Items => self.items.0,
            Sizer::Bytes => self.len().0,
        }
    }

    /// One payload with the items of all `parts`, in their order, and the rule of the first. `None` for no parts.
    ///
    /// The parts share a signal, one that [concatenates](Merge::Concatenates).
    pub fn merge(parts: Vec<Payload>) -> Option<Payload> {
        let first = match &parts[..] {
            [] | [_] => return parts.into_iter().next(),
            [first, ..] => first,
        };
        debug_assert!(parts.iter().all(|part| part.signal == first.signal), "parts of several signals");
        debug_assert_eq!(first.signal.facts().merge, Merge::Concatenates, "{} cannot be joined", first.signal);
        Some(Payload {
            signal: first.signal,
            items: parts.iter().map(Payload::items).sum(),
            unknown: parts.iter().fold(0, |sum, part| sum.saturating_add(part.unknown)),
            repaired: parts.iter().fold(0, |sum, part| sum.saturating_add(part.repaired)),
            body: Body::join(parts.iter().map(|part| &part.body)),
            rule: first.rule.clone(),
            holds: Holds::all(parts.iter().filter_map(|part| part.holds.clone())),
            encoded: None,
            metadata: None,
        })
    }

    /// A head within `limit`, and what is left. The head has at least one item, even if that alone exceeds the limit.
    ///
    /// What is within the limit, has but one item, or is of a signal that [travels whole](Merge::Whole) comes back
    /// as it is. Splitting what is left again and again costs as much as copying the payload once or twice.
    pub fn split(self, limit: Limit) -> (Payload, Option<Payload>) {
        let whole = self.signal.facts().merge == Merge::Whole;
        if whole || self.size(limit.sizer) <= limit.max || self.items <= Items(1) {
            return (self, None);
        }
        let (head, items, rest) = split::split(&self.body, MessageType::request(self.signal), limit);
        let rest = rest.map(|rest| Payload {
            items: self.items - items,
            repaired: 0,
            body: rest,
            rule: self.rule.clone(),
            holds: self.holds.clone(),
            encoded: None,
            metadata: self.metadata.clone(),
            ..self
        });
        let head = Payload { items, body: head, encoded: None, ..self };
        (head, rest)
    }
}

/// Beyond four thousand millions nobody counts.
fn count(found: u64) -> u32 {
    u32::try_from(found).unwrap_or(u32::MAX)
}
