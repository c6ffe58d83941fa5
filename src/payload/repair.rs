//! A request with its invalid UTF-8 replaced, for peers that would refuse the whole of it for one bad byte.

use super::schema::{MessageType, Step, steps};
use super::wire::{MAX_DEPTH, Reader, Wire, put_varint, varint_len};

/// `body`, a well-formed request but for its strings, with each invalid part of a string replaced by U+FFFD.
///
/// Memory: the result, and no more; a length that outgrows its prefix moves the message behind it, which can
/// happen once per level.
pub(super) fn repair(request: MessageType, body: &[u8]) -> Vec<u8> {
    let mut repair = Repair { reader: Reader::new(body), message: request, out: Vec::new(), open: Vec::new() };
    repair.out.reserve(body.len() + body.len() / 8);
    while repair.step().is_some() {}
    repair.out
}

struct Repair<'a> {
    reader: Reader<'a>,
    message: MessageType,
    out: Vec<u8>,
    /// The messages around the current one, outermost first.
    open: Vec<Open>,
}

/// A message whose length is not known yet.
struct Open {
    /// The message around it, and the end of that.
    outer: (MessageType, usize),
    /// Where its length was read from, and how many bytes that took.
    old_length: usize,
    old_prefix: usize,
    /// Where its length was written to.
    prefix_at: usize,
}

impl Repair<'_> {
    /// Copies one field, or ends a message; nothing at the end of the request.
    fn step(&mut self) -> Option<()> {
        if self.reader.at == self.reader.end {
            let ended = self.open.pop()?;
            self.end(&ended);
            return Some(());
        }
        let start = self.reader.at;
        let key = self.reader.key().ok()?;
        let raw = (key.number as usize) << 3 | key.wire.bits() as usize;
        match steps(self.message).get(raw) {
            Some(&(Step::Enter(inner) | Step::Attribute(inner) | Step::Item(inner) | Step::Alone(inner))) => {
                self.begin(start, inner)
            }
            Some(Step::Text) => self.text(start),
            _ if key.wire == Wire::Sized => {
                self.reader.sized().ok()?;
                self.copy(start)
            }
            _ => {
                self.reader.skip(key, MAX_DEPTH).ok()?;
                self.copy(start)
            }
        }
    }

    fn begin(&mut self, start: usize, inner: MessageType) -> Option<()> {
        let length_at = self.reader.at;
        let old_length = self.reader.length().ok()?;
        let old_prefix = self.reader.at - length_at;
        self.copy(start)?;
        let outer = (self.message, self.reader.end);
        self.open.push(Open { outer, old_length, old_prefix, prefix_at: self.out.len() - old_prefix });
        self.message = inner;
        self.reader.end = self.reader.at + old_length;
        Some(())
    }

    fn end(&mut self, ended: &Open) {
        (self.message, self.reader.end) = ended.outer;
        let content_at = ended.prefix_at + ended.old_prefix;
        let length = self.out.len() - content_at;
        if length != ended.old_length {
            let mut prefix = Vec::with_capacity(varint_len(length as u64));
            put_varint(&mut prefix, length as u64);
            self.out.splice(ended.prefix_at..content_at, prefix);
        }
    }

    fn text(&mut self, start: usize) -> Option<()> {
        let length_at = self.reader.at;
        let text = self.reader.sized().ok()?;
        if std::str::from_utf8(text).is_ok() {
            return self.copy(start);
        }
        self.out.extend_from_slice(self.reader.body.get(start..length_at)?);
        let length: usize = text.utf8_chunks().map(|part| part.valid().len() + replacement(part.invalid()).len()).sum();
        put_varint(&mut self.out, length as u64);
        for part in text.utf8_chunks() {
            self.out.extend_from_slice(part.valid().as_bytes());
            self.out.extend_from_slice(replacement(part.invalid()).as_bytes());
        }
        Some(())
    }

    /// Copies what was read since `start`.
    fn copy(&mut self, start: usize) -> Option<()> {
        self.out.extend_from_slice(self.reader.body.get(start..self.reader.at)?);
        Some(())
    }
}

fn replacement(invalid: &[u8]) -> &'static str {
    if invalid.is_empty() { "" } else { "\u{fffd}" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_grow_with_their_strings() {
        // resource_spans { schema_url: 60 invalid bytes }: 62 bytes become 182, and the prefix one byte longer.
        let mut body = vec![0x0a, 62, 0x1a, 60];
        body.extend([0xff; 60]);
        let mut repaired = vec![0x0a, 0xb7, 0x01, 0x1a, 0xb4, 0x01];
        repaired.extend("\u{fffd}".repeat(60).as_bytes());
        assert_eq!(repair(MessageType::ExportTraceServiceRequest, &body), repaired);
    }
}
