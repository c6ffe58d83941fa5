//! Where attributes stand: the messages around them, for those who ask which items they are to change.

use super::schema::{Kind, MessageType};
use super::wire::{Field, fields};

/// The messages around the attributes of an item, from the request inwards; the item itself is the last.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    path: &'a [Part<'a>],
}

/// A message on the wire, or a piece of one.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    kind: MessageType,
    body: &'a [u8],
}

impl<'a> Around<'a> {
    pub(super) fn new(path: &'a [Part<'a>]) -> Around<'a> {
        Around { path }
    }

    /// The message of this type that the item is, or is in.
    pub fn message(&self, kind: MessageType) -> Option<Part<'a>> {
        self.path.iter().rev().find(|part| part.kind == kind).copied()
    }

    /// The messages of this type that stand beside the item, or beside what it is in: its resource or scope, in pieces where
    /// it was sent so.
    pub fn beside(&self, kind: MessageType) -> impl Iterator<Item = Part<'a>> {
        let holder = self.path.iter().rev().find_map(|part| {
            let row = part.kind.fields().iter().find(|field| field.kind == Kind::Message(kind))?;
            Some((*part, row.number))
        });
        let pieces =
            holder.into_iter().flat_map(|(part, number)| fields(part.body).filter(move |field| field.number == number));
        pieces.map(move |field| Part { kind, body: field.content })
    }
}

impl<'a> Part<'a> {
    pub(super) fn new(kind: MessageType, body: &'a [u8]) -> Part<'a> {
        Part { kind, body }
    }

    /// The text in the field of this name; empty where there is none.
    pub fn text(self, name: &str) -> &'a str {
        self.bytes(name).last().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// What is in each field of this name that has a length.
    pub fn bytes(self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.named(name).map(|field| field.content)
    }

    /// The number in the field of this name; 0 where there is none.
    pub fn number(self, name: &str) -> u64 {
        let Some(field) = self.named(name).last() else { return 0 };
        // Behind the key, seven bits to a byte.
        let key = super::wire::varint_len(u64::from(field.number) << 3);
        let digits = field.whole.get(key..).unwrap_or_default().iter().take(10).enumerate();
        digits.fold(0, |number, (index, byte)| {
            number | (u64::from(byte & 0x7f)).checked_shl(7 * index as u32).unwrap_or(0)
        })
    }

    fn named(self, name: &str) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let row = self.kind.fields().iter().find(|field| field.name == name);
        let number = row.map(|row| row.number);
        fields(self.body).filter(move |field| Some(field.number) == number)
    }
}
