//! Values of any shape, where the configuration takes what the writer likes: fields of log lines, resource attributes.

use serde_json::{Map, Value as Plain};

use super::yaml::{Node, Scalar, Typed, Value};

/// What `node` holds, with the types that YAML gives.
pub(crate) fn plain(node: &Node) -> Plain {
    match &node.value {
        Value::List(items) => Plain::Array(items.iter().map(plain).collect()),
        Value::Map(entries) => {
            let pairs = entries.iter().map(|entry| (entry.key.clone(), plain(&entry.value)));
            Plain::Object(pairs.collect::<Map<_, _>>())
        }
        Value::Scalar(scalar) => typed(scalar),
    }
}

/// What `scalar` holds, with the type that YAML gives.
pub(crate) fn typed(scalar: &Scalar) -> Plain {
    let text = || Plain::from(scalar.text.as_str());
    match scalar.typed() {
        Typed::Null => Plain::Null,
        Typed::Bool(value) => Plain::Bool(value),
        Typed::Integer(number) => integer(number).unwrap_or_else(text),
        // What JSON has no number for stays a text.
        Typed::Float(number) => serde_json::Number::from_f64(number).map_or_else(text, Plain::Number),
        Typed::Text(text) => Plain::from(text),
    }
}

fn integer(number: i128) -> Option<Plain> {
    let unsigned = u64::try_from(number).ok().map(Plain::from);
    unsigned.or_else(|| i64::try_from(number).ok().map(Plain::from))
}
