//! Are these bytes a request of this signal, all the way down, and how many items has it?
//!
//! Accepts exactly what prost would decode into the types of `opentelemetry-proto` once invalid UTF-8 is repaired,
//! except ids of a length that no backend takes. Each occurrence of an id counts, as in the Collector: prost would
//! see only the last of several. No recursion, no allocation; the tables are in `schema`.

use super::attribute::{self, is_ascii};
use super::malformed::{Fault, Malformed};
use super::schema::{Kind, MessageType, Step, steps};
use super::wire::{Key, MAX_DEPTH, Reader, Wire};
use crate::signal::Signal;
use crate::units::Items;

/// What a walk has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// How many spans, data points, log records or samples.
    pub(super) items: Items,
    /// How many fields of the schema's messages the schema does not know.
    pub(super) unknown: u64,
    /// How many strings have invalid UTF-8.
    pub(super) broken_texts: u64,
}

/// Walks through all of `body`.
pub(super) fn walk(signal: Signal, body: &[u8]) -> Result<Findings, Malformed> {
    let mut walk = Walk::new(MessageType::request(signal), body.len());
    match walk.run(Reader::new(body)) {
        Ok(()) => Ok(walk.findings),
        Err(fault) => Err(walk.explain(signal, body, fault)),
    }
}

struct Walk {
    message: MessageType,
    /// Where the current message ends.
    end: usize,
    /// The messages around the current one, outermost first.
    around: [Frame; MAX_DEPTH],
    depth: usize,
    /// Where the current field begins.
    field_at: usize,
    alternative: Alternative,
    findings: Findings,
}

/// What to go back to when a message ends.
#[derive(Clone, Copy)]
struct Frame {
    message: MessageType,
    end: usize,
    /// The field that the inner message is the value of, to tell where an error is.
    field: u8,
}

/// Which of a metric's alternatives has the data points counted last, and how many items there were before the metric.
/// Metrics are never within metrics, so one of these is enough.
#[derive(Clone, Copy, Default)]
struct Alternative {
    field: u8,
    items_before: Items,
}

impl Walk {
    fn new(message: MessageType, end: usize) -> Walk {
        Walk {
            message,
            end,
            around: [Frame { message, end, field: 0 }; MAX_DEPTH],
            depth: 0,
            field_at: 0,
            alternative: Alternative::default(),
            findings: Findings::default(),
        }
    }

    fn run(&mut self, mut reader: Reader<'_>) -> Result<(), Fault> {
        let mut table = steps(self.message);
        loop {
            while reader.at == reader.end {
                if self.depth == 0 {
                    return Ok(());
                }
                reader.end = self.leave();
                table = steps(self.message);
            }
            self.field_at = reader.at;
            let key = reader.raw_key()?;
            let step = usize::try_from(key).ok().and_then(|key| table.get(key)).copied().unwrap_or(Step::Odd);
            match step {
                Step::Varint => drop(reader.varint()?),
                Step::Fixed64 => reader.advance(8)?,
                Step::Fixed32 => reader.advance(4)?,
                Step::Text => self.text(reader.sized()?),
                Step::Bytes => drop(reader.sized()?),
                Step::Id(wanted) => id(reader.sized()?, usize::from(wanted))?,
                Step::PackedVarints => reader.at = packed_varints(reader)?,
                Step::Packed(width) => packed(reader.sized()?, usize::from(width))?,
                Step::Odd => reader.at = self.odd(reader, key)?,
                Step::Enter(message) | Step::Item(message) | Step::Alone(message) | Step::Attribute(message) => {
                    if let Step::Attribute(_) = step
                        && self.depth + ATTRIBUTE_DEPTH <= MAX_DEPTH
                    {
                        let plain = attribute::plain_run(reader.from(self.field_at), key as u8);
                        if 0 < plain {
                            reader.at = self.field_at + plain;
                            continue;
                        }
                    }
                    let length = reader.length()?;
                    reader.end = reader.at + length;
                    self.enter((key >> 3) as u8, message, reader.end)?;
                    self.count(step);
                    table = steps(message);
                }
            }
        }
    }

    #[inline(always)]
    fn text(&mut self, text: &[u8]) {
        if !is_ascii(text) && std::str::from_utf8(text).is_err() {
            self.findings.broken_texts += 1;
        }
    }

    /// Goes into a message. Field numbers in the tables are below 32.
    #[inline(always)]
    fn enter(&mut self, field: u8, message: MessageType, end: usize) -> Result<(), Fault> {
        let frame = Frame { message: self.message, end: self.end, field };
        *self.around.get_mut(self.depth).ok_or(Fault::TooDeep)? = frame;
        self.depth += 1;
        (self.message, self.end) = (message, end);
        Ok(())
    }

    /// Goes back to the message around, and tells its end.
    #[inline(always)]
    fn leave(&mut self) -> usize {
        self.depth -= 1;
        if let Some(frame) = self.around.get(self.depth) {
            (self.message, self.end) = (frame.message, frame.end);
        }
        self.end
    }

