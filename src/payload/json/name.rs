//! How the fields of a message are called in JSON.

use crate::payload::schema::{Field, MessageType};

/// The field of `message` that is called `key`, in JSON (`droppedAttributesCount`) or in the `.proto` file
/// (`dropped_attributes_count`).
pub(super) fn find(message: MessageType, key: &[u8]) -> Option<&'static Field> {
    message.fields().iter().find(|field| camel(field.name).eq(key.iter().copied()) || field.name.as_bytes() == key)
}

/// A field's name in JSON.
pub(super) fn camel_of(name: &str) -> String {
    camel(name).map(char::from).collect()
}

/// A field's name in JSON, byte by byte: each letter after an underscore is a capital. Names are ASCII.
pub(super) fn camel(name: &str) -> impl Iterator<Item = u8> {
    let mut bytes = name.bytes();
    std::iter::from_fn(move || match bytes.next()? {
        b'_' => bytes.next().map(|letter| letter.to_ascii_uppercase()),
        byte => Some(byte),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_either_name() {
        let number = |key: &str| find(MessageType::Span, key.as_bytes()).map(|field| field.number);
        assert_eq!(number("droppedAttributesCount"), Some(10));
        assert_eq!(number("dropped_attributes_count"), Some(10));
        assert_eq!(number("name"), Some(5));
        for odd in ["", "droppedattributescount", "dropped_attributesCount", "Name", "names", "nam"] {
            assert_eq!(number(odd), None, "{odd}");
        }
    }
}
