//! How strings, byte strings and ids are read.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::fault::Fault;
use crate::payload::schema::Kind;

/// The bytes that a JSON string stands for in a field of `kind`.
pub(super) fn decode(kind: Kind, text: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    match kind {
        Kind::Id16 => id::<16>(text).map(Cow::Owned),
        Kind::Id8 => id::<8>(text).map(Cow::Owned),
        Kind::Bytes => base64(text).map(Cow::Owned),
        _ => Ok(Cow::Borrowed(text)),
    }
}

/// Hexadecimal digits of any case; none for an id that is not set.
fn id<const LENGTH: usize>(text: &[u8]) -> Result<Vec<u8>, Fault> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let digits: Option<Vec<u8>> = text.iter().map(|&byte| char::from(byte).to_digit(16).map(|d| d as u8)).collect();
    if text.len() != 2 * LENGTH {
        return Err(Fault::IdLength { found: text.len(), wanted: 2 * LENGTH });
    }
    let digits = digits.ok_or(Fault::NotHex)?;
    Ok(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

/// Standard or URL-safe, padded or not (protobuf's "ProtoJSON Format").
fn base64(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let is_url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if is_url_safe { &URL_SAFE_BASE64 } else { &STANDARD_BASE64 };
    engine.decode(text).map_err(|_| Fault::NotBase64)
}

static STANDARD_BASE64: GeneralPurpose = lenient(&STANDARD);

static URL_SAFE_BASE64: GeneralPurpose = lenient(&URL_SAFE);

const fn lenient(alphabet: &Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, text: &str, expected: Result<&[u8], Fault>) {
        let decoded = decode(kind, text.as_bytes());
        assert_eq!(decoded.as_deref(), expected.as_ref().map(|bytes| *bytes), "{text}");
    }

    #[test]
    fn ids_are_hexadecimal_of_any_case() {
        check(Kind::Id8, "EEE19b7ec3c1B174", Ok(&[0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74]));
        check(Kind::Id16, "", Ok(&[]));
        check(Kind::Id8, "EEE19b7ec3c1B17", Err(Fault::IdLength { found: 15, wanted: 16 }));
        check(Kind::Id16, "EEE19b7ec3c1B174", Err(Fault::IdLength { found: 16, wanted: 32 }));
        check(Kind::Id8, "EEE19b7ec3c1B17g", Err(Fault::NotHex));
        check(Kind::Id8, "+EE19b7ec3c1B174", Err(Fault::NotHex));
    }

    #[test]
    fn bytes_are_base64_of_either_alphabet() {
        for text in ["+/8=", "+/8", "-_8=", "-_8", "+/9="] {
            check(Kind::Bytes, text, Ok(&[0xfb, 0xff]));
        }
        check(Kind::Bytes, "", Ok(&[]));
        for odd in ["+_8=", "a", "?", "+/8=x", "+/ 8="] {
            check(Kind::Bytes, odd, Err(Fault::NotBase64));
        }
    }
}
