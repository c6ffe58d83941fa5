//! How protobuf's wire format is read and written, by the rules of prost: its decoder accepts what this accepts.

use super::malformed::Fault;

/// How deeply messages and groups may nest below the request; prost's limit, hence the limit of what peers can read.
pub(super) const MAX_DEPTH: usize = 100;

/// Reads fields between two offsets of a request. Offsets are always those of the whole request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    /// The whole request.
    pub(super) body: &'a [u8],
    /// Where the next byte is read.
    pub(super) at: usize,
    /// Where the current message ends; never beyond `body`.
    pub(super) end: usize,
}

/// What stands before each field: its number and how its value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) number: u32,
    pub(super) wire: Wire,
}

/// How a value is written (protobuf encoding specification, "Message Structure").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// Seven bits to a byte.
    Varint,
    /// Eight bytes.
    Fixed64,
    /// A length and so many bytes.
    Sized,
    /// Fields up to the end of the group: long deprecated, skipped.
    StartGroup,
    /// The end of a group.
    EndGroup,
    /// Four bytes.
    Fixed32,
}

impl<'a> Reader<'a> {
    /// Reads all of `body`.
    pub(super) fn new(body: &'a [u8]) -> Reader<'a> {
        Reader { body, at: 0, end: body.len() }
    }

    /// How many bytes are left of the current message.
    #[inline(always)]
    pub(super) fn left(&self) -> usize {
        self.end - self.at
    }

    /// A variable-length integer: at most ten bytes, the tenth at most 1.
    #[inline(always)]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        match self.body.get(self.at) {
            Some(&byte) if byte < 0x80 && self.at < self.end => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => {
                let (value, length) = long_varint(self.rest())?;
                self.at += length;
                Ok(value)
            }
        }
    }

    /// A field's key as it stands: number and wire type in one, neither checked.
    #[inline(always)]
    pub(super) fn raw_key(&mut self) -> Result<u64, Fault> {
        self.varint()
    }

    /// A field's key.
    pub(super) fn key(&mut self) -> Result<Key, Fault> {
        let raw = self.raw_key()?;
        Key::from_raw(raw)
    }

    /// A length, which is one of bytes that are there.
    #[inline(always)]
    pub(super) fn length(&mut self) -> Result<usize, Fault> {
        let announced = self.varint()?;
        let left = self.left();
        match usize::try_from(announced) {
            Ok(length) if length <= left => Ok(length),
            _ => Err(Fault::Overrun { announced, left }),
        }
    }

    /// A length and so many bytes.
    #[inline(always)]
    pub(super) fn sized(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.length()?;
        let start = self.at;
        self.at += length;
        Ok(self.body.get(start..self.at).unwrap_or_default())
    }

    /// Steps over `length` bytes.
    #[inline(always)]
    pub(super) fn advance(&mut self, length: usize) -> Result<(), Fault> {
        let left = self.left();
        if left < length {
            return Err(Fault::Overrun { announced: length as u64, left });
        }
        self.at += length;
        Ok(())
    }

    /// Steps over the value of a field that no table knows. `room` is how many levels may still open below the
    /// message that it is in: like prost, a message at the very bottom may not hold an unknown field.
    pub(super) fn skip(&mut self, key: Key, room: usize) -> Result<(), Fault> {
        if room == 0 {
            return Err(Fault::TooDeep);
        }
        match key.wire {
            Wire::StartGroup => self.skip_group(key.number, room),
            Wire::EndGroup => Err(Fault::StrayEndGroup),
            _ => self.skip_value(key.wire),
        }
    }

    fn skip_value(&mut self, wire: Wire) -> Result<(), Fault> {
        match wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.advance(8),
            Wire::Fixed32 => self.advance(4),
            Wire::Sized => self.sized().map(drop),
            Wire::StartGroup | Wire::EndGroup => Err(Fault::StrayEndGroup),
        }
    }

    fn skip_group(&mut self, number: u32, room: usize) -> Result<(), Fault> {
        let mut open = [0; MAX_DEPTH];
        open[0] = number;
        let mut depth = 1;
        while 0 < depth {
            let key = self.key()?;
            if key.wire == Wire::EndGroup {
                depth -= 1;
                if open.get(depth) != Some(&key.number) {
                    return Err(Fault::StrayEndGroup);
                }
                continue;
            }
            if room.min(MAX_DEPTH) <= depth {
                return Err(Fault::TooDeep);
            }
            if key.wire == Wire::StartGroup {
                open[depth] = key.number;
                depth += 1;
            } else {
                self.skip_value(key.wire)?;
            }
        }
        Ok(())
    }

    /// What is left of the current message from `start` on.
    #[inline(always)]
    pub(super) fn from(&self, start: usize) -> &'a [u8] {
        self.body.get(start..self.end).unwrap_or_default()
    }

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..self.end).unwrap_or_default()
    }
}

