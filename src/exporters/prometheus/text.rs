//! The text formats: Prometheus' own (0.0.4, and 1.0.0 with names of any characters) and OpenMetrics 1.0.

use std::fmt::{self, Display, Write};

use super::name::{is_classic_label, is_classic_metric};
use super::shown::Exposition;
use super::store::{Exemplar, Kind, Labels, Sample, Shown};
use super::value::{Exponential, Histogram, Summary, Value};
use crate::protocol::prometheus::Number;

/// Which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Prometheus,
    OpenMetrics,
}

/// Writes `exposition` down.
pub(super) fn write(exposition: &Exposition, dialect: Dialect) -> String {
    let mut writer = Writer { out: String::new(), dialect, timestamps: exposition.timestamps };
    let names: std::collections::BTreeSet<&str> = exposition.families.iter().map(|family| &*family.head.name).collect();
    for family in &exposition.families {
        let stem = family.head.name.strip_suffix("_total").filter(|stem| !stem.is_empty() && !names.contains(stem));
        // Writing into a text does not fail.
        let _ = writer.family(family, stem);
    }
    if dialect == Dialect::OpenMetrics {
        writer.out.push_str("# EOF\n");
    }
    writer.out
}

struct Writer {
    out: String,
    dialect: Dialect,
    timestamps: bool,
}

impl Writer {
    /// `stem` is the name without `_total`, where no other family has it.
    fn family(&mut self, family: &Shown, stem: Option<&str>) -> fmt::Result {
        let head = &family.head;
        let (name, kind) = match (self.dialect, head.kind, stem) {
            (Dialect::OpenMetrics, Kind::Counter, Some(stem)) => (stem, "counter"),
            // In OpenMetrics a counter ends in _total: as an unknown it keeps its name.
            (Dialect::OpenMetrics, Kind::Counter | Kind::Unknown, _) => (&*head.name, "unknown"),
            (_, kind, _) => (&*head.name, word(kind)),
        };
        let shown = Name(name);
        if !head.help.is_empty() {
            writeln!(self.out, "# HELP {shown} {}", Help(&head.help, self.dialect))?;
        }
        writeln!(self.out, "# TYPE {shown} {kind}")?;
        let has_unit = !head.unit.is_empty() && name.ends_with(&format!("_{}", head.unit));
        if self.dialect == Dialect::OpenMetrics && has_unit {
            writeln!(self.out, "# UNIT {shown} {}", head.unit)?;
        }
        // Only what is shown as a counter may have exemplars.
        let kind = if kind == "unknown" { Kind::Unknown } else { head.kind };
        family.series.iter().try_for_each(|(labels, sample)| self.sample(&head.name, kind, labels, sample))
    }

    fn sample(&mut self, name: &str, kind: Kind, labels: &Labels, sample: &Sample) -> fmt::Result {
        let line = Line { name, labels, time: sample.time };
        match &*sample.value {
            Value::Int(_) | Value::Double(_) => {
                let number = self.number(sample.value.as_number().unwrap_or_default());
                let exemplars = sample.exemplars.iter().filter(|_| kind == Kind::Counter);
                let exemplar = exemplars.max_by_key(|exemplar| exemplar.time);
                self.line(&line, "", None, &number, exemplar)
            }
            Value::Histogram(histogram) => self.histogram(&line, histogram, &sample.exemplars),
            Value::Exponential(exponential) => self.exponential(&line, exponential),
            Value::Summary(summary) => self.summary(&line, summary),
        }
    }

    fn histogram(&mut self, line: &Line<'_>, histogram: &Histogram, exemplars: &[Exemplar]) -> fmt::Result {
        let mut below = f64::NEG_INFINITY;
        for (bound, count) in histogram.cumulative() {
            let within = exemplars.iter().filter(|exemplar| below < exemplar.value && exemplar.value <= bound);
            let largest = within.max_by(|a, b| a.value.total_cmp(&b.value));
            let le = self.number(bound);
            self.line(line, "_bucket", Some(("le", &le)), &count.to_string(), largest)?;
            below = bound;
        }
        // OpenMetrics allows no sum beside negative values, since it may fall.
        let may_fall =
            self.dialect == Dialect::OpenMetrics && histogram.bounds.first().is_some_and(|first| *first < 0.0);
        self.sum_and_count(line, histogram.sum.filter(|_| !may_fall), histogram.count())
    }

