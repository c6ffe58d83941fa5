//! How attribute values, identifiers and times are written (`pcommon.Value.AsString` and its kin).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use crate::telemetry::clock::Moment;

use super::float::Script;

/// A value without its type: strings as they are, lists and maps as compact JSON.
pub(in crate::exporters) struct Plain<'a>(pub(in crate::exporters) Option<&'a AnyValue>);

/// A value with its type: `Str(x)`.
pub(super) struct Typed<'a>(pub(super) Option<&'a AnyValue>);

/// An identifier in lower-case hexadecimal digits; nothing where all of it is zero, as the Collector has it.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

/// Attributes as `k=v`, between them `separator`.
pub(super) struct Pairs<'a> {
    pub(super) attributes: &'a [KeyValue],
    pub(super) separator: &'static str,
}

/// A time as OTLP has it.
pub(super) fn time(unix_nanos: u64) -> impl Display {
    Moment::from_unix_nanos(unix_nanos).go()
}

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.and_then(|value| value.value.as_ref()) {
            None => Ok(()),
            Some(Value::StringValue(text)) => f.write_str(text),
            Some(Value::BoolValue(truth)) => write!(f, "{truth}"),
            Some(Value::IntValue(number)) => write!(f, "{number}"),
            Some(Value::DoubleValue(number)) => write!(f, "{}", Script(*number)),
            Some(Value::BytesValue(bytes)) => base64(f, bytes),
            // The strings of a profile are in its dictionary, which is shown beside.
            Some(Value::StringValueStrindex(index)) => write!(f, "#{index}"),
            Some(Value::ArrayValue(_) | Value::KvlistValue(_)) => {
                let mut text = String::new();
                // Go's JSON encoder gives up on numbers that JSON does not have, and shows nothing.
                if json(&mut text, self.0).is_ok() { f.write_str(&text) } else { Ok(()) }
            }
        }
    }
}

impl Display for Typed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0.and_then(|value| value.value.as_ref()) {
            None => "Empty",
            Some(Value::StringValue(_) | Value::StringValueStrindex(_)) => "Str",
            Some(Value::BoolValue(_)) => "Bool",
            Some(Value::IntValue(_)) => "Int",
            Some(Value::DoubleValue(_)) => "Double",
            Some(Value::ArrayValue(_)) => "Slice",
            Some(Value::KvlistValue(_)) => "Map",
            Some(Value::BytesValue(_)) => "Bytes",
        };
        write!(f, "{name}({})", Plain(self.0))
    }
}

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_set = self.0.iter().any(|byte| *byte != 0);
        self.0.iter().filter(|_| is_set).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Display for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, KeyValue { key, value, .. }) in self.attributes.iter().enumerate() {
            let separator = if index == 0 { "" } else { self.separator };
            write!(f, "{separator}{key}={}", Plain(value.as_ref()))?;
        }
        Ok(())
    }
}

/// Fails on a number that JSON does not have.
fn json(out: &mut String, value: Option<&AnyValue>) -> fmt::Result {
    match value.and_then(|value| value.value.as_ref()) {
        None => out.write_str("null"),
        Some(Value::StringValue(text)) => json_string(out, text),
        Some(Value::DoubleValue(number)) if !number.is_finite() => Err(fmt::Error),
        Some(Value::BytesValue(_) | Value::StringValueStrindex(_)) => write!(out, "\"{}\"", Plain(value)),
        Some(Value::ArrayValue(list)) => {
            out.push('[');
            for (index, element) in list.values.iter().enumerate() {
                separate(out, index);
                json(out, Some(element))?;
            }
            out.write_char(']')
        }
        Some(Value::KvlistValue(map)) => {
            // The last of equal keys counts, as in a Go map.
            let sorted: BTreeMap<_, _> = map.values.iter().map(|pair| (&pair.key, pair.value.as_ref())).collect();
            out.push('{');
            for (index, (key, element)) in sorted.into_iter().enumerate() {
                separate(out, index);
                json_string(out, key)?;
                out.push(':');
                json(out, element)?;
            }
            out.write_char('}')
        }
        Some(Value::BoolValue(_) | Value::IntValue(_) | Value::DoubleValue(_)) => write!(out, "{}", Plain(value)),
    }
}

fn separate(out: &mut String, index: usize) {
    if index != 0 {
        out.push(',');
    }
}

fn json_string(out: &mut String, text: &str) -> fmt::Result {
    out.push_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?);
    Ok(())
}

/// RFC 4648, section 4, with padding.
fn base64(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = if place <= group.len() { ALPHABET[(bits >> (18 - 6 * place) & 63) as usize] } else { b'=' };
            f.write_char(char::from(digit))?;
        }
    }
    Ok(())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    #[track_caller]
    fn check(value: Value, expected: &str) {
        let value = AnyValue { value: Some(value) };
        assert_eq!(Typed(Some(&value)).to_string(), expected);
    }

    fn map(pairs: &[(&str, Value)]) -> Value {
        let pair = |(key, value): &(&str, Value)| KeyValue {
            key: (*key).to_owned(),
            value: Some(AnyValue { value: Some(value.clone()) }),
            ..KeyValue::default()
        };
        Value::KvlistValue(KeyValueList { values: pairs.iter().map(pair).collect() })
    }

    #[test]
    fn values_are_written_with_their_type() {
        assert_eq!(Typed(None).to_string(), "Empty()");
        check(Value::StringValue("a \"b\"\n".into()), "Str(a \"b\"\n)");
        check(Value::BoolValue(true), "Bool(true)");
        check(Value::IntValue(-3), "Int(-3)");
        check(Value::DoubleValue(1e21), "Double(1e+21)");
        check(Value::BytesValue(b"".to_vec()), "Bytes()");
        check(Value::BytesValue(b"fo".to_vec()), "Bytes(Zm8=)");
        check(Value::BytesValue(b"foobar".to_vec()), "Bytes(Zm9vYmFy)");
    }

    #[test]
    fn lists_and_maps_are_compact_json_with_sorted_keys() {
        let list = ArrayValue { values: vec![AnyValue { value: Some(Value::IntValue(1)) }, AnyValue { value: None }] };
        check(Value::ArrayValue(list), "Slice([1,null])");
        check(
            map(&[("b", Value::StringValue("<x>".into())), ("a", Value::DoubleValue(0.5))]),
            r#"Map({"a":0.5,"b":"<x>"})"#,
        );
        check(map(&[("a", Value::DoubleValue(f64::NAN))]), "Map()");
    }
}
