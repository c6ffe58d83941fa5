//! How a payload becomes a record and comes back as it was: body, metadata, merge rule.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use prost::Message;

use crate::interface::journal::{Entry, Field, Rule};
use crate::payload::{Malformed, MergeRule, Metadata, Payload, Sizer};
use crate::signal::Signal;

use super::state::Place;

/// What a record counts for, in each of the units that a queue may be bounded by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Thousandths of a request: what a `batch` processor gathers counts as its share of one.
    pub thousandths: u64,
    /// Spans, data points, log records or samples.
    pub items: u64,
    /// Bytes of protobuf.
    pub bytes: u64,
}

impl Weight {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Weight) -> Weight {
        Weight {
            thousandths: self.thousandths.saturating_add(other.thousandths),
            items: self.items.saturating_add(other.items),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// What is left of it without `other`.
    #[must_use]
    pub fn minus(self, other: Weight) -> Weight {
        Weight {
            thousandths: self.thousandths.saturating_sub(other.thousandths),
            items: self.items.saturating_sub(other.items),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    pub(super) fn of(entry: &Entry) -> Weight {
        Weight { thousandths: entry.thousandths, items: entry.items, bytes: entry.body.len() as u64 }
    }
}

/// The record of `payload` without its body.
pub(super) fn head(payload: &Payload, place: &Place, now: u64) -> Entry {
    let fields = payload.metadata().into_iter().flat_map(|metadata| metadata.iter());
    Entry {
        sequence: place.sequence,
        time_unix_nano: now,
        items: payload.items().0,
        thousandths: place.weight.thousandths,
        rule: payload.rule().map(|rule| written(rule)),
        metadata: fields.map(|(name, value)| Field { name: name.to_owned(), value: value.to_owned() }).collect(),
        body: Vec::new(),
        offset: place.offset,
    }
}

/// What stands between the head of a record and its body of `length` bytes, which is the last field.
pub(super) fn body_key(length: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(11);
    prost::encoding::encode_key(BODY, prost::encoding::WireType::LengthDelimited, &mut key);
    prost::encoding::encode_varint(length, &mut key);
    key
}

/// The record in `body`; nothing where it is none.
pub(super) fn read(body: Vec<u8>) -> Option<Entry> {
    // Out of a slice prost copies bytes twice.
    Entry::decode(Bytes::from(body)).ok()
}

/// The payload of `entry`. Its rule is the one in `known` where it is the same.
pub(super) fn payload(signal: Signal, entry: Entry, known: &mut Vec<Arc<MergeRule>>) -> Result<Payload, Malformed> {
    let mut payload = Payload::parse(signal, entry.body.into())?;
    if !entry.metadata.is_empty() {
        let fields = entry.metadata.iter().map(|field| (field.name.as_str(), field.value.as_str()));
        payload = payload.with_metadata(Arc::new(fields.collect::<Metadata>()));
    }
    if let Some(rule) = entry.rule {
        payload = payload.with_rule(shared(meant(rule), known));
    }
    Ok(payload)
}

/// Nanoseconds since 1970; 0 for a clock that is before.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn written(rule: &MergeRule) -> Rule {
    Rule {
        owner: rule.owner.to_string(),
        in_bytes: rule.sizer == Sizer::Bytes,
        min_size: rule.min_size,
        max_size: rule.max_size.unwrap_or(0),
        timeout_nanos: u64::try_from(rule.timeout.as_nanos()).unwrap_or(u64::MAX),
        metadata_keys: rule.metadata_keys.iter().map(|key| key.to_string()).collect(),
    }
}

fn meant(rule: Rule) -> MergeRule {
    MergeRule {
        owner: rule.owner.into(),
        sizer: if rule.in_bytes { Sizer::Bytes } else { Sizer::Items },
        min_size: rule.min_size,
        max_size: Some(rule.max_size).filter(|max| *max != 0),
        timeout: Duration::from_nanos(rule.timeout_nanos),
        metadata_keys: rule.metadata_keys.into_iter().map(String::into_boxed_str).collect(),
    }
}

fn shared(rule: MergeRule, known: &mut Vec<Arc<MergeRule>>) -> Arc<MergeRule> {
    if let Some(known) = known.iter().find(|known| ***known == rule) {
        return Arc::clone(known);
    }
    let rule = Arc::new(rule);
    if known.len() < MOST_RULES {
        known.push(Arc::clone(&rule));
    }
    rule
}

const BODY: u32 = 7;

/// As many as the configurations of a journal's life had pipelines with a batch processor.
const MOST_RULES: usize = 64;
