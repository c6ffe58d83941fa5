//! Are batches as large as asked and never larger, with exact counts, at volume?

use std::ops::Range;
use std::sync::Arc;

use crate::support::backend::{Backend, Record};
use crate::support::client::{Client, Coding, Wire};
use crate::support::export::{Export, Signal};
use crate::support::generate::{lean_spans, sender_of};
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

const SPANS: u64 = 100_000;
const LIMIT: u64 = 512;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_requests_of_one_span_keep_the_limit() {
    let records = check_volume(1).await;
    assert!(records.len() < 2000, "{} requests: they were hardly merged", records.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_five_thousand_spans_are_split_to_the_limit() {
    let records = check_volume(5000).await;
    assert!(records.len() < 400, "{} requests: they were split too small", records.len());
}

async fn check_volume(size: u64) -> Vec<Record> {
    let backend = Backend::start();
    let queue = "compression: none, sending_queue: {queue_size: 10000, block_on_overflow: true}";
    let setup = Setup::forwarding(Wire::Grpc, &backend, queue)
        .processor("batch", "send_batch_size: 512, send_batch_max_size: 512");
    let relay = Relay::start(&setup).await;
    send_spans(&relay, size).await;
    backend.wait_for_items(SPANS).await;
    let ended = relay.stop_without_loss().await;

    assert_eq!(ended.delivered, SPANS);
    let ids = backend.accepted_ids(Signal::Traces);
    assert!(ids.iter().copied().eq(0..SPANS), "{} spans instead of each once", ids.len());
    let records = backend.records();
    let largest = records.iter().map(|record| record.items).max();
    assert!(largest <= Some(LIMIT), "a request of {largest:?}");
    records
}

/// Three connections over gRPC, with several calls on each at a time, and one over HTTP.
async fn send_spans(relay: &Relay, size: u64) {
    const SHARES: u64 = 20;
    let channels = [
        relay.client(Wire::Grpc, Coding::None).await,
        relay.client(Wire::Grpc, Coding::None).await,
        relay.client(Wire::Grpc, Coding::None).await,
    ];
    let mut senders = Vec::new();
    for share in 0..SHARES {
        let ids = share * SPANS / SHARES..(share + 1) * SPANS / SHARES;
        let client = match &channels[share as usize % channels.len()] {
            _ if share == 0 => relay.client(Wire::Http, Coding::None).await,
            Client::Grpc(channel, coding) => Client::Grpc(channel.clone(), *coding),
            Client::Http(..) => unreachable!("the channels are gRPC"),
        };
        senders.push(tokio::spawn(send_share(client, ids, size)));
    }
    for sender in senders {
        sender.await.expect("every request is taken");
    }
}

async fn send_share(mut client: Client, ids: Range<u64>, size: u64) {
    for first in ids.clone().step_by(size as usize) {
        client.deliver(&lean_spans("app", first..(first + size).min(ids.end))).await;
    }
}

/// Both timeouts are far beyond the test, so that only sizes send.
#[tokio::test]
async fn two_pipelines_into_one_exporter_keep_their_own_rule() {
    let backend = Backend::start();
    let (grpc, http) = (free_port(), free_port());
    let setup = Setup::forwarding(Wire::Grpc, &backend, "")
        .receiver("otlp/large", grpc, http, "")
        .processor("batch/small", "timeout: 60s, send_batch_size: 50, send_batch_max_size: 50")
        .processor("batch/large", "timeout: 60s, send_batch_size: 300, send_batch_max_size: 400")
        .pipeline("traces/small", "receivers: [otlp], processors: [batch/small], exporters: [otlp_grpc]")
        .pipeline("traces/large", "receivers: [otlp/large], processors: [batch/large], exporters: [otlp_grpc]");
    let relay = Relay::start(&setup).await;
    let mut small = relay.client(Wire::Grpc, Coding::None).await;
    let mut large = Client::connect(Wire::Grpc, grpc, Coding::None).await;
    for turn in 0..200 {
        small.deliver(&lean_spans("small", turn * 10..turn * 10 + 10)).await;
        large.deliver(&lean_spans("large", 10_000 + turn * 10..10_000 + turn * 10 + 10)).await;
    }
    relay.stop_without_loss().await;

    let ids = backend.accepted_ids(Signal::Traces);
    assert!(ids.into_iter().eq((0..2000).chain(10_000..12_000)), "every span once");
    assert_eq!(sizes(&backend, "small"), [50; 40]);
    let large = sizes(&backend, "large");
    assert!(large.iter().all(|size| *size <= 400), "{large:?}");
    assert!(large.iter().filter(|size| **size < 300).count() <= 1, "only the last may be smaller: {large:?}");
}

/// The sizes of the requests from `sender`; no request may mix senders.
fn sizes(backend: &Backend, sender: &str) -> Vec<u64> {
    let senders = |export: &Arc<Export>| {
        let mut names: Vec<String> = export.pieces().iter().map(sender_of).collect();
        names.dedup();
        names
    };
    let mut sizes = Vec::new();
    for record in backend.records() {
        let names = senders(&record.export);
        assert_eq!(names.len(), 1, "pipelines were mixed in one request: {names:?}");
        if names[0] == sender {
            sizes.push(record.items);
        }
    }
    sizes
}

/// The sizes of batches that `/metrics` has at this level: those of the queue, and those of the processor in bytes.
async fn check_sizes(level: &str, shown: &[&str]) {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "")
        .processor("batch", "timeout: 10ms, send_batch_size: 100")
        .service("telemetry::metrics::level", level);
    let relay = Relay::start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..100)).await;
    backend.wait_for_items(100).await;
    let metrics = relay.metrics().await;
    let names = metrics.names();
    for (name, labels, sum) in [
        ("otelcol_exporter_queue_batch_send_size", ("exporter", "otlp_grpc"), Some(100.0)),
        ("otelcol_exporter_queue_batch_send_size_bytes", ("exporter", "otlp_grpc"), None),
        ("otelcol_processor_batch_batch_send_size", ("processor", "batch"), Some(100.0)),
        ("otelcol_processor_batch_batch_send_size_bytes", ("processor", "batch"), None),
    ] {
        let series = format!("{name}_sum");
        assert_eq!(names.contains(&series.as_str()), shown.contains(&name), "{level}: {name}");
        if shown.contains(&name) {
            let found = metrics.sum(&series, &[labels]).unwrap_or_default();
            assert!(sum.map_or(100.0 < found, |sum| sum == found), "{level}: {name} {found}");
        }
    }
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn the_sizes_of_batches_are_shown_by_the_level_of_the_metrics() {
    check_sizes("basic", &[]).await;
    check_sizes("normal", &["otelcol_processor_batch_batch_send_size"]).await;
    let all = [
        "otelcol_exporter_queue_batch_send_size",
        "otelcol_exporter_queue_batch_send_size_bytes",
        "otelcol_processor_batch_batch_send_size",
        "otelcol_processor_batch_batch_send_size_bytes",
    ];
    check_sizes("detailed", &all).await;
}
