//! How many attributes in a row are as most of them are? A look at their bytes that spares the walk the way through two
//! messages each.

/// How many bytes of `fields` are attributes under the key `field`, each certainly a well-formed `KeyValue`: a key and a
/// value as every encoder writes them, both short, the value a string, a boolean, an integer or a double, and all text
/// ASCII. What comes behind them is for the walk to judge.
#[inline(always)]
pub(super) fn plain_run(fields: &[u8], field: u8) -> usize {
    let mut rest = fields;
    while let [key @ 0..0x80, length @ 0..0x80, behind @ ..] = rest
        && *key == field
        && let Some((content, next)) = behind.split_at_checked(usize::from(*length))
        && is_plain(content)
    {
        rest = next;
    }
    fields.len() - rest.len()
}

/// Whether `content`, of less than 128 bytes, is such an attribute.
#[inline(always)]
fn is_plain(content: &[u8]) -> bool {
    let [KEY, key_len, rest @ ..] = content else { return false };
    // A length of several bytes is greater than what can follow it.
    let Some((key, [VALUE, value_len, value @ ..])) = rest.split_at_checked(usize::from(*key_len)) else {
        return false;
    };
    if value.len() != usize::from(*value_len) {
        return false;
    }
    match value {
        // Keys and lengths are ASCII, too.
        [STRING, length, text @ ..] => text.len() == usize::from(*length) && is_ascii(content),
        [BOOL, 0..0x80] => is_ascii(key),
        [INT, varint @ ..] => is_ascii(key) && is_varint(varint),
        [DOUBLE, double @ ..] => double.len() == 8 && is_ascii(key),
        _ => false,
    }
}

/// Whether it is one integer of at most nine bytes.
#[inline(always)]
fn is_varint(bytes: &[u8]) -> bool {
    match bytes.split_last() {
        Some((0..0x80, before)) => before.len() < 9 && before.iter().all(|byte| 0x80 <= *byte),
        _ => false,
    }
}

/// `<[u8]>::is_ascii`, for the short strings that attributes are made of.
#[inline(always)]
pub(super) fn is_ascii(text: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const HIGHS: u128 = HIGH as u128 | (HIGH as u128) << 64;
    if let Some(last) = text.last_chunk::<16>() {
        let (words, _) = text.as_chunks::<16>();
        let all = words.iter().fold(u128::from_le_bytes(*last), |seen, word| seen | u128::from_le_bytes(*word));
        return all & HIGHS == 0;
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        return (u64::from_le_bytes(*first) | u64::from_le_bytes(*last)) & HIGH == 0;
    }
    text.iter().fold(0, |seen, byte| seen | byte) < 0x80
}

const KEY: u8 = 0x0a;
const VALUE: u8 = 0x12;
const STRING: u8 = 0x0a;
const BOOL: u8 = 0x10;
const INT: u8 = 0x18;
const DOUBLE: u8 = 0x21;

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: u8 = 0x4a;

    /// Attributes with these contents are passed over as far as they are plain.
    #[track_caller]
    fn check(contents: &[&[u8]], plain: usize) {
        let field = |content: &[u8]| [&[FIELD, content.len() as u8], content].concat();
        let fields: Vec<Vec<u8>> = contents.iter().map(|content| field(content)).collect();
        assert_eq!(plain_run(&fields.concat(), FIELD), fields[..plain].concat().len(), "{contents:?}");
    }

    #[test]
    fn plain_attributes_are_passed_over_up_to_the_first_other_one() {
        let string: &[u8] = &[KEY, 1, b'k', VALUE, 3, STRING, 1, b'v'];
        let boolean: &[u8] = &[KEY, 1, b'k', VALUE, 2, BOOL, 1];
        let integer: &[u8] = &[KEY, 1, b'k', VALUE, 3, INT, 0x80, 1];
        let double: &[u8] = &[KEY, 1, b'k', VALUE, 9, DOUBLE, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        check(&[string, boolean, integer, double], 4);
        check(&[string, &[], string], 1);
        for other in [string, boolean, integer, double] {
            for cut in 0..other.len() {
                check(&[&other[..cut]], 0);
            }
            check(&[&[other, &[0]].concat()], 0);
        }
    }

    #[test]
    fn what_the_walk_must_look_at_is_left_to_it() {
        check(&[&[KEY, 1, 0xff, VALUE, 3, STRING, 1, b'v']], 0);
        check(&[&[KEY, 1, b'k', VALUE, 3, STRING, 1, 0xff]], 0);
        check(&[&[KEY, 1, b'k', VALUE, 2, BOOL, 0x80]], 0);
        check(&[&[KEY, 1, b'k', VALUE, 1, INT]], 0);
        check(&[&[KEY, 1, b'k', VALUE, 11, INT, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1]], 0);
        check(&[&[VALUE, 3, STRING, 1, b'v']], 0);
        assert_eq!(plain_run(&[FIELD + 8, 0], FIELD), 0);
    }

    #[test]
    fn a_key_of_two_bytes_is_no_field_of_attributes() {
        // Its first byte may be any.
        assert_eq!(plain_run(&[0x8a, 8, KEY, 1, b'k', VALUE, 3, STRING, 1, b'v'], 0x8a), 0);
    }

    #[test]
    fn ascii_is_told_from_the_rest_at_any_position() {
        for length in 0..40 {
            let mut text = vec![b'a'; length];
            assert!(is_ascii(&text));
            for position in 0..length {
                text[position] = 0x80;
                assert!(!is_ascii(&text), "{position} of {length}");
                text[position] = b'a';
            }
        }
    }
}
