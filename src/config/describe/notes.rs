//! What the decoder learns of the values that it reads: for `print-config`, and for the reference of all keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What the decoder learned of the values that it read, by their paths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// Those that must not be shown.
    pub secrets: BTreeSet<String>,
    /// Those that were read as text, where YAML gives them another type.
    pub texts: BTreeMap<String, String>,
    /// What is of use to who describes the keys and not their values.
    pub learned: Learned,
}

/// What the decoder says of keys, by their paths in Collector notation (`exporters::otlp_grpc::timeout`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Each key that the sections which were read may have, by whatever name, those that are not read included.
    pub asked: BTreeSet<String>,
    /// What each key that was read takes.
    pub kinds: BTreeMap<String, Kind>,
    /// Keys of the Collector that this relay does not read, in the sections that were read.
    pub unread: BTreeMap<String, Unread>,
}

/// What a key takes. Its text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A text that is never shown.
    Secret,
    /// `true` or `false`.
    Boolean,
    /// A whole number from zero.
    Unsigned,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// A time in Go's notation.
    Duration,
    /// One of these words.
    Choice(Vec<&'static str>),
    /// A list.
    List,
    /// A list of texts.
    Words,
}

/// What becomes of a key that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is refused, unless its value asks for nothing.
    Refused,
    /// It is taken where it has one of these values, which is what the relay does anyway.
    Only(&'static [&'static str]),
    /// It is taken, and changes nothing, for this reason.
    NoEffect(&'static str),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Text => f.write_str("text"),
            Kind::Secret => f.write_str("text, secret"),
            Kind::Boolean => f.write_str("true or false"),
            Kind::Unsigned => f.write_str("whole number"),
            Kind::Integer => f.write_str("whole number, also negative"),
            Kind::Float => f.write_str("number"),
            Kind::Duration => f.write_str("duration"),
            Kind::Choice(words) => f.write_str(&words.join(", ")),
            Kind::List => f.write_str("list"),
            Kind::Words => f.write_str("list of texts"),
        }
    }
}