    /// Text has no exponential buckets: as in the Collector, what is left is one bucket with everything.
    fn exponential(&mut self, line: &Line<'_>, exponential: &Exponential) -> fmt::Result {
        self.line(line, "_bucket", Some(("le", "+Inf")), &exponential.count.to_string(), None)?;
        let may_fall = self.dialect == Dialect::OpenMetrics && !exponential.negative.is_empty();
        self.sum_and_count(line, exponential.sum.filter(|_| !may_fall), exponential.count)
    }

    fn summary(&mut self, line: &Line<'_>, summary: &Summary) -> fmt::Result {
        for (quantile, value) in &summary.quantiles {
            let (quantile, value) = (self.number(*quantile), self.number(*value));
            self.line(line, "", Some(("quantile", &quantile)), &value, None)?;
        }
        self.sum_and_count(line, Some(summary.sum), summary.count)
    }

    fn sum_and_count(&mut self, line: &Line<'_>, sum: Option<f64>, count: u64) -> fmt::Result {
        if let Some(sum) = sum {
            let sum = self.number(sum);
            self.line(line, "_sum", None, &sum, None)?;
        }
        self.line(line, "_count", None, &count.to_string(), None)
    }

    fn line(
        &mut self,
        line: &Line<'_>,
        suffix: &str,
        extra: Option<(&str, &str)>,
        value: &str,
        exemplar: Option<&Exemplar>,
    ) -> fmt::Result {
        let quoted = !is_classic_metric(line.name);
        if !quoted {
            write!(self.out, "{}{suffix}", line.name)?;
        }
        let mut separator = '{';
        if quoted {
            write!(self.out, "{{\"{}{suffix}\"", Escaped(line.name))?;
            separator = ',';
        }
        let own = line.labels.iter().map(|(name, value)| (&**name, &**value));
        for (name, value) in own.chain(extra) {
            write!(self.out, "{separator}{}=\"{}\"", LabelName(name), Escaped(value))?;
            separator = ',';
        }
        if separator == ',' {
            self.out.push('}');
        }
        write!(self.out, " {value}")?;
        if self.timestamps && line.time != 0 {
            match self.dialect {
                Dialect::Prometheus => write!(self.out, " {}", line.time / MILLI)?,
                Dialect::OpenMetrics => write!(self.out, " {}", Seconds(line.time))?,
            }
        }
        if let Some(exemplar) = exemplar.filter(|_| self.dialect == Dialect::OpenMetrics) {
            self.exemplar(exemplar)?;
        }
        self.out.push('\n');
        Ok(())
    }

    fn exemplar(&mut self, exemplar: &Exemplar) -> fmt::Result {
        self.out.push_str(" # {");
        for (index, (name, value)) in exemplar.labels.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(self.out, "{separator}{}=\"{}\"", LabelName(name), Escaped(value))?;
        }
        let value = self.number(exemplar.value);
        write!(self.out, "}} {value}")?;
        if exemplar.time == 0 { Ok(()) } else { write!(self.out, " {}", Seconds(exemplar.time)) }
    }

    fn number(&self, number: f64) -> String {
        match self.dialect {
            Dialect::Prometheus => Number(number).to_string(),
            Dialect::OpenMetrics => Number(number).in_open_metrics(),
        }
    }
}

/// What the lines of a sample have in common.
struct Line<'a> {
    name: &'a str,
    labels: &'a Labels,
    time: u64,
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
        Kind::Summary => "summary",
        Kind::Unknown => "untyped",
    }
}

/// The name of a metric, in quotes where it needs them.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_classic_metric(self.0) { f.write_str(self.0) } else { write!(f, "\"{}\"", Escaped(self.0)) }
    }
}

/// The name of a label, in quotes where it needs them.
struct LabelName<'a>(&'a str);

impl Display for LabelName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_classic_label(self.0) { f.write_str(self.0) } else { write!(f, "\"{}\"", Escaped(self.0)) }
    }
}

/// A text between quotes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

/// A description, which has no quotes around it.
struct Help<'a>(&'a str, Dialect);

impl Display for Help<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' if self.1 == Dialect::OpenMetrics => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

/// A time in seconds, to the millisecond.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / MILLI;
        write!(f, "{}.{:03}", millis / 1000, millis % 1000)
    }
}

const MILLI: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(Escaped("a\"b\\c\nd").to_string(), "a\\\"b\\\\c\\nd");
        assert_eq!(Help("a\"b\nc", Dialect::Prometheus).to_string(), "a\"b\\nc");
        assert_eq!(Help("a\"b", Dialect::OpenMetrics).to_string(), "a\\\"b");
        assert_eq!(Name("a.b").to_string(), "\"a.b\"");
        assert_eq!(Seconds(1_700_000_000_123_456_789).to_string(), "1700000000.123");
    }
}
