//! What does a relay cost from end to end, next to a bare forwarder in the same run? Real processes on loopback:
//! `otlp-relay load`, what is measured, `otlp-relay sink`.
//!
//! `cargo bench --bench relay`, with flags behind `--`: see `--help`. Figures of different machines and runs do not compare;
//! ratios within one run do. Without `--bench`, as under `cargo test`, one tiny round tells that everything arrives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs, unreachable_pub)]

mod forwarder;
mod process;
mod report;
mod round;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use report::Report;
use round::{Case, Extent, round};

/// Measures relays from end to end.
#[derive(Debug, Parser)]
struct Flags {
    /// What is measured, in a comma-separated list.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "direct,forwarder,relay,relay-batch,relay-durable")]
    targets: Vec<Target>,
    /// Spans to a request; repeat it for several.
    #[arg(long, value_delimiter = ',', default_value = "1,100,1000")]
    spans: Vec<u64>,
    /// Spans in a second of the runs at a fixed rate, which are those that tell latency; 0 for none.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Seconds of one run.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How often everything is measured; the table shows medians.
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Where the figures are written to as JSON.
    #[arg(long, default_value = "target/relay-bench.json")]
    json: PathBuf,
    /// Set by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
    /// This process is the forwarder: what cargo does not start.
    #[arg(long, hide = true, num_args = 2, value_names = ["LISTEN", "TARGET"])]
    forward: Vec<u16>,
    /// Names of benches, which cargo passes on; there is one.
    #[arg(hide = true)]
    _filters: Vec<String>,
}

/// What stands between generator and sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Target {
    /// Nothing: what generator and sink can do.
    Direct,
    /// A forwarder that copies the bytes of a request and nothing else.
    Forwarder,
    /// A relay with its usual settings.
    Relay,
    /// With a `batch` processor.
    RelayBatch,
    /// With a durable queue.
    RelayDurable,
}

fn main() {
    let flags = Flags::parse();
    if let [listen, target] = flags.forward[..] {
        return forwarder::run(listen, target);
    }
    if !flags.bench {
        return smoke();
    }
    let mut report = Report::default();
    for repeat in 0..flags.repeats.max(1) {
        // In turns the other way round, so that what comes first is not always measured on a cool machine.
        let mut targets = flags.targets.clone();
        if repeat % 2 == 1 {
            targets.reverse();
        }
        for case in cases(&flags) {
            for target in &targets {
                let figures = round(*target, &case);
                println!("{}", report.add(*target, &case, figures));
            }
        }
    }
    println!("\n{}", report.table());
    std::fs::write(&flags.json, report.to_json()).expect("write the JSON");
    println!("{} has every figure of every run", flags.json.display());
}

fn cases(flags: &Flags) -> Vec<Case> {
    let extent = Extent::Time(Duration::from_secs_f64(flags.seconds));
    let mut cases: Vec<Case> = flags.spans.iter().map(|spans| Case { spans: *spans, rate: None, extent }).collect();
    if flags.rate != 0 {
        cases.push(Case { spans: 100, rate: Some(flags.rate), extent });
    }
    cases
}

/// Whether everything that is sent through everything arrives, once.
fn smoke() {
    for target in Target::value_variants() {
        let figures = round(*target, &Case { spans: 10, rate: None, extent: Extent::Spans(200) });
        assert_eq!((figures.accepted, figures.delivered), (200, 200), "{target:?}");
        println!("{target:?}: everything arrives");
    }
}
