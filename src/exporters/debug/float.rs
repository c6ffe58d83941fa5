//! How floating-point numbers are written: as Go's `%f` and `%v` do, and as ECMAScript and JSON do.

use std::fmt::{self, Display};

/// With six decimals: Go's `%f`.
pub(super) struct Fixed(pub(super) f64);

/// As short as it can be, with an exponent below 1e-4 and from 1e21: Go's `%v`.
pub(super) struct Short(pub(super) f64);

/// As short as it can be, with an exponent below 1e-6 and from 1e21: ECMAScript's, as in attribute values.
pub(super) struct Script(pub(super) f64);

impl Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() { write!(f, "{:.6}", self.0) } else { f.write_str(go_special(self.0)) }
    }
}

impl Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_finite() {
            return f.write_str(go_special(self.0));
        }
        if is_plain(self.0, 1e-4) {
            return write!(f, "{}", self.0);
        }
        let (digits, exponent) = scientific(self.0);
        write!(f, "{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
    }
}

impl Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("NaN");
        }
        if self.0.is_infinite() {
            return f.write_str(if self.0 < 0.0 { "-Infinity" } else { "Infinity" });
        }
        if is_plain(self.0, 1e-6) {
            return write!(f, "{}", self.0);
        }
        let (digits, exponent) = scientific(self.0);
        write!(f, "{digits}e{exponent:+}")
    }
}

fn is_plain(number: f64, least: f64) -> bool {
    number == 0.0 || (least <= number.abs() && number.abs() < 1e21)
}

/// The shortest digits that are read back as `number`, and the exponent of ten.
fn scientific(number: f64) -> (String, i32) {
    let text = format!("{number:e}");
    match text.split_once('e').map(|(digits, exponent)| (digits.to_owned(), exponent.parse())) {
        Some((digits, Ok(exponent))) => (digits, exponent),
        _ => (text, 0),
    }
}

fn go_special(number: f64) -> &'static str {
    match (number.is_nan(), number < 0.0) {
        (true, _) => "NaN",
        (false, true) => "-Inf",
        (false, false) => "+Inf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: f64, fixed: &str, short: &str, script: &str) {
        let written = (Fixed(number).to_string(), Short(number).to_string(), Script(number).to_string());
        assert_eq!(written, (fixed.to_owned(), short.to_owned(), script.to_owned()), "{number:?}");
    }

    #[test]
    fn numbers_are_written_as_go_and_ecmascript_write_them() {
        check(0.0, "0.000000", "0", "0");
        check(34.22, "34.220000", "34.22", "34.22");
        check(-1.5, "-1.500000", "-1.5", "-1.5");
        check(1e20, "100000000000000000000.000000", "100000000000000000000", "100000000000000000000");
        check(1e21, "1000000000000000000000.000000", "1e+21", "1e+21");
        check(0.00012, "0.000120", "0.00012", "0.00012");
        check(0.000012, "0.000012", "1.2e-05", "0.000012");
        check(1e-7, "0.000000", "1e-07", "1e-7");
        check(f64::NAN, "NaN", "NaN", "NaN");
        check(f64::INFINITY, "+Inf", "+Inf", "Infinity");
        check(f64::NEG_INFINITY, "-Inf", "-Inf", "-Infinity");
    }
}
