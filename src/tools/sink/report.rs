//! What a sink says of itself: as JSON, as a table for a terminal, as a line for a log.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::ledger::BOUNDS;
use super::runs::RunFigures;
use crate::protocol::Protocol;
use crate::signal::Signal;
use crate::units::ByteCount;

/// Everything that a sink has counted.
#[derive(Clone, Debug)]
pub struct Report {
    /// Since the start or the last reset.
    pub elapsed: Duration,
    /// What was taken.
    pub signals: Vec<(Signal, Count)>,
    /// Requests that were taken.
    pub by_protocol: [(Protocol, u64); Protocol::ALL.len()],
    /// Requests that met a fault, by its name.
    pub faults: BTreeMap<String, u64>,
    /// Requests that were refused without one, by the class of the failure.
    pub refused: BTreeMap<&'static str, u64>,
    /// What is known of each run, by name.
    pub runs: Vec<RunReport>,
    /// Items that say of which run they are, and are not told apart from others.
    pub untracked: u64,
    /// Pages of sequence numbers in use.
    pub pages: usize,
}

/// What was taken of one signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Export requests.
    pub requests: u64,
    /// Spans, data points, log records or samples.
    pub items: u64,
    /// Bytes of protobuf, uncompressed.
    pub bytes: u64,
    /// Items that were rejected by `partial_success`; not among `items`.
    pub rejected: u64,
}

/// What is known of one run.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// Its name.
    pub run: String,
    /// Its signals that anything has come of.
    pub signals: Vec<(Signal, RunFigures)>,
}

impl Report {
    /// Spans, data points, log records and samples together.
    pub fn total(&self) -> Count {
        self.signals.iter().fold(Count::default(), |sum, (_, count)| Count {
            requests: sum.requests + count.requests,
            items: sum.items + count.items,
            bytes: sum.bytes + count.bytes,
            rejected: sum.rejected + count.rejected,
        })
    }

    /// It as one JSON object.
    pub fn to_json(&self) -> Value {
        let signals: Map<String, Value> =
            self.signals.iter().map(|(signal, count)| (signal.name().to_owned(), count.to_json())).collect();
        let by_protocol: Map<String, Value> =
            self.by_protocol.iter().map(|(it, count)| (it.name().to_owned(), json!(count))).collect();
        let bounds: Map<String, Value> = BOUNDS.iter().map(|(name, most)| ((*name).to_owned(), json!(most))).collect();
        json!({
            "seconds": (self.elapsed.as_secs_f64() * 1e3).round() / 1e3,
            "signals": signals,
            "total": self.total().to_json(),
            "requests_by_protocol": by_protocol,
            "faults": self.faults,
            "refused": self.refused,
            "runs": self.runs.iter().map(RunReport::to_json).collect::<Vec<_>>(),
            "untracked_items": self.untracked,
            "sequence_pages": self.pages,
            "bounds": bounds,
        })
    }

    /// One line for a log: what came since `before`, and all in all.
    pub fn line(&self, before: &Report) -> String {
        let (now, then) = (self.total(), before.total());
        let seconds = self.elapsed.saturating_sub(before.elapsed).as_secs_f64();
        let mut line = format!(
            "{:.0} items/s, {:.0} requests/s; in all {} items in {} requests, {}",
            rate(now.items, then.items, seconds),
            rate(now.requests, then.requests, seconds),
            grouped(now.items),
            grouped(now.requests),
            ByteCount(now.bytes)
        );
        for part in self.asides() {
            let _ = write!(line, "; {part}");
        }
        line
    }

    /// A table with a row for each signal that something has come of, with what came in a second since `before`.
    pub fn table(&self, before: &Report) -> String {
        let seconds = self.elapsed.saturating_sub(before.elapsed).as_secs_f64();
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        let signals = self.signals.iter().zip(&before.signals).filter(|((_, count), _)| count.requests != 0);
        for ((signal, now), (_, then)) in signals {
            rows.push([
                signal.name().to_owned(),
                grouped(rate(now.items, then.items, seconds) as u64),
                grouped(rate(now.requests, then.requests, seconds) as u64),
                format!("{}/s", ByteCount(rate(now.bytes, then.bytes, seconds) as u64)),
                grouped(now.items),
                grouped(now.requests),
                ByteCount(now.bytes).to_string(),
            ]);
        }
        let mut text = aligned(&rows);
        for part in self.asides() {
            text.push_str(&part);
            text.push('\n');
        }
        text
    }

    /// What there is beside the counts: faults, refusals, runs.
    fn asides(&self) -> Vec<String> {
        let list = |counts: &mut dyn Iterator<Item = (&str, u64)>| {
            counts.map(|(name, count)| format!("{name} {}", grouped(count))).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        if !self.faults.is_empty() {
            let faults = list(&mut self.faults.iter().map(|(name, count)| (name.as_str(), *count)));
            parts.push(format!("faults: {faults}"));
        }
        if !self.refused.is_empty() {
            parts.push(format!("refused: {}", list(&mut self.refused.iter().map(|(name, count)| (*name, *count)))));
        }
        let of_run = |run: &RunReport| run.signals.iter().map(|(signal, it)| run.line(*signal, it)).collect::<Vec<_>>();
        parts.extend(self.runs.iter().rev().take(SHOWN_RUNS).flat_map(of_run));
        if SHOWN_RUNS < self.runs.len() {
            parts.push(format!("and {} runs more", self.runs.len() - SHOWN_RUNS));
        }
        if self.untracked != 0 {
            parts.push(format!("{} items are not told apart: see bounds in /api/status", grouped(self.untracked)));
        }
        parts
    }
}

impl Count {
    fn to_json(self) -> Value {
        let Count { requests, items, bytes, rejected } = self;
        json!({"requests": requests, "items": items, "bytes": bytes, "rejected_items": rejected})
    }
}

impl RunReport {
    /// It as one JSON object.
    pub fn to_json(&self) -> Value {
        let figures = |it: &RunFigures| {
            let RunFigures { items, distinct, doubled, missing, highest, untracked } = it;
            json!({
                "items": items, "distinct": distinct, "doubled": doubled, "missing": missing, "highest": highest,
                "untracked": untracked,
            })
        };
        let signals: Map<String, Value> =
            self.signals.iter().map(|(signal, it)| (signal.name().to_owned(), figures(it))).collect();
        json!({"run": self.run, "signals": signals})
    }

    fn line(&self, signal: Signal, it: &RunFigures) -> String {
        let name: String = self.run.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        let (distinct, doubled, missing) = (grouped(it.distinct), grouped(it.doubled), grouped(it.missing));
        format!("run {name}: {distinct} {}, {doubled} doubled, {missing} missing", signal.facts().item_noun)
    }
}

fn rate(now: u64, then: u64, seconds: f64) -> f64 {
    if 0.0 < seconds { now.saturating_sub(then) as f64 / seconds } else { 0.0 }
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The first column to the left, the others to the right.
fn aligned(rows: &[[String; HEADINGS.len()]]) -> String {
    let widths: [usize; HEADINGS.len()] =
        std::array::from_fn(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let _ = write!(text, "{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

const HEADINGS: [&str; 7] = ["signal", "items/s", "requests/s", "rate", "items", "requests", "bytes"];

/// Runs in a table or a line; the JSON has all of them.
const SHOWN_RUNS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn columns_are_aligned() {
        let row = |first: &str, other: &str| std::array::from_fn(|at| if at == 0 { first } else { other }.to_owned());
        let text = aligned(&[row("signal", "x"), row("logs", "1,000")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].len(), lines[1].len());
        assert!(lines[1].starts_with("logs    1,000"), "{text}");
    }
}
