//! What does it cost to prove, count, cut, join and rewrite a request, next to decoding it with prost in the same run?
//!
//! `cargo bench --bench payload`. Figures of different machines and runs do not compare; ratios within one run do.

#![allow(clippy::unwrap_used, missing_docs)]

mod sample;

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp_relay::payload::{Limit, Payload, Sizer};
use otlp_relay::signal::Signal;
use prost::Message;

use sample::{parsed, request};

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("reading");
    for spans in [1, 100, 1000] {
        let body = request(spans);
        group.throughput(Throughput::Elements(spans));
        group.bench_with_input(BenchmarkId::new("relay: prove and count", spans), &body, |b, body| {
            b.iter(|| parsed(black_box(body)).items());
        });
        group.bench_with_input(BenchmarkId::new("prost: decode", spans), &body, |b, body| {
            b.iter(|| ExportTraceServiceRequest::decode(black_box(body.clone())).unwrap());
        });
        group.bench_with_input(BenchmarkId::new("prost: decode and encode", spans), &body, |b, body| {
            b.iter(|| ExportTraceServiceRequest::decode(black_box(body.clone())).unwrap().encode_to_vec());
        });
    }
    group.finish();
}

fn cutting_and_joining(c: &mut Criterion) {
    let mut group = c.benchmark_group("cutting and joining");
    let (whole, part) = (parsed(&request(1000)), parsed(&request(100)));
    group.throughput(Throughput::Elements(1000));
    group.bench_function("split 1000 spans into tens of 100", |b| {
        b.iter_batched(
            || whole.clone(),
            |payload| {
                let mut rest = Some(payload);
                while let Some(payload) = rest.take() {
                    let (head, tail) = payload.split(Limit { sizer: Sizer::Items, max: 100 });
                    black_box(head.items());
                    rest = tail;
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("merge ten of 100 spans", |b| {
        b.iter_batched(|| vec![part.clone(); 10], |parts| Payload::merge(parts).unwrap(), BatchSize::SmallInput);
    });
    group.finish();
}

fn json(c: &mut Criterion) {
    let mut group = c.benchmark_group("JSON");
    let payload = parsed(&request(100));
    let text = payload.to_json();
    group.throughput(Throughput::Elements(100));
    group.bench_function("relay: read", |b| {
        b.iter(|| Payload::from_json(Signal::Traces, black_box(&text)).unwrap());
    });
    group.bench_function("relay: write", |b| b.iter(|| black_box(&payload).to_json()));
    group.finish();
}

criterion_group!(benches, reading, cutting_and_joining, json);
criterion_main!(benches);
