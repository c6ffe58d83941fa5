//! What a scraped page says: Prometheus' text format 0.0.4 (and 1.0.0 with names of all characters), and OpenMetrics 1.0.

use std::collections::HashMap;
use std::fmt;

use super::cursor::Cursor;
use super::native::Native;
use crate::protocol::prometheus::Number;

/// Which text a page is written in. They differ in times, in exemplars and in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Prometheus,
    OpenMetrics,
}

/// What a family of samples is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// With bounds at powers of a base; in protobuf alone, and no type of its own there.
    NativeHistogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    #[default]
    Unknown,
}

/// What a page says of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) kind: Kind,
    pub(super) help: String,
    pub(super) unit: String,
}

/// One line with a value. Times are in nanoseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
    pub(super) time: Option<u64>,
    pub(super) exemplars: Vec<Exemplar>,
    /// Since when it counts, in seconds since 1970: in protobuf, where that is no sample of its own.
    pub(super) created: Option<f64>,
    /// In place of a value.
    pub(super) native: Option<Box<Native>>,
}

/// A measurement to look closer at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
    pub(super) time: Option<u64>,
}

/// A whole page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Exposition {
    pub(super) samples: Vec<Sample>,
    pub(super) about: HashMap<String, About>,
}

/// Why a page cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// From 1.
    pub(super) line: usize,
    pub(super) what: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Unreadable {}

/// Reads a page.
///
/// # Errors
/// The first line that is not in the format.
pub(super) fn read(text: &str, format: Text) -> Result<Exposition, Unreadable> {
    let mut exposition = Exposition::default();
    let mut lines = 0;
    for (index, line) in text.split('\n').enumerate() {
        lines = index + 1;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let at_line = |what: String| Unreadable { line: index + 1, what };
        match line.trim_start_matches([' ', '\t']) {
            "" => {}
            "# EOF" if format == Text::OpenMetrics => return Ok(exposition),
            comment if comment.starts_with('#') => exposition.comment(comment, format).map_err(at_line)?,
            sample => {
                let mut sample = read_sample(sample, format).map_err(at_line)?;
                exposition.normalize(&mut sample);
                exposition.samples.push(sample);
            }
        }
    }
    match format {
        Text::Prometheus => Ok(exposition),
        // Without it, nobody knows whether that is all.
        Text::OpenMetrics => Err(Unreadable { line: lines, what: "the page ends without # EOF".to_owned() }),
    }
}

impl Exposition {
    /// Bounds and quantiles are numbers: one of them in two spellings is one series.
    fn normalize(&self, sample: &mut Sample) {
        let Sample { name, labels, .. } = sample;
        for (label, text) in labels {
            let (family, kind) = match label.as_str() {
                "le" => (name.strip_suffix("_bucket"), Kind::Histogram),
                "quantile" => (Some(name.as_str()), Kind::Summary),
                _ => continue,
            };
            let about = family.and_then(|family| self.about.get(family));
            if let Some(Ok(found)) = about.filter(|about| about.kind == kind).map(|_| text.parse()) {
                *text = Number(found).in_open_metrics();
            }
        }
    }

    /// `# TYPE name counter`; other comments than the known ones mean nothing.
    fn comment(&mut self, line: &str, format: Text) -> Result<(), String> {
        let mut cursor = Cursor::new(line.trim_start_matches('#'));
        cursor.blanks();
        let word = cursor.word();
        if !matches!(word, "TYPE" | "HELP" | "UNIT") {
            return Ok(());
        }
        cursor.blanks();
        let name = if cursor.peek() == Some('"') { cursor.quoted()? } else { cursor.word().to_owned() };
        let rest = cursor.rest();
        let about = self.about.entry(name).or_default();
        match word {
            "TYPE" => about.kind = kind(rest.trim()).ok_or_else(|| format!("unknown type {:?}", short(rest.trim())))?,
            // One blank stands before it; more of them belong to it.
            "HELP" => about.help = unescaped(rest.get(1..).unwrap_or_default()),
            _ if format == Text::OpenMetrics => about.unit = rest.trim().to_owned(),
            _ => {}
        }
        Ok(())
    }
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        "gaugehistogram" => Kind::GaugeHistogram,
        "summary" => Kind::Summary,
        "info" => Kind::Info,
        "stateset" => Kind::StateSet,
        "untyped" | "unknown" => Kind::Unknown,
        _ => return None,
    })
}

