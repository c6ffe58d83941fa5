//! How a value that is no message looks in OTLP/JSON: as the Collector writes it.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::name;
use crate::payload::schema::Kind;
use crate::payload::wire::Reader;

/// A value in the wire format that is no message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    Bool(bool),
    /// Of 32 bits: a number.
    Narrow(i64),
    /// Of 64 bits: a string, since many readers have doubles for numbers.
    Signed(i64),
    /// Of 64 bits: a string.
    Unsigned(u64),
    Double(f64),
    Text(&'a [u8]),
    /// Base64.
    Bytes(&'a [u8]),
    /// Hexadecimal digits.
    Id(&'a [u8]),
}

impl<'a> Scalar<'a> {
    /// Reads a value of `kind`; nothing where there is none. Integers are cut to their size, as prost does it.
    pub(super) fn read(kind: Kind, value: &mut Reader<'a>) -> Option<Scalar<'a>> {
        Some(match kind {
            Kind::Bool => Scalar::Bool(value.varint().ok()? != 0),
            Kind::Int32 | Kind::Enum(_) => Scalar::Narrow(i64::from(value.varint().ok()? as i32)),
            Kind::Uint32 => Scalar::Narrow(i64::from(value.varint().ok()? as u32)),
            Kind::Sint32 => {
                let zigzag = value.varint().ok()? as u32;
                Scalar::Narrow(i64::from((zigzag >> 1) as i32 ^ -((zigzag & 1) as i32)))
            }
            Kind::Fixed32 => Scalar::Narrow(i64::from(u32::from_le_bytes(fixed(value)?))),
            Kind::Int64 => Scalar::Signed(value.varint().ok()? as i64),
            Kind::Uint64 => Scalar::Unsigned(value.varint().ok()?),
            Kind::Fixed64 => Scalar::Unsigned(u64::from_le_bytes(fixed(value)?)),
            Kind::Sfixed64 => Scalar::Signed(i64::from_le_bytes(fixed(value)?)),
            Kind::Double => Scalar::Double(f64::from_le_bytes(fixed(value)?)),
            Kind::String => Scalar::Text(value.sized().ok()?),
            Kind::Bytes => Scalar::Bytes(value.sized().ok()?),
            Kind::Id16 | Kind::Id8 => Scalar::Id(value.sized().ok()?),
            Kind::Message(_) => return None,
        })
    }

    /// Whether it is what a field has that is not set. A negative zero is something else.
    pub(super) fn is_zero(self) -> bool {
        match self {
            Scalar::Bool(value) => !value,
            Scalar::Narrow(value) | Scalar::Signed(value) => value == 0,
            Scalar::Unsigned(value) => value == 0,
            Scalar::Double(value) => value.to_bits() == 0,
            Scalar::Text(value) | Scalar::Bytes(value) | Scalar::Id(value) => value.is_empty(),
        }
    }

    /// Writes it.
    pub(super) fn print(self, out: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _ = match self {
            Scalar::Bool(value) => write!(out, "{value}"),
            Scalar::Narrow(value) => write!(out, "{value}"),
            Scalar::Signed(value) => write!(out, "\"{value}\""),
            Scalar::Unsigned(value) => write!(out, "\"{value}\""),
            Scalar::Double(value) => print_double(value, out),
            Scalar::Text(text) => {
                serde_json::to_writer(out, &*String::from_utf8_lossy(text)).map_err(std::io::Error::from)
            }
            Scalar::Bytes(bytes) => write!(out, "\"{}\"", STANDARD.encode(bytes)),
            Scalar::Id(id) => {
                out.push(b'"');
                out.extend(id.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]));
                out.push(b'"');
                Ok(())
            }
        };
    }
}

/// The name of a field in JSON, and what stands before its value.
pub(super) fn print_key(field: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend(name::camel(field));
    out.extend_from_slice(b"\":");
}

/// As short as it can be for the value to come back exactly.
fn print_double(value: f64, out: &mut Vec<u8>) -> std::io::Result<()> {
    match value {
        _ if value.is_nan() => write!(out, "\"NaN\""),
        f64::INFINITY => write!(out, "\"Infinity\""),
        f64::NEG_INFINITY => write!(out, "\"-Infinity\""),
        _ if value == 0.0 || (1e-6..1e21).contains(&value.abs()) => write!(out, "{value}"),
        _ => write!(out, "{value:e}"),
    }
}

fn fixed<const LENGTH: usize>(value: &mut Reader<'_>) -> Option<[u8; LENGTH]> {
    let start = value.at;
    value.advance(LENGTH).ok()?;
    value.body.get(start..value.at)?.try_into().ok()
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(scalar: Scalar<'_>, expected: &str) {
        let mut out = Vec::new();
        scalar.print(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn values_look_as_the_collector_writes_them() {
        check(Scalar::Bool(true), "true");
        check(Scalar::Narrow(-3), "-3");
        check(Scalar::Unsigned(u64::MAX), "\"18446744073709551615\"");
        check(Scalar::Text("a\"b\u{1}\u{e9}\n".as_bytes()), "\"a\\\"b\\u0001\u{e9}\\n\"");
        check(Scalar::Bytes(&[0xfb, 0xff]), "\"+/8=\"");
        check(Scalar::Id(&[0xab, 0x01]), "\"ab01\"");
    }

    #[test]
    fn doubles_are_short_and_exact() {
        for (value, expected) in [
            (1.0, "1"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e20, "100000000000000000000"),
            (1e21, "1e21"),
            (-2.5e-7, "-2.5e-7"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            check(Scalar::Double(value), expected);
        }
    }
}
