//! Units of measurement: UCUM's symbols, which OpenTelemetry uses, and Prometheus' words for them.

/// Each symbol with its word.
pub const UNITS: &[(&str, &str)] = &[
    ("1", ""),
    ("%", "percent"),
    ("A", "amperes"),
    ("By", "bytes"),
    ("Cel", "celsius"),
    ("GBy", "gigabytes"),
    ("GiBy", "gibibytes"),
    ("Hz", "hertz"),
    ("J", "joules"),
    ("KBy", "kilobytes"),
    ("KiBy", "kibibytes"),
    ("MBy", "megabytes"),
    ("MiBy", "mebibytes"),
    ("TBy", "terabytes"),
    ("TiBy", "tibibytes"),
    ("V", "volts"),
    ("W", "watts"),
    ("d", "days"),
    ("g", "grams"),
    ("h", "hours"),
    ("kBy", "kilobytes"),
    ("m", "meters"),
    ("min", "minutes"),
    ("ms", "milliseconds"),
    ("ns", "nanoseconds"),
    ("s", "seconds"),
    ("us", "microseconds"),
];

/// The same behind a stroke.
pub const PER_UNITS: &[(&str, &str)] =
    &[("d", "day"), ("h", "hour"), ("m", "minute"), ("mo", "month"), ("s", "second"), ("w", "week"), ("y", "year")];

/// The symbol of what metadata of Prometheus calls `word`: `By/s` of `bytes_per_second`. A word that is not known is its own
/// symbol.
pub fn symbol(word: &str) -> String {
    let find = |word: &str, table: &[(&str, &str)]| {
        // Of two symbols the later one is UCUM's.
        table.iter().rfind(|(_, known)| *known == word).map_or(word, |(symbol, _)| symbol).to_owned()
    };
    if word.is_empty() {
        return String::new();
    }
    match word.split_once("per_") {
        Some((main, per)) => format!("{}/{}", find(main.trim_end_matches('_'), UNITS), find(per, PER_UNITS)),
        None if word == "ratio" => "1".to_owned(),
        None => find(word, UNITS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_symbols() {
        for (word, expected) in [
            ("bytes", "By"),
            ("seconds", "s"),
            ("bytes_per_second", "By/s"),
            ("ratio", "1"),
            ("kilobytes", "kBy"),
            ("boxes", "boxes"),
            ("", ""),
        ] {
            assert_eq!(symbol(word), expected, "{word}");
        }
    }
}
