//! What does it cost to prove, count, cut, join and rewrite a request, next to decoding it with prost in the same run?
//!
//! `cargo bench --bench payload`. Figures of different machines and runs do not compare; ratios within one run do.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp_relay::payload::{Encoding, Limit, Payload, Sizer};
use otlp_relay::signal::Signal;
use otlp_relay::transport::codec::{compress, decompress};
use otlp_relay::units::ByteCount;
use prost::Message;

/// Ids must not compress: SplitMix64's finalizer.
fn scrambled(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Spans of some 600 bytes each, as a web service with a database makes them.
fn request(spans: u64) -> Bytes {
    let text = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    };
    let attributes = |number: u64| {
        let (customer, order) = (scrambled(number) % 100_000, scrambled(number + 1) % 10_000_000);
        let url = format!("https://shop.example.com/api/v2/customers/{customer}/orders/{order}?expand=lines,payments");
        vec![
            text("http.request.method", "GET"),
            text("http.route", "/api/v2/customers/{customer}/orders/{order}"),
            text("url.full", &url),
            text("db.system", "postgresql"),
            text("db.statement", "SELECT id, customer, created_at, total FROM orders WHERE customer = $1 AND id = $2"),
            text("server.address", "orders.shop.svc.cluster.local"),
            text(
                "user_agent.original",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36",
            ),
        ]
    };
    let span = |number: u64| Span {
        trace_id: [scrambled(number), scrambled(!number)].map(u64::to_be_bytes).concat(),
        span_id: scrambled(number + 7).to_be_bytes().to_vec(),
        name: "GET /api/v2/customers/{customer}/orders/{order}".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_790_000_000_000_000_000 + number,
        end_time_unix_nano: 1_790_000_000_250_000_000 + number,
        attributes: attributes(number),
        ..Span::default()
    };
    let scope = InstrumentationScope { name: "bench".to_owned(), version: "1".to_owned(), ..Default::default() };
    let resource = Resource { attributes: vec![text("service.name", "orders")], ..Default::default() };
    let scope_spans =
        ScopeSpans { scope: Some(scope), spans: (0..spans).map(span).collect(), schema_url: String::new() };
    let resource_spans =
        ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], schema_url: String::new() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec().into()
}

fn parsed(body: &Bytes) -> Payload {
    Payload::parse(Signal::Traces, body.clone()).unwrap()
}

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

fn compression(c: &mut Criterion) {
    let mut group = c.benchmark_group("compression");
    let chunks = [request(100)];
    let size = chunks[0].len();
    group.throughput(Throughput::Bytes(size as u64));
    for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Snappy, Encoding::Lz4] {
        let packed = compress(encoding, &chunks).unwrap();
        let percent = packed.len() * 100 / size;
        group.bench_function(format!("{encoding:?}: compress (to {percent} %)"), |b| {
            b.iter(|| compress(encoding, black_box(&chunks)).unwrap());
        });
        group.bench_function(format!("{encoding:?}: decompress"), |b| {
            b.iter(|| decompress(encoding, black_box(&packed), ByteCount::mib(16)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, reading, cutting_and_joining, json, compression);
criterion_main!(benches);