/// The value of an integer of more than one byte, and how many it has. Takes no reader, so that readers can live in
/// registers.
#[inline(never)]
fn long_varint(rest: &[u8]) -> Result<(u64, usize), Fault> {
    let mut value = 0;
    for (index, &byte) in rest.iter().take(MAX_VARINT).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            let overflows = index == MAX_VARINT - 1 && 1 < byte;
            return if overflows { Err(Fault::LongVarint) } else { Ok((value, index + 1)) };
        }
    }
    Err(if rest.len() < MAX_VARINT { Fault::CutVarint } else { Fault::LongVarint })
}

impl Key {
    /// Takes a key apart; it is at most 32 bits, of a number that is not 0 and a wire type that exists.
    pub(super) fn from_raw(raw: u64) -> Result<Key, Fault> {
        let raw = u32::try_from(raw).map_err(|_| Fault::FieldNumber)?;
        let number = raw >> 3;
        let wire = Wire::from_bits(raw).ok_or(Fault::NoSuchWireType((raw & 7) as u8))?;
        if number == 0 { Err(Fault::FieldNumber) } else { Ok(Key { number, wire }) }
    }
}

impl Wire {
    const fn from_bits(raw: u32) -> Option<Wire> {
        match raw & 7 {
            0 => Some(Wire::Varint),
            1 => Some(Wire::Fixed64),
            2 => Some(Wire::Sized),
            3 => Some(Wire::StartGroup),
            4 => Some(Wire::EndGroup),
            5 => Some(Wire::Fixed32),
            _ => None,
        }
    }

    /// The low three bits of a key.
    pub(super) const fn bits(self) -> u32 {
        match self {
            Wire::Varint => 0,
            Wire::Fixed64 => 1,
            Wire::Sized => 2,
            Wire::StartGroup => 3,
            Wire::EndGroup => 4,
            Wire::Fixed32 => 5,
        }
    }
}

/// A field of a message that is known to be well-formed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// Its number.
    pub(super) number: u32,
    /// The bytes behind its length; none when it has no length.
    pub(super) content: &'a [u8],
    /// Key, length and content.
    pub(super) whole: &'a [u8],
}

/// The fields of well-formed `message`, without looking inside them. Stops where the bytes are not well-formed.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut reader = Reader::new(message);
    std::iter::from_fn(move || {
        let start = reader.at;
        let key = reader.key().ok()?;
        let content = match key.wire {
            Wire::Sized => reader.sized().ok()?,
            _ => {
                reader.skip(key, MAX_DEPTH).ok()?;
                &[]
            }
        };
        Some(Field { number: key.number, content, whole: message.get(start..reader.at)? })
    })
}

/// How many bytes `value` takes as a variable-length integer.
pub(super) fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Writes `value` as a variable-length integer.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes stand before a content of `content` bytes.
pub(super) fn prefix_len(number: u32, content: u64) -> usize {
    varint_len(u64::from(number) << 3) + varint_len(content)
}

/// Writes what stands before a content of `content` bytes.
pub(super) fn put_prefix(out: &mut Vec<u8>, number: u32, content: u64) {
    put_varint(out, u64::from(number) << 3 | u64::from(Wire::Sized.bits()));
    put_varint(out, content);
}

const MAX_VARINT: usize = 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn integers_are_written_as_they_are_read() {
        for value in (0..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit]).chain([u64::MAX]) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(bytes.len(), varint_len(value), "{value}");
            assert_eq!(Reader::new(&bytes).varint(), Ok(value));
        }
    }

    #[test]
    fn integers_that_are_cut_or_too_long_are_refused() {
        assert_eq!(Reader::new(&[]).varint(), Err(Fault::CutVarint));
        assert_eq!(Reader::new(&[0x80; 9]).varint(), Err(Fault::CutVarint));
        assert_eq!(Reader::new(&[0x80; 11]).varint(), Err(Fault::LongVarint));
        let mut bytes = [0xff; 10];
        bytes[9] = 2;
        assert_eq!(Reader::new(&bytes).varint(), Err(Fault::LongVarint));
    }

    #[test]
    fn groups_are_skipped_whole() {
        // Group 9 { group 10 { 1: 5 } }, then field 1.
        let bytes = [0x4b, 0x53, 0x08, 5, 0x54, 0x4c, 0x08, 7];
        let seen: Vec<_> = fields(&bytes).map(|field| (field.number, field.whole.len())).collect();
        assert_eq!(seen, [(9, 6), (1, 2)]);
    }

    #[test]
    fn groups_must_end_as_they_began() {
        for bytes in [&[0x4b_u8, 0x54][..], &[0x4b], &[0x4c]] {
            let mut reader = Reader::new(bytes);
            let key = reader.key().unwrap();
            assert!(reader.skip(key, MAX_DEPTH).is_err(), "{bytes:?}");
        }
    }
}