    /// Counts the message that was just entered.
    #[inline(always)]
    fn count(&mut self, step: Step) {
        match step {
            Step::Item(_) => self.findings.items += Items(1),
            Step::Enter(MessageType::Metric) => {
                self.alternative = Alternative { field: 0, items_before: self.findings.items };
            }
            Step::Alone(_) => self.choose(),
            _ => {}
        }
    }

    /// Of several alternatives of a `oneof` the last is decoded; those of one kind that follow one another are merged.
    fn choose(&mut self) {
        let field = self.around.get(self.depth - 1).map_or(0, |frame| frame.field);
        if self.alternative.field != field {
            self.alternative.field = field;
            self.findings.items = self.alternative.items_before;
        }
    }

    /// A key that is in no table; tells where its value ends.
    #[cold]
    fn odd(&mut self, mut reader: Reader<'_>, raw: u64) -> Result<usize, Fault> {
        let key = Key::from_raw(raw)?;
        if let Some(field) = self.message.field(key.number) {
            return Err(Fault::WrongWireType { found: wire_words(key.wire), wanted: kind_words(field.kind) });
        }
        self.findings.unknown += 1;
        reader.skip(key, MAX_DEPTH - self.depth)?;
        Ok(reader.at)
    }

    #[cold]
    fn explain(&self, signal: Signal, body: &[u8], fault: Fault) -> Malformed {
        let frames = self.around.iter().take(self.depth).map(|frame| (frame.message, u32::from(frame.field)));
        let mut reader = Reader { body, at: self.field_at, end: self.end };
        let number = reader.raw_key().ok().map(|raw| (self.message, (raw >> 3) as u32));
        let path: Vec<String> = frames.chain(number).map(|(message, number)| field_name(message, number)).collect();
        Malformed { signal, offset: self.field_at, path: path.join("."), fault }
    }
}

#[inline(always)]
fn id(id: &[u8], wanted: usize) -> Result<(), Fault> {
    let found = id.len();
    if found == wanted || found == 0 { Ok(()) } else { Err(Fault::IdLength { found, wanted }) }
}

fn packed(values: &[u8], width: usize) -> Result<(), Fault> {
    match values.len() % width {
        0 => Ok(()),
        left => Err(Fault::Overrun { announced: width as u64, left }),
    }
}

/// Tells where the integers end.
fn packed_varints(mut reader: Reader<'_>) -> Result<usize, Fault> {
    let length = reader.length()?;
    reader.end = reader.at + length;
    while reader.at < reader.end {
        reader.varint()?;
    }
    Ok(reader.end)
}

fn field_name(message: MessageType, number: u32) -> String {
    message.field(number).map_or_else(|| format!("field {number}"), |field| field.name.to_owned())
}

/// How many levels an attribute with a plain value opens.
const ATTRIBUTE_DEPTH: usize = 2;

fn wire_words(wire: Wire) -> &'static str {
    match wire {
        Wire::Varint => "an integer",
        Wire::Fixed64 => "an 8-byte value",
        Wire::Sized => "a length and bytes",
        Wire::StartGroup => "the start of a group",
        Wire::EndGroup => "the end of a group",
        Wire::Fixed32 => "a 4-byte value",
    }
}

fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "a boolean",
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Sint32 => "an integer",
        Kind::Enum(_) => "an enumeration",
        Kind::Fixed32 => "a 4-byte value",
        Kind::Fixed64 | Kind::Sfixed64 => "an 8-byte value",
        Kind::Double => "a floating-point number",
        Kind::String => "a string",
        Kind::Bytes => "a byte string",
        Kind::Id16 | Kind::Id8 => "an id",
        Kind::Message(_) => "a message",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(signal: Signal, body: &[u8], expected: &str) {
        assert_eq!(walk(signal, body).unwrap_err().to_string(), expected);
    }

    #[test]
    fn an_error_says_where_it_is_and_what_is_wrong() {
        // resource_spans { scope_spans { spans { name: 300 bytes of 1 } } }
        let cut = [0x0a, 8, 0x12, 6, 0x12, 4, 0x2a, 0xac, 0x02, b'x'];
        check(
            Signal::Traces,
            &cut,
            "not an OTLP traces request: at byte 6 (resource_spans.scope_spans.spans.name): \
             300 bytes are announced, but 1 are left",
        );
        check(
            Signal::Logs,
            &[0x0a, 2, 0x08, 1],
            "not an OTLP logs request: at byte 2 (resource_logs.resource): this field is a message, but an integer was sent",
        );
        check(
            Signal::Traces,
            &[0x0a, 8, 0x12, 6, 0x12, 4, 0x0a, 2, 1, 2],
            "not an OTLP traces request: at byte 6 (resource_spans.scope_spans.spans.trace_id): \
             an id of 2 bytes, where 16 or none are allowed",
        );
        check(Signal::Metrics, &[0x80], "not an OTLP metrics request: at byte 0: the message ends within an integer");
    }
}
