//! How does an item cost next to nothing? A request is encoded once; what differs from one to the next is written over.
//!
//! Ids and times have a fixed width. A sequence has not, so a template serves all sequences of one width, and is encoded
//! anew when they grow by a digit: requests are what an encoder would have made of them, to the byte.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::shape::{self, END, Order, SPAN_ID, START, TRACE_ID, mix};
use crate::payload::Payload;
use crate::signal::Signal;
use crate::tools::sequence::SEQUENCE;

/// How requests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Binary protobuf.
    Protobuf,
    /// OTLP/JSON.
    Json,
}

/// What all requests of a run have in common.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// The run that items belong to.
    pub(super) run: String,
    /// A number of the run, from which ids are made.
    pub(super) seed: u64,
    /// When it began, in nanoseconds since 1970.
    pub(super) began: u64,
    pub(super) format: Format,
    /// The length of an additional attribute; 0 for none.
    pub(super) attribute_size: usize,
}

/// Requests of one signal, for one thread.
#[derive(Debug)]
pub(super) struct Stock {
    signal: Signal,
    style: Style,
    turn: usize,
    variants: Vec<Variant>,
}

/// A request that is ready to be sent. Give it back to its stock when it is.
#[derive(Clone, Debug)]
pub(super) struct Filled {
    /// The request, uncompressed.
    pub(super) message: Bytes,
    variant: usize,
    /// The template that it is made of; nothing for one that is used once.
    template: Option<u64>,
}

#[derive(Debug, Default)]
struct Variant {
    template: Option<Template>,
    /// Counts the templates.
    age: u64,
    /// Requests of the template that are not in use.
    spare: Vec<Bytes>,
}

#[derive(Debug)]
struct Template {
    message: Bytes,
    places: Places,
    items: u64,
    /// Of the first and of the last sequence in it.
    widths: (usize, usize),
}

/// Where in a request there is something to write over.
#[derive(Debug)]
struct Places {
    trace_ids: Vec<usize>,
    span_ids: Vec<usize>,
    starts: Vec<usize>,
    ends: Vec<usize>,
    sequences: Vec<usize>,
}

impl Stock {
    /// Requests of `signal`, most of which have `items` items.
    pub(super) fn new(signal: Signal, style: Style, items: u64) -> Stock {
        // Small requests would otherwise be of one kind for ever.
        let variants = usize::try_from(KINDS.div_ceil(items.max(1))).unwrap_or(1);
        Stock { signal, style, turn: 0, variants: (0..variants).map(|_| Variant::default()).collect() }
    }

    /// A request with one item for each of `sequences`, of the time `now` in nanoseconds since 1970. Nothing for a signal
    /// that there are no shapes for.
    pub(super) fn fill(&mut self, sequences: Range<u64>, now: u64) -> Option<Filled> {
        let Stock { signal, style, turn, variants } = self;
        *turn = turn.wrapping_add(1);
        let at = *turn % variants.len();
        let variant = variants.get_mut(at)?;
        let first = u64::try_from(at).unwrap_or(0) * (sequences.end - sequences.start);
        if !variant.template.as_ref().is_some_and(|template| template.serves(&sequences, style.format)) {
            let template = Template::new(*signal, style, &sequences, first)?;
            if template.widths.0 != template.widths.1 {
                let mut message = BytesMut::from(&template.message[..]);
                template.write(&mut message, style, &sequences, now);
                return Some(Filled { message: message.freeze(), variant: at, template: None });
            }
            variant.template = Some(template);
            variant.age += 1;
            variant.spare.clear();
        }
        let template = variant.template.as_ref()?;
        let spare = variant.spare.pop().and_then(|spare| spare.try_into_mut().ok());
        let mut message = spare.unwrap_or_else(|| BytesMut::from(&template.message[..]));
        template.write(&mut message, style, &sequences, now);
        Some(Filled { message: message.freeze(), variant: at, template: Some(variant.age) })
    }

    /// Takes the memory of a request back that nobody needs any more.
    pub(super) fn give_back(&mut self, filled: Filled) {
        if let Some(variant) = self.variants.get_mut(filled.variant)
            && filled.template == Some(variant.age)
        {
            variant.spare.push(filled.message);
        }
    }
}

impl Template {
    fn new(signal: Signal, style: &Style, sequences: &Range<u64>, variant: u64) -> Option<Template> {
        let order = Order {
            run: &style.run,
            sequences: sequences.clone(),
            variant,
            began: style.began,
            attribute_size: style.attribute_size,
        };
        let encoded = Bytes::from(shape::request(signal, &order)?);
        let message = match style.format {
            Format::Protobuf => encoded,
            Format::Json => Payload::parse(signal, encoded).ok()?.to_json(),
        };
        let places = Places::find(&message, style.format);
        Some(Template { message, places, items: count(sequences), widths: widths(style.format, sequences) })
    }

    /// Whether requests with `sequences` differ from it in nothing but what is written over.
    fn serves(&self, sequences: &Range<u64>, format: Format) -> bool {
        self.items == count(sequences) && self.widths == widths(format, sequences)
    }

