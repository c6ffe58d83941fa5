//! How attributes are changed on the wire: everything around them is copied as it is, unknown fields included.

use bytes::Bytes;

use super::around::{Around, Part};
use super::schema::{Kind, MessageType, Role};
use super::wire::{Field, fields, put_prefix};
use super::{Malformed, Payload};

/// Whose attributes are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Resources: a request without any in a place gets one where attributes are added.
    Resources,
    /// Items: spans, data points and log records.
    Items,
}

/// Changes attributes, each an encoded `KeyValue`, of what stands [`Around`] them: answers all of them as they are from now
/// on, or none where nothing changes.
pub type Editor<'a> = dyn FnMut(&Around<'_>, &[&[u8]]) -> Option<Vec<Vec<u8>>> + 'a;

impl Payload {
    /// The same payload with the attributes of `owner` as `editor` leaves them.
    ///
    /// # Errors
    /// When what `editor` answers is no attribute.
    pub fn edited(self, owner: Owner, editor: &mut Editor<'_>) -> Result<Payload, Malformed> {
        let body = self.to_bytes();
        let mut edit = Edit { owner, editor, changed: false, path: Vec::new() };
        let mut out = Vec::with_capacity(body.len() + body.len() / 8);
        edit.message(MessageType::request(self.signal), &body, &mut out);
        if !edit.changed {
            return Ok(self);
        }
        let fresh = Payload::parse(self.signal, Bytes::from(out.into_boxed_slice()))?;
        Ok(Payload { rule: self.rule, holds: self.holds, metadata: self.metadata, ..fresh })
    }
}

struct Edit<'a, 'e, 'b> {
    owner: Owner,
    editor: &'a mut Editor<'e>,
    changed: bool,
    /// The messages around what is edited, innermost last.
    path: Vec<Part<'b>>,
}

impl<'b> Edit<'_, '_, 'b> {
    /// Copies `message`, which leads to items, and changes what is in it.
    fn message(&mut self, kind: MessageType, message: &'b [u8], out: &mut Vec<u8>) {
        self.path.push(Part::new(kind, message));
        self.contents(kind, message, out);
        self.path.pop();
    }

    fn contents(&mut self, kind: MessageType, message: &'b [u8], out: &mut Vec<u8>) {
        let resource = kind.fields().iter().find(|field| field.kind == Kind::Message(MessageType::Resource));
        let resource = resource.filter(|_| self.owner == Owner::Resources);
        // Of one message in several pieces the pieces are joined.
        let mut whole = Vec::new();
        let mut inner = Vec::new();
        for field in fields(message) {
            let row = kind.field(field.number);
            let content = content(&field);
            if let (Some(resource), Some(content)) = (resource, content)
                && resource.number == field.number
            {
                whole.extend_from_slice(content);
                continue;
            }
            let entered = row.and_then(|row| Some((row.role, row.kind.message()?, content?)));
            inner.clear();
            match entered {
                Some((Role::Item, item, content)) if self.owner == Owner::Items => {
                    self.path.push(Part::new(item, content));
                    self.attributes(item, content, &mut inner);
                    self.path.pop();
                }
                // The resource is in front of the scopes: there is nothing below.
                Some((Role::Leads | Role::LeadsAlone, next, content)) if resource.is_none() => {
                    self.message(next, content, &mut inner);
                }
                _ => {
                    out.extend_from_slice(field.whole);
                    continue;
                }
            }
            put_prefix(out, field.number, inner.len() as u64);
            out.extend_from_slice(&inner);
        }
        if let Some(resource) = resource {
            inner.clear();
            self.attributes(MessageType::Resource, &whole, &mut inner);
            if !inner.is_empty() {
                put_prefix(out, resource.number, inner.len() as u64);
                out.extend_from_slice(&inner);
            }
        }
    }

    /// Copies a message that has attributes, and changes them.
    fn attributes(&mut self, kind: MessageType, message: &[u8], out: &mut Vec<u8>) {
        let row = kind.fields().iter().find(|field| field.name == "attributes");
        let Some(number) = row.map(|row| row.number) else { return out.extend_from_slice(message) };
        let one = |field: &Field<'_>| content(field).filter(|_| field.number == number).is_some();
        let known: Vec<&[u8]> = fields(message).filter(one).map(|field| field.content).collect();
        let Some(attributes) = (self.editor)(&Around::new(&self.path), &known) else {
            return out.extend_from_slice(message);
        };
        self.changed = true;
        for field in fields(message).filter(|field| !one(field)) {
            out.extend_from_slice(field.whole);
        }
        for attribute in attributes {
            put_prefix(out, number, attribute.len() as u64);
            out.extend_from_slice(&attribute);
        }
    }
}

/// What is in a field that has a length: another wire type makes it an unknown field, whatever its number.
fn content<'a>(field: &Field<'a>) -> Option<&'a [u8]> {
    const SIZED: u8 = 2;
    field.whole.first().filter(|first| **first & 7 == SIZED).map(|_| field.content)
}
