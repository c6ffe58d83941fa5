//! What does compression cost, by encoding and level, and how small does it make a request?
//!
//! `cargo bench --bench compression`. Figures of different machines and runs do not compare; ratios within one run do.

#![allow(clippy::unwrap_used, missing_docs)]

mod sample;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use otlp_relay::payload::Encoding;
use otlp_relay::transport::codec::{Level, compress_at, decompress};
use otlp_relay::units::ByteCount;

use sample::request;

/// Every encoding with the levels to compare; none: the codec's own.
const CASES: [(Encoding, &[Option<Level>]); 6] = [
    (Encoding::Gzip, &[None, Some(Level(1)), Some(Level(3)), Some(Level(6)), Some(Level(9))]),
    (Encoding::Zlib, &[None]),
    (Encoding::Zstd, &[None, Some(Level(1)), Some(Level(3)), Some(Level(6)), Some(Level(11))]),
    (Encoding::Snappy, &[None]),
    (Encoding::SnappyFramed, &[None]),
    (Encoding::Lz4, &[None]),
];

fn compression(c: &mut Criterion) {
    let mut group = c.benchmark_group("compression");
    for spans in [10, 100, 1000] {
        let chunks = [request(spans)];
        let size = chunks[0].len();
        group.throughput(Throughput::Bytes(size as u64));
        for (encoding, levels) in CASES {
            for level in levels {
                let packed = compress_at(encoding, *level, &chunks).unwrap();
                let level_name = level.map_or("usual level".to_owned(), |Level(level)| format!("level {level}"));
                let percent = packed.len() as f64 * 100.0 / size as f64;
                let name = format!("{spans} spans, {encoding:?}, {level_name}: compress to {percent:.1} %");
                group.bench_function(name, |b| {
                    b.iter(|| compress_at(encoding, *level, black_box(&chunks)).unwrap());
                });
            }
            let packed = compress_at(encoding, None, &chunks).unwrap();
            group.bench_function(format!("{spans} spans, {encoding:?}: decompress"), |b| {
                b.iter(|| decompress(encoding, black_box(&packed), ByteCount::mib(16)).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, compression);
criterion_main!(benches);