    /// Writes everything that differs. Where sequences of several widths are mixed they stay as they were encoded.
    fn write(&self, message: &mut BytesMut, style: &Style, sequences: &Range<u64>, now: u64) {
        let Places { trace_ids, span_ids, starts, ends, sequences: numbers } = &self.places;
        let format = style.format;
        for (at, sequence) in trace_ids.iter().zip(sequences.clone()) {
            let low = mix(style.seed.wrapping_add(sequence));
            format.put_id(message, *at, &[style.seed.to_be_bytes(), low.to_be_bytes()]);
        }
        for (at, sequence) in span_ids.iter().zip(sequences.clone()) {
            format.put_id(message, *at, &[mix(style.seed.rotate_left(32).wrapping_add(sequence)).to_be_bytes()]);
        }
        for (at, number) in starts.iter().zip(0..) {
            format.put_time(message, *at, now.saturating_sub(length(number)));
        }
        for at in ends {
            format.put_time(message, *at, now);
        }
        if self.widths.0 == self.widths.1 {
            for (at, sequence) in numbers.iter().zip(sequences.clone()) {
                format.put_sequence(message, *at, self.widths.0, sequence);
            }
        }
    }
}

impl Places {
    fn find(message: &[u8], format: Format) -> Places {
        Places {
            trace_ids: find(message, &format.id(&TRACE_ID)).collect(),
            span_ids: find(message, &format.id(&SPAN_ID)).collect(),
            starts: find(message, &format.time(START)).collect(),
            ends: find(message, &format.time(END)).collect(),
            sequences: format.sequences(message),
        }
    }
}

impl Format {
    fn id(self, id: &[u8]) -> Vec<u8> {
        match self {
            Format::Protobuf => id.to_vec(),
            Format::Json => id.iter().flat_map(|byte| hex(*byte)).collect(),
        }
    }

    fn time(self, nanos: u64) -> Vec<u8> {
        match self {
            Format::Protobuf => nanos.to_le_bytes().to_vec(),
            Format::Json => nanos.to_string().into_bytes(),
        }
    }

    /// Where the numbers of the sequence attributes begin.
    fn sequences(self, message: &[u8]) -> Vec<usize> {
        let (key, gap) = match self {
            // Behind the key: the value's tag and length, and the tag of its `int_value`.
            Format::Protobuf => (SEQUENCE.to_owned(), 3),
            Format::Json => (format!("\"{SEQUENCE}\",\"value\":{{\"intValue\":\""), 0),
        };
        find(message, key.as_bytes()).map(|at| at + key.len() + gap).collect()
    }

    /// How many bytes `number` takes as an int value.
    fn width(self, number: u64) -> usize {
        let width = match self {
            Format::Protobuf => (u64::BITS - number.leading_zeros()).div_ceil(7).max(1),
            Format::Json => number.checked_ilog10().unwrap_or(0) + 1,
        };
        width as usize
    }

    fn put_id(self, message: &mut [u8], at: usize, id: &[[u8; 8]]) {
        let bytes = id.iter().flatten();
        match self {
            Format::Protobuf => put(message, at, bytes.copied()),
            Format::Json => put(message, at, bytes.flat_map(|byte| hex(*byte))),
        }
    }

    fn put_time(self, message: &mut [u8], at: usize, nanos: u64) {
        match self {
            Format::Protobuf => put(message, at, nanos.to_le_bytes().into_iter()),
            Format::Json => put(message, at, digits(nanos, TIME_DIGITS)),
        }
    }

    fn put_sequence(self, message: &mut [u8], at: usize, width: usize, number: u64) {
        match self {
            Format::Protobuf => {
                let byte = |place: usize| {
                    let more = if place + 1 < width { 0x80 } else { 0 };
                    (number >> (7 * place)) as u8 & 0x7f | more
                };
                put(message, at, (0..width).map(byte));
            }
            Format::Json => put(message, at, digits(number, width)),
        }
    }
}

fn put(message: &mut [u8], at: usize, bytes: impl Iterator<Item = u8>) {
    for (place, byte) in message.get_mut(at..).unwrap_or_default().iter_mut().zip(bytes) {
        *place = byte;
    }
}

/// The last `width` decimal digits of `number`.
fn digits(number: u64, width: usize) -> impl Iterator<Item = u8> {
    let mut power = u32::try_from(width).ok().and_then(|width| 10_u64.checked_pow(width)).unwrap_or(0);
    (0..width).map(move |_| {
        power = if power == 0 { 10_u64.pow(19) } else { power / 10 };
        b'0' + (number / power.max(1) % 10) as u8
    })
}

fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Where `needle` stands in `message`.
fn find<'m>(message: &'m [u8], needle: &'m [u8]) -> impl Iterator<Item = usize> + 'm {
    let windows = message.windows(needle.len().max(1)).enumerate();
    windows.filter(move |(_, window)| window.first() == needle.first() && *window == needle).map(|(at, _)| at)
}

fn count(sequences: &Range<u64>) -> u64 {
    sequences.end.saturating_sub(sequences.start)
}

fn widths(format: Format, sequences: &Range<u64>) -> (usize, usize) {
    (format.width(sequences.start), format.width(sequences.end.saturating_sub(1)))
}

/// How long the span with this number in its request took, in nanoseconds: up to 900 ms.
fn length(number: u64) -> u64 {
    200_000 + mix(number) % 900_000_000
}

/// After so many items each kind was there.
const KINDS: u64 = 20;
/// Of nanoseconds since 1970, from 2001 to 2286.
const TIME_DIGITS: usize = 19;

#[cfg(test)]
mod tests;