impl Kind {
    /// The word of OpenMetrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram | Kind::NativeHistogram => "histogram",
            Kind::GaugeHistogram => "gaugehistogram",
            Kind::Summary => "summary",
            Kind::Info => "info",
            Kind::StateSet => "stateset",
            Kind::Unknown => "unknown",
        }
    }
}

fn read_sample(line: &str, format: Text) -> Result<Sample, String> {
    let mut cursor = Cursor::new(line);
    let mut name = cursor.name().to_owned();
    cursor.blanks();
    let mut labels = Vec::new();
    if cursor.peek() == Some('{') {
        let quoted = cursor.labels(&mut labels)?;
        match quoted {
            Some(quoted) if name.is_empty() => name = quoted,
            Some(_) => return Err("a second name of the metric".to_owned()),
            None => {}
        }
    }
    if name.is_empty() {
        return Err(format!("expected the name of a metric, found {:?}", short(line)));
    }
    let value = cursor.number()?;
    let time = time(&mut cursor, format)?;
    cursor.blanks();
    let exemplar = match (cursor.peek(), format) {
        (None, _) => None,
        (Some('#'), Text::OpenMetrics) => Some(exemplar(&mut cursor)?),
        (Some(_), _) => return Err(format!("expected the end of the line, found {:?}", short(cursor.rest()))),
    };
    Ok(Sample { name, labels, value, time, exemplars: exemplar.into_iter().collect(), ..Sample::default() })
}

fn exemplar(cursor: &mut Cursor<'_>) -> Result<Exemplar, String> {
    cursor.skip('#')?;
    cursor.blanks();
    let mut labels = Vec::new();
    cursor.labels(&mut labels)?;
    let value = cursor.number()?;
    Ok(Exemplar { labels, value, time: time(cursor, Text::OpenMetrics)? })
}

/// A time, if there is one: milliseconds, in OpenMetrics seconds.
fn time(cursor: &mut Cursor<'_>, format: Text) -> Result<Option<u64>, String> {
    cursor.blanks();
    if cursor.peek().is_none_or(|c| c == '#') {
        return Ok(None);
    }
    let word = cursor.rest().split([' ', '\t']).next().unwrap_or_default();
    let number = cursor.number()?;
    let power = match format {
        Text::Prometheus => 6,
        Text::OpenMetrics => 9,
    };
    // Casts of floats saturate: before 1970 is no time that OTLP has.
    let nanos = exact(word, power).unwrap_or((number * 10_f64.powi(power as i32)) as u64);
    Ok(Some(nanos).filter(|time| *time != 0))
}

/// A decimal number times ten to the `power`: a float has no room for the nanoseconds of today.
fn exact(word: &str, power: usize) -> Option<u64> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let is_decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_decimal(whole) || !is_decimal(fraction) {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(power)];
    format!("{whole}{fraction}{}", "0".repeat(power - fraction.len())).parse().ok()
}

/// `\n` and `\\` in a description.
fn unescaped(text: &str) -> String {
    let (mut out, mut escaped) = (String::with_capacity(text.len()), false);
    for c in text.chars() {
        match (escaped, c) {
            (false, '\\') => {
                escaped = true;
                continue;
            }
            (true, 'n') => out.push('\n'),
            (true, '\\' | '"') => out.push(c),
            (true, c) => out.extend(['\\', c]),
            (false, c) => out.push(c),
        }
        escaped = false;
    }
    out
}

