//! How a request in the wire format is written as JSON: row by row of the schema, whatever the order of its fields.

use std::borrow::Cow;

use super::number::is_number;
use super::print::{Scalar, print_key};
use crate::payload::schema::{Count, Field, Kind, MessageType, Presence};
use crate::payload::wire::{MAX_DEPTH, Reader, Wire};

/// The JSON of `body`, a well-formed message of type `message`.
pub(super) fn encode(message: MessageType, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_GROWTH * body.len());
    put_message(message, body, &mut out);
    out
}

fn put_message(message: MessageType, body: &[u8], out: &mut Vec<u8>) {
    let survey = Survey::of(message, body);
    let mut separator = b'{';
    for field in message.fields() {
        if let Some(shown) = survey.shown(field) {
            out.push(separator);
            separator = b',';
            print_key(field.name, out);
            match shown {
                Shown::Message(inner, content) => put_message(inner, &content, out),
                Shown::Scalar(scalar) => scalar.print(out),
                Shown::List(reader) => put_list(field, reader, out),
            }
        }
    }
    if separator == b'{' {
        out.push(separator);
    }
    out.push(b'}');
}

fn put_list(field: &Field, mut fields: Reader<'_>, out: &mut Vec<u8>) {
    let mut separator = b'[';
    let mut put = |value: &mut Reader<'_>| {
        out.push(separator);
        separator = b',';
        put_element(field.kind, value, out)
    };
    while fields.at < fields.end {
        let Ok(key) = fields.key() else { break };
        if key.number != field.number {
            let Ok(()) = fields.skip(key, MAX_DEPTH) else { break };
        } else if key.wire == Wire::Sized && is_number(field.kind) {
            let Ok(packed) = fields.sized() else { break };
            let mut values = Reader::new(packed);
            while values.at < values.end && put(&mut values).is_some() {}
        } else if put(&mut fields).is_none() {
            break;
        }
    }
    if separator == b'[' {
        out.push(separator);
    }
    out.push(b']');
}

fn put_element(kind: Kind, value: &mut Reader<'_>, out: &mut Vec<u8>) -> Option<()> {
    match kind {
        Kind::Message(message) => put_message(message, value.sized().ok()?, out),
        _ => Scalar::read(kind, value)?.print(out),
    }
    Some(())
}

/// What JSON shows of a field.
enum Shown<'a> {
    Message(MessageType, Cow<'a, [u8]>),
    Scalar(Scalar<'a>),
    /// The fields from its first value to its last, with others between them.
    List(Reader<'a>),
}

/// Which fields a message has, and where.
struct Survey<'a> {
    body: &'a [u8],
    /// By field number; the schema's are below 32.
    found: [Found; NUMBERS],
}

/// Where the values of one field are.
#[derive(Clone, Copy, Default)]
struct Found {
    count: usize,
    /// Where the key of the first begins.
    first: usize,
    /// Where the last begins, behind its key.
    last: usize,
    end: usize,
}

impl<'a> Survey<'a> {
    fn of(message: MessageType, body: &'a [u8]) -> Survey<'a> {
        let mut survey = Survey { body, found: [Found::default(); NUMBERS] };
        let mut reader = Reader::new(body);
        let mut alternative = 0;
        while reader.at < reader.end {
            let start = reader.at;
            let Ok(key) = reader.key() else { break };
            let last = reader.at;
            let Ok(()) = reader.skip(key, MAX_DEPTH) else { break };
            let Some(field) = message.field(key.number) else { continue };
            let no_numbers = key.wire == Wire::Sized && is_number(field.kind) && is_empty(body, last);
            if no_numbers {
                continue;
            }
            if field.presence == Presence::Alternative && alternative != key.number {
                // Another one takes its place.
                survey.forget(alternative);
                alternative = key.number;
            }
            if let Some(found) = survey.found.get_mut(key.number as usize) {
                let first = if found.count == 0 { start } else { found.first };
                *found = Found { count: found.count + 1, first, last, end: reader.at };
            }
        }
        survey
    }

    fn forget(&mut self, number: u32) {
        if let Some(found) = self.found.get_mut(number as usize) {
            *found = Found::default();
        }
    }

    fn shown(&self, field: &Field) -> Option<Shown<'a>> {
        let found = self.found.get(field.number as usize).copied().unwrap_or_default();
        match (field.kind, found.count) {
            (Kind::Message(message), 0) if field.presence == Presence::Always => {
                Some(Shown::Message(message, Cow::Borrowed(&[])))
            }
            (_, 0) => None,
            _ if field.count == Count::Many => {
                Some(Shown::List(Reader { body: self.body, at: found.first, end: found.end }))
            }
            (Kind::Message(message), _) => Some(Shown::Message(message, self.joined(field.number, found))),
            _ => {
                let mut value = Reader { body: self.body, at: found.last, end: found.end };
                let scalar = Scalar::read(field.kind, &mut value)?;
                let omitted = field.presence == Presence::Implicit && scalar.is_zero();
                (!omitted).then_some(Shown::Scalar(scalar))
            }
        }
    }

    /// The content of a message; one that comes several times is all of them, one after another.
    fn joined(&self, number: u32, found: Found) -> Cow<'a, [u8]> {
        let mut reader = Reader { body: self.body, at: found.last, end: found.end };
        if found.count == 1 {
            return Cow::Borrowed(reader.sized().unwrap_or_default());
        }
        let mut all = Vec::new();
        reader.at = found.first;
        while let Ok(key) = reader.key() {
            if key.number == number {
                all.extend_from_slice(reader.sized().unwrap_or_default());
            } else if reader.skip(key, MAX_DEPTH).is_err() {
                break;
            }
        }
        Cow::Owned(all)
    }
}

/// Whether the length at `at` is zero.
fn is_empty(body: &[u8], at: usize) -> bool {
    Reader { body, at, end: body.len() }.length() == Ok(0)
}

const NUMBERS: usize = 32;

/// JSON is so many times as long as the wire format, as SDKs write it.
const USUAL_GROWTH: usize = 3;
