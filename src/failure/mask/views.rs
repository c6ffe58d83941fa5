//! A text as it is, and as it reads once its escapes are undone: of URLs and `grpc-message`, of JSON, and of HTML.

use std::borrow::Cow;
use std::ops::Range;

/// What a text says, and where in the text each byte of that stands.
pub(super) struct View<'t> {
    bytes: Cow<'t, [u8]>,
    /// Where each byte begins, and where the last one ends; nothing where the view is the text itself.
    places: Option<Vec<usize>>,
}

/// An escape that was read.
enum Escape {
    /// It stands for these bytes, and is so long.
    Of(Vec<u8>, usize),
    /// The text ends before it does.
    Unfinished,
    /// There is none.
    None,
}

/// Reads the escape at the beginning of a text.
type Read = fn(&[u8]) -> Escape;

impl<'t> View<'t> {
    /// `text`, and each other reading of it. A text may be escaped more than once: JSON in JSON in a `grpc-message`.
    pub(super) fn all_of(text: &'t [u8]) -> Vec<View<'t>> {
        let mut views = vec![View { bytes: Cow::Borrowed(text), places: None }];
        let mut fresh = 0;
        for _ in 0..DEEPEST {
            let known = views.len();
            for from in fresh..known {
                for (mark, read) in ESCAPES {
                    let view = views[from].undone(mark, read);
                    views.extend(view.filter(|view| views.iter().all(|known| known.bytes != view.bytes)));
                }
            }
            fresh = known;
        }
        views
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where what it says ends: at its end, and wherever somebody has marked a cut.
    pub(super) fn ends(&self) -> Vec<usize> {
        let dots = |at: usize| self.bytes[at..].starts_with(b"...") && self.bytes[at - 1] == b'.';
        let is_cut = |&at: &usize| at != 0 && starts_with_cut(&self.bytes[at..]) && !dots(at);
        (0..self.bytes.len()).filter(is_cut).chain([self.bytes.len()]).collect()
    }

    /// Where in the text `range` of what it says stands.
    pub(super) fn place(&self, range: Range<usize>) -> Range<usize> {
        match &self.places {
            Some(places) => places[range.start]..places[range.end],
            None => range,
        }
    }

    /// The same without the escapes that begin with `mark`; nothing if there are none.
    fn undone(&self, mark: u8, read: Read) -> Option<View<'static>> {
        if !self.bytes.contains(&mark) {
            return None;
        }
        let place = |at: usize| self.places.as_ref().map_or(at, |places| places[at]);
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        let (mut at, mut changed) = (0, false);
        while let Some(&byte) = self.bytes.get(at) {
            let escape = if byte == mark { read(&self.bytes[at..]) } else { Escape::None };
            let (means, length) = match escape {
                Escape::Of(means, length) => (means, length),
                // Whether it is cut off shows behind it.
                Escape::Unfinished => (Vec::new(), unfinished(&self.bytes[at..])),
                Escape::None => (vec![byte], 1),
            };
            changed |= means.as_slice() != &self.bytes[at..at + length];
            places.extend(means.iter().map(|_| place(at)));
            bytes.extend(means);
            at += length;
        }
        places.push(place(at));
        changed.then_some(View { bytes: Cow::Owned(bytes), places: Some(places) })
    }
}

const ESCAPES: [(u8, Read); 3] = [(b'%', percent), (b'\\', backslash), (b'&', entity)];

/// RFC 3986, section 2.1.
fn percent(text: &[u8]) -> Escape {
    hex(text, 1, 2).map_or_else(|missing| missing, |value| Escape::Of(vec![value as u8], 3))
}

/// Those of JSON (RFC 8259, section 7), and the `\xff` that other languages have.
fn backslash(text: &[u8]) -> Escape {
    let plain = |byte| Escape::Of(vec![byte], 2);
    match text.get(1) {
        Some(b'u') => utf16(text),
        Some(b'x') => hex(text, 2, 2).map_or_else(|missing| missing, |value| Escape::Of(vec![value as u8], 4)),
        Some(b'n') => plain(b'\n'),
        Some(b'r') => plain(b'\r'),
        Some(b't') => plain(b'\t'),
        Some(b'b') => plain(8),
        Some(b'f') => plain(12),
        Some(byte @ (b'"' | b'\\' | b'/' | b'\'')) => plain(*byte),
        Some(_) if !starts_with_cut(&text[1..]) => Escape::None,
        Some(_) | None => Escape::Unfinished,
    }
}

/// A character by its number, or by its two halves in UTF-16.
fn utf16(text: &[u8]) -> Escape {
    let first = match hex(text, 2, 4) {
        Ok(first) => first,
        Err(missing) => return missing,
    };
    let of = |c: char, length| Escape::Of(c.to_string().into_bytes(), length);
    if let Some(c) = char::from_u32(first) {
        return of(c, 6);
    }
    let second = text.get(6..8).filter(|mark| mark == b"\\u").and_then(|_| hex(text, 8, 4).ok());
    let pair = second.and_then(|second| char::decode_utf16([first as u16, second as u16]).next()?.ok());
    pair.map_or(Escape::None, |c| of(c, 12))
}

/// Character references of HTML: the numbers, and the names of what has to be escaped.
fn entity(text: &[u8]) -> Escape {
    let inner = &text[1..text.len().min(LONGEST_ENTITY)];
    let Some(end) = inner.iter().position(|byte| *byte == b';') else {
        let length = inner.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#').count();
        let behind = &text[1 + length..];
        return if behind.is_empty() || starts_with_cut(behind) { Escape::Unfinished } else { Escape::None };
    };
    let Ok(name) = std::str::from_utf8(&inner[..end]) else { return Escape::None };
    let number = match name.strip_prefix('#').map(|number| (number, number.strip_prefix(['x', 'X']))) {
        Some((_, Some(hex))) => u32::from_str_radix(hex, 16).ok(),
        Some((decimal, None)) => decimal.parse().ok(),
        None => ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, stands_for)| u32::from(*stands_for)),
    };
    match number.and_then(char::from_u32) {
        Some(c) => Escape::Of(c.to_string().into_bytes(), end + 2),
        None => Escape::None,
    }
}

/// The number in the `count` hexadecimal digits from `at` on.
fn hex(text: &[u8], at: usize, count: usize) -> Result<u32, Escape> {
    let digits = text[at..].iter().take(count).map_while(|byte| char::from(*byte).to_digit(16));
    let (value, found) = digits.fold((0, 0), |(value, found), digit| (value << 4 | digit, found + 1));
    let behind = &text[at + found..];
    match found {
        _ if found == count => Ok(value),
        _ if behind.is_empty() || starts_with_cut(behind) => Err(Escape::Unfinished),
        _ => Err(Escape::None),
    }
}

/// How long the escape is at the beginning of `text` that is not finished there.
fn unfinished(text: &[u8]) -> usize {
    (1..text.len()).find(|&at| starts_with_cut(&text[at..])).unwrap_or(text.len())
}

/// Whether `text` begins with the mark that somebody has cut what was there.
fn starts_with_cut(text: &[u8]) -> bool {
    text.starts_with("…".as_bytes()) || text.starts_with(b"...")
}

const ENTITIES: [(&str, char); 5] = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
/// `&#x10ffff;`
const LONGEST_ENTITY: usize = 10;
/// How many escapes lie over one another at most.
const DEEPEST: usize = 3;
