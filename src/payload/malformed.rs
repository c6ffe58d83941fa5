//! What is wrong with bytes that are not an OTLP request, and where.

use std::fmt;

use crate::signal::Signal;

/// Why bytes are not an OTLP request: what is wrong, at which byte, and in which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub(super) signal: Signal,
    pub(super) offset: usize,
    pub(super) path: String,
    pub(super) fault: Fault,
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The field number is 0, or the key has more than 32 bits.
    FieldNumber,
    /// Wire types are 0 to 5.
    NoSuchWireType(u8),
    /// The schema wants another one.
    WrongWireType { found: &'static str, wanted: &'static str },
    /// The message ends within an integer.
    CutVarint,
    /// An integer of more than 64 bits.
    LongVarint,
    /// More bytes are announced than the message has left.
    Overrun { announced: u64, left: usize },
    /// A group ends that did not begin.
    StrayEndGroup,
    /// More than 100 levels of messages.
    TooDeep,
    /// An id is there in full or not at all.
    IdLength { found: usize, wanted: usize },
}

impl Malformed {
    /// The offset of the offending field in the uncompressed request, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The offending field by its names in the OTLP schema: `resource_spans.scope_spans.spans.name`. Empty when the
    /// request is broken before its first field can be told.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl std::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an OTLP {} request: at byte {}", self.signal, self.offset)?;
        if !self.path.is_empty() {
            write!(f, " ({})", self.path)?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::FieldNumber => f.write_str("a field number that protobuf does not have"),
            Fault::NoSuchWireType(found) => write!(f, "wire type {found} does not exist in protobuf"),
            Fault::WrongWireType { found, wanted } => write!(f, "this field is {wanted}, but {found} was sent"),
            Fault::CutVarint => f.write_str("the message ends within an integer"),
            Fault::LongVarint => f.write_str("an integer of more than 64 bits"),
            Fault::Overrun { announced, left } => write!(f, "{announced} bytes are announced, but {left} are left"),
            Fault::StrayEndGroup => f.write_str("a group ends that did not begin"),
            Fault::TooDeep => f.write_str("messages are nested more than 100 levels deep"),
            Fault::IdLength { found, wanted } => {
                write!(f, "an id of {found} bytes, where {wanted} or none are allowed")
            }
        }
    }
}
