//! The figures of all runs: the medians as a table, everything as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::Target;
use crate::round::{Case, Figures};

/// Every figure of every run, by case and target.
#[derive(Default)]
pub struct Report(BTreeMap<(u64, u64, Target), Vec<Figures>>);

/// A case, by what is sorted: its rate, 0 for none, and the spans of a request.
type Key = (u64, u64, Target);

impl Report {
    /// Adds a run; answers a line about it.
    pub fn add(&mut self, target: Target, case: &Case, figures: Figures) -> String {
        let key: Key = (case.rate.unwrap_or(0), case.spans, target);
        self.0.entry(key).or_default().push(figures);
        let Figures { accepted, delivered, spans_per_second, .. } = figures;
        format!(
            "{}, {} spans to a request: {spans_per_second:.0} spans/s, {delivered} delivered of {accepted}",
            name(target),
            case.spans
        )
    }

    /// The medians.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<26} {:<14} {:>10} {:>8} {:>8} {:>8} {:>8} {:>14} {:>10} {:>10} {:>9}\n",
            "case",
            "target",
            "spans/s",
            "MB/s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "CPU s/M spans",
            "forwarder",
            "peak MiB",
            "arrived"
        );
        for ((rate, spans, target), runs) in &self.0 {
            let case = match rate {
                0 => format!("{spans} spans to a request"),
                rate => format!("{rate} spans/s, {spans} each"),
            };
            let cpu = cpu_per_million(runs);
            let floor = self.0.get(&(*rate, *spans, Target::Forwarder)).map(|runs| cpu_per_million(runs));
            let ratio = floor.filter(|floor| 0.0 < *floor && *target != Target::Direct);
            let ratio = ratio.map_or("-".to_owned(), |floor| format!("{:.2} x", cpu / floor));
            let [p50, p99, p999] = [0, 1, 2].map(|at| median(runs, |it| it.latency[at]));
            let _ = writeln!(
                text,
                "{case:<26} {:<14} {:>10.0} {:>8.1} {p50:>8.2} {p99:>8.2} {p999:>8.2} {cpu:>14.2} {ratio:>10} {:>10.1} {:>9.4}",
                name(*target),
                median(runs, |it| it.spans_per_second),
                median(runs, |it| it.bytes_per_second) / 1e6,
                median(runs, |it| it.peak_bytes as f64) / f64::from(1 << 20),
                median(runs, |it| it.delivered as f64 / it.accepted.max(1) as f64),
            );
        }
        text
    }

    /// Everything.
    pub fn to_json(&self) -> String {
        let runs = self.0.iter().flat_map(|((rate, spans, target), runs)| {
            let of = move |it: &Figures| {
                json!({
                    "target": name(*target), "spans_per_request": spans, "rate": (*rate != 0).then_some(rate),
                    "accepted": it.accepted, "delivered": it.delivered, "spans_per_second": it.spans_per_second,
                    "bytes_per_second": it.bytes_per_second,
                    "latency_ms": {"p50": it.latency[0], "p99": it.latency[1], "p99_9": it.latency[2]},
                    "cpu_seconds": it.cpu_seconds, "cpu_seconds_per_million_spans": cpu(it), "peak_bytes": it.peak_bytes,
                })
            };
            runs.iter().map(of).collect::<Vec<Value>>()
        });
        format!("{:#}\n", json!({"runs": runs.collect::<Vec<Value>>()}))
    }
}

fn name(target: Target) -> String {
    target.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Of a span that is delivered.
fn cpu(figures: &Figures) -> f64 {
    figures.cpu_seconds * 1e6 / figures.delivered.max(1) as f64
}

fn cpu_per_million(runs: &[Figures]) -> f64 {
    median(runs, cpu)
}

fn median(runs: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    let mut all: Vec<f64> = runs.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}