/// The beginning of a text that may be long.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn sample(line: &str, format: Text) -> Sample {
        let mut read = read(&format!("{line}\n# EOF"), format).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(read.samples.len(), 1, "{line}");
        read.samples.remove(0)
    }

    #[track_caller]
    fn check(line: &str, name: &str, labels: &[(&str, &str)], value: f64, time: Option<u64>) {
        let found = sample(line, Text::Prometheus);
        let shown: Vec<(&str, &str)> = found.labels.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!((found.name.as_str(), &*shown, found.time), (name, labels, time), "{line}");
        assert!(found.value == value || (found.value.is_nan() && value.is_nan()), "{line}: {}", found.value);
    }

    #[test]
    fn samples_are_read_in_all_spellings() {
        check("a 1", "a", &[], 1.0, None);
        check("  a{} 1.5e3 ", "a", &[], 1500.0, None);
        check(
            "a_b:c{x=\"y\"} +Inf 1700000000123",
            "a_b:c",
            &[("x", "y")],
            f64::INFINITY,
            Some(1_700_000_000_123_000_000),
        );
        check("a { x = \"y\" , z=\"\" , } NaN", "a", &[("x", "y"), ("z", "")], f64::NAN, None);
        check("a{x=\"q\\\"b\\\\s\\nn\\t\"} -Inf\r", "a", &[("x", "q\"b\\s\nn\\t")], f64::NEG_INFINITY, None);
        check("{\"a.b\",\"x.y\"=\"z\"} 0", "a.b", &[("x.y", "z")], 0.0, None);
        check("a{x=\"}{,= #\"} 1", "a", &[("x", "}{,= #")], 1.0, None);
    }

    #[test]
    fn openmetrics_has_seconds_and_exemplars() {
        let found = sample("a_total{x=\"y\"} 5 1.5 # {trace_id=\"ab\"} 0.25 2.5", Text::OpenMetrics);
        let exemplar = &found.exemplars[0];
        assert_eq!((found.value, found.time), (5.0, Some(1_500_000_000)));
        assert_eq!((exemplar.value, exemplar.time), (0.25, Some(2_500_000_000)));
        assert_eq!(exemplar.labels, [("trace_id".to_owned(), "ab".to_owned())]);
        assert_eq!(read("a 1\n# EOF\nnot read", Text::OpenMetrics).unwrap().samples.len(), 1);
    }

    #[test]
    fn families_are_described() {
        let text = "# HELP a said\\nof  \\\\a \n# TYPE a counter\n# UNIT a seconds\n# a comment\n#\na 1\n# TYPE \"b.c\" gauge\n# EOF\n";
        let read = read(text, Text::OpenMetrics).unwrap();
        let about = About { kind: Kind::Counter, help: "said\nof  \\a ".to_owned(), unit: "seconds".to_owned() };
        assert_eq!(read.about["a"], about);
        assert_eq!(read.about["b.c"].kind, Kind::Gauge);
    }

    #[test]
    fn bounds_and_quantiles_have_one_spelling() {
        let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1e6\"} 1\nh_bucket{le=\"x\"} 1\n\
                    # TYPE s summary\ns{quantile=\"0.50\"} 1\ng{le=\"1\"} 1\n";
        let found = read(text, Text::Prometheus).unwrap().samples;
        let marks: Vec<&str> = found.iter().map(|sample| sample.labels[0].1.as_str()).collect();
        assert_eq!(marks, ["1.0", "1e+06", "x", "0.5", "1"]);
    }

    #[test]
    fn a_page_of_openmetrics_has_its_end() {
        let what = "the page ends without # EOF".to_owned();
        assert_eq!(read("a 1\n", Text::OpenMetrics), Err(Unreadable { line: 2, what }));
        assert!(read("", Text::OpenMetrics).is_err() && read("# EOF", Text::OpenMetrics).is_ok());
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (text, line, what) in [
            ("a 1\n<html>", 2, "expected the name of a metric, found \"<html>\""),
            ("a", 1, "expected a number, found \"\""),
            ("a x", 1, "expected a number, found \"x\""),
            ("a{x=1} 1", 1, "expected '\"', found \"1} 1\""),
            ("a{x=\"y", 1, "a text has no end"),
            ("a{x=\"y\"", 1, "expected '}', found \"\""),
            ("a 1 2 3", 1, "expected the end of the line, found \"3\""),
            ("# TYPE a thing", 1, "unknown type \"thing\""),
            ("{\"a\",\"b\"} 1", 1, "a second name of the metric"),
        ] {
            assert_eq!(read(text, Text::Prometheus), Err(Unreadable { line, what: what.to_owned() }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_page_panics(text in "[a-z{}=\"\\\\#0-9 .,\n+-]{0,80}", any in "\\PC{0,40}") {
            for text in [text, any] {
                let _ = read(&text, Text::Prometheus);
                let _ = read(&text, Text::OpenMetrics);
            }
        }
    }
}
