//! How Go writes durations: `1h30m`, `1.5s`, `200ms` (time.ParseDuration).

use std::time::Duration;

/// A duration that may be negative, since the Collector's checks speak of that themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GoDuration {
    /// Zero or more.
    Forward(Duration),
    /// Less than zero.
    Negative,
}

/// A duration of the command line, written as in the configuration: `90s`, `1h30m`.
///
/// # Errors
/// What is wrong with `text`, in Go's words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        GoDuration::Forward(duration) => Ok(duration),
        GoDuration::Negative => Err(format!("{text} is negative")),
    }
}

/// How Prometheus writes durations: whole numbers with the units y, w, d, h, m, s and ms, the larger ones first.
pub(crate) fn parse_prometheus(text: &str) -> Result<Duration, String> {
    let invalid = || format!("not a valid duration string: {text:?}");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut millis, mut rest, mut units) = (0_u64, text, PROMETHEUS_UNITS.iter());
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    while !rest.is_empty() {
        let (number, after) = split_at_first(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_at_first(after, |c| c.is_ascii_digit());
        let (_, scale) = units.find(|(known, _)| *known == unit).ok_or_else(invalid)?;
        let more = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*scale));
        millis = more.and_then(|more| millis.checked_add(more)).ok_or_else(invalid)?;
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

/// Each with its milliseconds.
const PROMETHEUS_UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads `text`; the messages are Go's.
pub(crate) fn parse(text: &str) -> Result<GoDuration, String> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned == "0" {
        return Ok(GoDuration::Forward(Duration::ZERO));
    }
    let invalid = || format!("time: invalid duration {text:?}");
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let mut nanos: u128 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (number, after) = split_at_first(rest, |c| !c.is_ascii_digit() && c != '.');
        let (unit, after) = split_at_first(after, |c| c.is_ascii_digit() || c == '.');
        let scale = match (number, unit) {
            ("", _) => return Err(invalid()),
            (_, "") => return Err(format!("time: missing unit in duration {text:?}")),
            _ => scale_of(unit).ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?,
        };
        nanos = number_of(number, scale).and_then(|more| nanos.checked_add(more)).ok_or_else(invalid)?;
        rest = after;
    }
    // Go counts nanoseconds in 63 bits.
    let nanos = u64::try_from(nanos).ok().filter(|nanos| *nanos <= i64::MAX as u64).ok_or_else(invalid)?;
    match (negative, nanos) {
        (true, 1..) => Ok(GoDuration::Negative),
        _ => Ok(GoDuration::Forward(Duration::from_nanos(nanos))),
    }
}

fn split_at_first(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

/// Nanoseconds in a unit.
fn scale_of(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// `number` times `scale`, cut off below a nanosecond.
fn number_of(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Digits beyond these are below a nanosecond for every unit.
    let digits = &fraction[..fraction.len().min(18)];
    let part: u128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let power = 10_u128.pow(digits.len() as u32);
    whole.checked_mul(scale)?.checked_add(part * scale / power)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, nanos: u64) {
        assert_eq!(parse(text), Ok(GoDuration::Forward(Duration::from_nanos(nanos))), "{text}");
    }

    #[track_caller]
    fn check_fault(text: &str, expected: &str) {
        assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
    }

    #[test]
    fn durations_are_written_as_in_go() {
        check("0", 0);
        check("5s", 5_000_000_000);
        check("+5s", 5_000_000_000);
        check("1.5s", 1_500_000_000);
        check(".5s", 500_000_000);
        check("1.s", 1_000_000_000);
        check("1h30m", 5_400_000_000_000);
        check("1m0.5s", 60_500_000_000);
        check("3us2\u{b5}s1\u{3bc}s", 6_000);
        check("0.1ns", 0);
        check("-0s", 0);
        assert_eq!(parse("-1s"), Ok(GoDuration::Negative));
    }

    #[test]
    fn the_messages_are_gos() {
        check_fault("5", "time: missing unit in duration \"5\"");
        check_fault("1d", "time: unknown unit \"d\" in duration \"1d\"");
        check_fault("1 s", "time: unknown unit \" s\" in duration \"1 s\"");
        check_fault("", "time: invalid duration \"\"");
        check_fault("s", "time: invalid duration \"s\"");
        check_fault(".s", "time: invalid duration \".s\"");
        check_fault("1.2.3s", "time: invalid duration \"1.2.3s\"");
        check_fault("9999999h", "time: invalid duration \"9999999h\"");
    }

    proptest! {
        #[test]
        fn parts_add_up(hours in 0_u64..1000, minutes in 0_u64..100, millis in 0_u64..100_000, nanos in 0_u64..1000) {
            let text = format!("{hours}h{minutes}m{}.{:03}s{nanos}ns", millis / 1000, millis % 1000);
            let expected = Duration::from_secs(hours * 3600 + minutes * 60)
                + Duration::from_millis(millis)
                + Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&text), Ok(GoDuration::Forward(expected)));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.nsumhµé ]{0,50}") {
            let _ = parse(&text);
        }
    }
}
