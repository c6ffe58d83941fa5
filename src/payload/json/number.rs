//! How a number of a kind is read: as a JSON number or as a string with one, wherever its value is exact.

use super::fault::{Fault, excerpt};
use super::output::Output;
use crate::payload::schema::{Enumeration, Kind};
use crate::payload::wire::Wire;

/// A number as JSON has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Natural(u64),
    Negative(i64),
    Real(f64),
}

impl Number {
    /// The number of kind `kind` that a string stands for.
    pub(super) fn from_text(kind: Kind, text: &str) -> Result<Number, Fault> {
        match kind {
            Kind::Enum(enumeration) => named(enumeration, text),
            _ => parse(text),
        }
    }

    /// Writes it as a value of `kind`.
    pub(super) fn put(self, kind: Kind, out: &mut Output<'_>) -> Result<(), Fault> {
        match kind {
            Kind::Double => out.put(&self.real().to_le_bytes()),
            Kind::Fixed32 => out.put(&self.within::<u32>(0, u32::MAX)?.to_le_bytes()),
            Kind::Fixed64 => out.put(&self.within::<u64>(0, u64::MAX)?.to_le_bytes()),
            Kind::Sfixed64 => out.put(&self.within::<i64>(i64::MIN, i64::MAX)?.to_le_bytes()),
            Kind::Uint32 => out.varint(u64::from(self.within::<u32>(0, u32::MAX)?)),
            Kind::Sint32 => {
                let value = self.within::<i32>(i32::MIN, i32::MAX)?;
                out.varint(u64::from((value << 1 ^ value >> 31) as u32))
            }
            Kind::Int32 | Kind::Enum(_) => out.varint(i64::from(self.within::<i32>(i32::MIN, i32::MAX)?) as u64),
            Kind::Int64 => out.varint(self.within::<i64>(i64::MIN, i64::MAX)? as u64),
            _ => out.varint(self.within::<u64>(0, u64::MAX)?),
        }
    }

    fn real(self) -> f64 {
        match self {
            Number::Natural(value) => value as f64,
            Number::Negative(value) => value as f64,
            Number::Real(value) => value,
        }
    }

    fn within<T: TryFrom<i128> + Into<i128>>(self, least: T, most: T) -> Result<T, Fault> {
        let whole = match self {
            Number::Natural(value) => i128::from(value),
            Number::Negative(value) => i128::from(value),
            Number::Real(value) if value.fract() == 0.0 => value as i128,
            Number::Real(value) => return Err(Fault::NotWhole(value)),
        };
        T::try_from(whole).map_err(|_| Fault::OutOfRange(least.into(), most.into()))
    }
}

/// Whether values of `kind` are numbers, truth values among them: several of them are packed.
pub(super) fn is_number(kind: Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Bytes | Kind::Id16 | Kind::Id8 | Kind::Message(_))
}

/// How numbers of `kind` are written in protobuf.
pub(super) fn wire(kind: Kind) -> Wire {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Wire::Fixed64,
        Kind::Fixed32 => Wire::Fixed32,
        _ => Wire::Varint,
    }
}

fn parse(text: &str) -> Result<Number, Fault> {
    if let Ok(value) = text.parse() {
        return Ok(Number::Natural(value));
    }
    if let Ok(value) = text.parse() {
        return Ok(Number::Negative(value));
    }
    // Knows NaN, Infinity and -Infinity too.
    let value: f64 = text.parse().map_err(|_| Fault::NoNumber(excerpt(text)))?;
    let overflowed = value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit());
    if overflowed { Err(Fault::TooLarge) } else { Ok(Number::Real(value)) }
}

fn named(enumeration: &'static Enumeration, text: &str) -> Result<Number, Fault> {
    let found = enumeration.values.iter().find(|(_, name)| *name == text);
    let Some((value, _)) = found else {
        let short = enumeration.name.rsplit('.').next().unwrap_or_default();
        return Err(Fault::NoSuchName { enumeration: short, name: excerpt(text) });
    };
    Ok(Number::Negative(i64::from(*value)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// `text` as a value of `kind` has these bytes, or none.
    #[track_caller]
    fn check(kind: Kind, text: &str, expected: Option<&[u8]>) {
        let mut grant = |_| true;
        let mut out = Output::new(&mut grant);
        let put = Number::from_text(kind, text).and_then(|number| number.put(kind, &mut out));
        assert_eq!(put.ok().map(|()| out.finish()).as_deref(), expected, "{kind:?} {text}");
    }

    #[test]
    fn whole_numbers_may_be_written_as_reals_where_they_are_exact() {
        check(Kind::Uint64, "1e3", Some(&[0xe8, 0x07]));
        check(Kind::Uint64, "1000.0", Some(&[0xe8, 0x07]));
        check(Kind::Sint32, "-1.0", Some(&[1]));
        check(Kind::Int32, "-1", Some(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]));
        for odd in ["1.5", "NaN", "Infinity", "1e-1", "", " 1", "1 ", "0x1", "one", "1e400"] {
            check(Kind::Uint64, odd, None);
        }
    }

    #[test]
    fn numbers_end_where_their_kind_ends() {
        check(Kind::Fixed32, "4294967295", Some(&[0xff; 4]));
        check(Kind::Fixed64, "18446744073709551615", Some(&[0xff; 8]));
        check(Kind::Sfixed64, "-9223372036854775808", Some(&[0, 0, 0, 0, 0, 0, 0, 0x80]));
        for (kind, text) in [
            (Kind::Fixed32, "4294967296"),
            (Kind::Uint32, "-1"),
            (Kind::Int32, "2147483648"),
            (Kind::Sint32, "-2147483649"),
            (Kind::Fixed64, "18446744073709551616"),
            (Kind::Sfixed64, "9223372036854775808"),
            (Kind::Int64, "1e30"),
            (Kind::Uint64, "-1"),
        ] {
            check(kind, text, None);
        }
    }

    #[test]
    fn doubles_have_names_for_what_is_no_number() {
        let real = |text| Number::from_text(Kind::Double, text).map(Number::real);
        assert!(real("NaN").unwrap().is_nan());
        assert_eq!(real("Infinity"), Ok(f64::INFINITY));
        assert_eq!(real("-Infinity"), Ok(f64::NEG_INFINITY));
        assert_eq!(real("0.1"), Ok(0.1));
        assert_eq!(real("7"), Ok(7.0));
        assert_eq!(real("1e400"), Err(Fault::TooLarge));
        assert_eq!(real("abc"), Err(Fault::NoNumber("abc".to_owned())));
    }
}
