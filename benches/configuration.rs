//! How long does it take from the text of a configuration to a checked one, and to the plan of its pipelines?
//!
//! `cargo bench --bench configuration`

#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::hint::black_box;
use std::io;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use otlp_relay::config::{Config, Environment, FetchError, Origin, load};
use otlp_relay::pipeline::plan;

/// One file in memory.
struct InMemory(String);

impl Environment for InMemory {
    fn var(&self, _: &str) -> Option<String> {
        Some("value".to_owned())
    }

    fn exists(&self, _: &Path) -> bool {
        true
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }

    fn fetch(&self, _: &http::Uri) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::Status(404))
    }
}

/// A configuration with so many exporters, each of which has a pipeline of its own.
fn text(exporters: usize) -> String {
    let mut text =
        "receivers: {otlp: {protocols: {grpc: {}, http: {}}}}\nprocessors: {batch: {}}\nexporters:\n".to_owned();
    for number in 0..exporters {
        writeln!(
            text,
            "  otlp_grpc/{number}:\n    endpoint: 'backend-{number}.example.com:4317'\n    headers: {{x-tenant: '${{env:TENANT}}'}}\n    \
             retry_on_failure: {{max_elapsed_time: 10m}}\n    sending_queue: {{queue_size: 5000}}"
        )
        .unwrap();
    }
    text.push_str("service:\n  pipelines:\n");
    for number in 0..exporters {
        writeln!(
            text,
            "    traces/{number}: {{receivers: [otlp], processors: [batch], exporters: [otlp_grpc/{number}]}}"
        )
        .unwrap();
    }
    text
}

fn read(environment: &InMemory) -> Config {
    let origin = Origin { locations: vec!["relay.yaml".to_owned()], ..Origin::default() };
    load(&origin, environment).unwrap()
}

fn configuration(c: &mut Criterion) {
    let mut group = c.benchmark_group("configuration");
    for exporters in [1, 10, 100] {
        let environment = InMemory(text(exporters));
        group.bench_with_input(BenchmarkId::new("load", exporters), &environment, |b, environment| {
            b.iter(|| read(black_box(environment)));
        });
        let config = read(&environment);
        group.bench_with_input(BenchmarkId::new("plan", exporters), &config, |b, config| {
            b.iter(|| plan(black_box(config)));
        });
    }
    group.finish();
}

criterion_group!(benches, configuration);
criterion_main!(benches);
