//! What do the queues cost: in memory, and on disk with each request safe before its sender is told so? Beside them, in the
//! same run, what the disk itself can do, and two embedded stores.
//!
//! `cargo bench --bench queue`; `TMPDIR` says which disk. Ratios within one run are what counts.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod sample;

use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use otlp_relay::config::{Acknowledge, Delivery, Overflow, Queue, QueueSizer};
use otlp_relay::delivery::{ChainSettings, Entry, Wraps, chain};
use otlp_relay::flow::{Consume, Consumed, Lifetime, Next, Receipt};
use otlp_relay::ident::ComponentId;
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use otlp_relay::storage::journal::{Appended, Directories, Journal, Label, Sync, Terms, Weight};
use redb::TableDefinition;
use tokio::runtime::{Builder, Runtime};

use sample::{parsed, request};

/// Spans of a request.
const SPANS: u64 = 100;

/// Senders at once, where there are several: each waits for its answer before it sends again.
const SENDERS: u64 = 64;

/// Takes everything at once.
struct Backend(Arc<ComponentId>);

impl Consume for Backend {
    fn consume(&self, _: Payload) -> Consumed<'_> {
        Box::pin(std::future::ready(Ok(Receipt::delivered(Arc::clone(&self.0)))))
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn memory(c: &mut Criterion) {
    let mut group = c.benchmark_group("memory queue");
    group.throughput(Throughput::Elements(SPANS));
    let (runtime, lifetime) = (Builder::new_current_thread().enable_all().build().unwrap(), Lifetime::new());
    let exporter = Arc::new(ComponentId::parse("otlp_grpc").unwrap());
    let queue = Queue {
        num_consumers: 10,
        queue_size: 1000,
        sizer: QueueSizer::Requests,
        overflow: Overflow::Block,
        acknowledge: Acknowledge::WhenQueued,
        batch: None,
        durable: None,
    };
    let payload = parsed(&request(SPANS));
    let backend: Next = Arc::new(Backend(Arc::clone(&exporter)));
    let entry: Entry = runtime.block_on(async {
        let delivery = Delivery {
            retry: None,
            queue: Some(queue),
            retryable_codes: Vec::new(),
            fallback: None,
            dead_letter: None,
        };
        let settings = ChainSettings { exporter, signal: Signal::Traces, delivery, journal: None };
        chain(settings, backend, Wraps::none(), Arc::new(|_| {}), &lifetime)
    });
    group.bench_function("take and deliver", |b| {
        b.iter_custom(|times| {
            runtime.block_on(async {
                let begun = Instant::now();
                for _ in 0..times {
                    entry.queued.consume(payload.clone()).await.unwrap();
                }
                begun.elapsed()
            })
        });
    });
    group.finish();
    runtime.block_on(lifetime.drain(Duration::from_secs(5)));
}

fn disk(c: &mut Criterion) {
    let mut group = c.benchmark_group("durable queue");
    group.throughput(Throughput::Elements(SPANS)).sample_size(10);
    let (runtime, body) = (runtime(), request(SPANS));
    let folder = tempfile::tempdir().unwrap();

    let mut file = File::create(folder.path().join("raw")).unwrap();
    group.bench_function("the disk: write and fdatasync", |b| {
        b.iter(|| {
            file.write_all(&body).unwrap();
            file.sync_data().unwrap();
        });
    });
    file.set_len(0).unwrap();

    let terms = Terms {
        directory: folder.path().join("journal"),
        create: Some(0o700),
        sync: Sync::Always,
        lock_timeout: Duration::ZERO,
    };
    let label = Label { exporter: "otlp_grpc".to_owned(), signal: Signal::Traces };
    let directories = Directories::default();
    let journal = directories.open(&terms).unwrap().journal(label, Sync::Always).unwrap();
    let payload = parsed(&body);
    for senders in [1, SENDERS] {
        let sent = |times| {
            let (journal, payload) = (Arc::clone(&journal), payload.clone());
            runtime.block_on(all(senders, times, move || append(Arc::clone(&journal), payload.clone())))
        };
        group.bench_function(format!("journal: {senders} senders"), |b| b.iter_custom(&sent));
    }
    drop(journal);
    stores(&mut group, folder.path(), &body);
    group.finish();
}

/// How long it takes until `times` requests are answered, of which so many `senders` send one after another.
async fn all<F>(senders: u64, times: u64, send: impl Fn() -> F + Clone + Send + 'static) -> Duration
where
    F: Future<Output = ()> + Send,
{
    let begun = Instant::now();
    let left = Arc::new(AtomicU64::new(times));
    let senders: Vec<_> = (0..senders)
        .map(|_| {
            let (send, left) = (send.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    send().await;
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    begun.elapsed()
}

/// Writes one request; the memory that it takes is given back at once, as if it were delivered.
async fn append(journal: Arc<Journal>, payload: Payload) {
    let weight = Weight { thousandths: 1000, items: payload.items().0, bytes: payload.len().0 };
    let reservation = journal.reserve(weight, |_| true).unwrap();
    match journal.append(payload, reservation).await {
        Ok(Appended::Taken(claim)) => claim.acknowledge(),
        Ok(Appended::Waits) => {
            for replayed in journal.read(1 << 20).requests {
                replayed.claim.acknowledge();
            }
        }
        Err(refused) => panic!("{:?}", refused.trouble),
    }
}

/// The same bytes, as durable, in stores that are made for everything: one request and many to a transaction.
fn stores(group: &mut BenchmarkGroup<'_, WallTime>, folder: &Path, body: &Bytes) {
    const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("requests");
    let database = redb::Database::create(folder.join("redb")).unwrap();
    let fjall = fjall::Config::new(folder.join("fjall")).open().unwrap();
    let partition = fjall.open_partition("requests", fjall::PartitionCreateOptions::default()).unwrap();
    for together in [1, SENDERS] {
        let mut number = 0_u64;
        let mut in_redb = |times: u64| {
            let begun = Instant::now();
            for _ in 0..times.div_ceil(together) {
                let transaction = database.begin_write().unwrap();
                {
                    let mut table = transaction.open_table(TABLE).unwrap();
                    for _ in 0..together {
                        number += 1;
                        table.insert(number, &body[..]).unwrap();
                    }
                }
                transaction.commit().unwrap();
            }
            per(begun.elapsed(), times, together)
        };
        group.bench_function(format!("redb: {together} to a transaction"), |b| b.iter_custom(&mut in_redb));
        let mut number = 0_u64;
        let mut in_fjall = |times: u64| {
            let begun = Instant::now();
            for _ in 0..times.div_ceil(together) {
                let mut batch = fjall.batch();
                for _ in 0..together {
                    number += 1;
                    batch.insert(&partition, number.to_be_bytes(), &body[..]);
                }
                batch.commit().unwrap();
                fjall.persist(fjall::PersistMode::SyncData).unwrap();
            }
            per(begun.elapsed(), times, together)
        };
        group.bench_function(format!("fjall: {together} to a batch"), |b| b.iter_custom(&mut in_fjall));
    }
}

/// What `times` requests took, where whole groups were written.
fn per(taken: Duration, times: u64, together: u64) -> Duration {
    taken.mul_f64(times as f64 / (times.div_ceil(together) * together) as f64)
}

criterion_group!(benches, memory, disk);
criterion_main!(benches);
