//! Which type YAML gives to a plain scalar: the core schema, with the octal numbers and underscores of Go's parser.

use super::{Scalar, Style};

/// A scalar with its YAML type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Typed<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(&'a str),
}

impl Typed<'_> {
    /// How the Collector's messages call the type.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Typed::Null => "nil",
            Typed::Bool(_) => "bool",
            Typed::Integer(_) => "int",
            Typed::Float(_) => "float64",
            Typed::Text(_) => "string",
        }
    }
}

impl Scalar {
    /// The type by the spelling.
    pub(crate) fn typed(&self) -> Typed<'_> {
        if self.style == Style::Quoted {
            return Typed::Text(&self.text);
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Typed::Null,
            "true" | "True" | "TRUE" => Typed::Bool(true),
            "false" | "False" | "FALSE" => Typed::Bool(false),
            text => number(text).unwrap_or(Typed::Text(text)),
        }
    }
}

fn number(text: &str) -> Option<Typed<'_>> {
    let first = text.trim_start_matches(['+', '-']);
    if !first.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(integer) = integer(text) {
        return Some(Typed::Integer(integer));
    }
    match first {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Typed::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        ".nan" | ".NaN" | ".NAN" => return Some(Typed::Float(f64::NAN)),
        _ => {}
    }
    let only_number = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    if only_number { text.parse().ok().map(Typed::Float) } else { None }
}

fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.replace('_', "");
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        // Go's parser keeps the octal numbers of YAML 1.1.
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits.as_str()),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Typed<'_>) {
        let scalar = Scalar { text: text.to_owned(), style: Style::Plain };
        assert_eq!(scalar.typed(), expected, "{text:?}");
    }

    #[test]
    fn plain_scalars_have_the_types_of_gos_parser() {
        check("", Typed::Null);
        check("~", Typed::Null);
        check("True", Typed::Bool(true));
        check("yes", Typed::Text("yes"));
        check("5", Typed::Integer(5));
        check("-1_000", Typed::Integer(-1000));
        check("0123", Typed::Integer(83));
        check("0xdeadbeef", Typed::Integer(0xdead_beef));
        check("1e3", Typed::Float(1000.0));
        check("0.5", Typed::Float(0.5));
        check("-.inf", Typed::Float(f64::NEG_INFINITY));
        check("089", Typed::Float(89.0));
        check("1.2.3", Typed::Text("1.2.3"));
        check("5s", Typed::Text("5s"));
        check("infinity", Typed::Text("infinity"));
        check("0x", Typed::Text("0x"));
    }

    #[test]
    fn quotes_make_a_string() {
        let scalar = Scalar { text: "5".to_owned(), style: Style::Quoted };
        assert_eq!(scalar.typed(), Typed::Text("5"));
    }
}
