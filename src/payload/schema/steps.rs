//! What the validating walk does on a key: the schema's rows, turned into tables that are indexed by the key itself.

use super::{Count, Kind, MessageType, Role};
use crate::payload::wire::Wire;

/// What to do with the value behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::payload) enum Step {
    /// No row of the schema has this key: an unknown field, or a known one with another wire type.
    Odd,
    /// One integer.
    Varint,
    /// Four bytes.
    Fixed32,
    /// Eight bytes.
    Fixed64,
    /// UTF-8.
    Text,
    /// Any bytes.
    Bytes,
    /// So many bytes, or none.
    Id(u8),
    /// Integers, one after another.
    PackedVarints,
    /// As many values as fit, each of so many bytes.
    Packed(u8),
    /// A message without items.
    Enter(MessageType),
    /// The same; most of them are short and plain.
    Attribute(MessageType),
    /// A message that is one item.
    Item(MessageType),
    /// A message with the items of its enclosing message; those of another such field are void.
    Alone(MessageType),
}

/// The steps of one message by key; keys of field numbers from 32 on are in no table.
pub(in crate::payload) type Steps = [Step; KEYS];

/// The steps of `message`.
#[inline(always)]
pub(in crate::payload) fn steps(message: MessageType) -> &'static Steps {
    &STEPS[message as usize]
}

const KEYS: usize = 256;
const MESSAGES: usize = MessageType::ALL.len();

/// Indexed by `MessageType as usize`.
static STEPS: [Steps; MESSAGES] = all_steps();

const fn all_steps() -> [Steps; MESSAGES] {
    let mut table = [[Step::Odd; KEYS]; MESSAGES];
    let mut index = 0;
    while index < MESSAGES {
        let message = MessageType::ALL[index];
        table[message as usize] = steps_of(message);
        index += 1;
    }
    table
}

const fn steps_of(message: MessageType) -> Steps {
    let mut steps = [Step::Odd; KEYS];
    let rows = message.fields();
    let mut index = 0;
    while index < rows.len() {
        let field = rows[index];
        let (wire, step) = step_of(field.kind, field.role);
        steps[key(field.number, wire)] = step;
        if let (Count::Many, Some(packed)) = (field.count, packed(step)) {
            steps[key(field.number, Wire::Sized)] = packed;
        }
        index += 1;
    }
    steps
}

const fn step_of(kind: Kind, role: Role) -> (Wire, Step) {
    match kind {
        Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Sint32 | Kind::Enum(_) => {
            (Wire::Varint, Step::Varint)
        }
        Kind::Fixed32 => (Wire::Fixed32, Step::Fixed32),
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => (Wire::Fixed64, Step::Fixed64),
        Kind::String => (Wire::Sized, Step::Text),
        Kind::Bytes => (Wire::Sized, Step::Bytes),
        Kind::Id16 => (Wire::Sized, Step::Id(16)),
        Kind::Id8 => (Wire::Sized, Step::Id(8)),
        Kind::Message(message @ MessageType::KeyValue) => (Wire::Sized, Step::Attribute(message)),
        Kind::Message(message) => match role {
            Role::Header | Role::Leads => (Wire::Sized, Step::Enter(message)),
            Role::LeadsAlone => (Wire::Sized, Step::Alone(message)),
            Role::Item => (Wire::Sized, Step::Item(message)),
        },
    }
}

const fn packed(step: Step) -> Option<Step> {
    match step {
        Step::Varint => Some(Step::PackedVarints),
        Step::Fixed32 => Some(Step::Packed(4)),
        Step::Fixed64 => Some(Step::Packed(8)),
        _ => None,
    }
}

/// Field numbers of OTLP are below 32: a greater one would not compile here.
const fn key(number: u32, wire: Wire) -> usize {
    (number << 3 | wire.bits()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_packed_only_where_there_are_many() {
        let buckets = steps(MessageType::HistogramDataPoint);
        assert_eq!(buckets[key(6, Wire::Fixed64)], Step::Fixed64);
        assert_eq!(buckets[key(6, Wire::Sized)], Step::Packed(8));
        assert_eq!(buckets[key(4, Wire::Sized)], Step::Odd);
    }
}
