//! Does everything that was acknowledged with a durable queue arrive, whatever kills the relay, the backend or the disk?

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::kills::Small;
use crate::support::backend::{Answer, Backend};
use crate::support::cli;
use crate::support::client::{Coding, Refusal, Wire};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// A relay in front of `backend` whose queue is in `directory`, with more keys of `sending_queue`.
pub(crate) fn durable(backend: &Backend, directory: &Path, queue: &str) -> Setup {
    let queue = format!("sending_queue: {{storage: file_storage, {queue}}}");
    Setup::forwarding(Wire::Grpc, backend, &queue)
        .extension("file_storage", &format!("directory: '{}'", directory.display()))
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_grpc]")
}

pub(crate) fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Tells whoever looks at the output of the tests.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[tokio::test]
async fn what_a_dead_backend_leaves_is_kept_over_a_stop_and_delivered_by_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let mut backend = Backend::absent();
    let setup = durable(&backend, directory.path(), "num_consumers: 2")
        .processor("batch", "timeout: 50ms, send_batch_size: 50")
        .pipeline("traces/batched", "receivers: [otlp], processors: [batch], exporters: [otlp_grpc]");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Http, Coding::Gzip).await;
    for id in 0..100 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    relay.wait_for_line(&["export failed", "connection_refused"]).await;
    let begun = Instant::now();
    let ended = relay.stop().await;
    // Two pipelines: each has its copy.
    assert_eq!((ended.delivered, ended.kept, ended.lost), (0, 200, 0), "{}", ended.log);
    assert!(begun.elapsed() < Duration::from_secs(6), "nothing is waited for: {:?}", begun.elapsed());

    let inspected = cli::run(&["queue", "inspect", directory.path().to_str().unwrap()], &[]).await;
    assert_eq!(inspected.code, Some(0), "{}", inspected.stderr);
    for words in
        ["exporter:  otlp_grpc\n", "signal:    traces\n", "requests:  200\n", "items:     200\n", "damaged:   nothing"]
    {
        assert!(inspected.stdout.contains(words), "{words}: {}", inspected.stdout);
    }
    let exported = cli::run(&["queue", "export", directory.path().to_str().unwrap()], &[]).await;
    assert_eq!(exported.stdout.lines().count(), 200, "{}", exported.stderr);
    assert!(exported.stdout.starts_with("{\"resourceSpans\":"), "{}", exported.stdout);

    backend.run();
    let relay = Relay::start(&setup).await;
    backend.wait_for_items(200).await;
    let mut expected: Vec<u64> = (0..100).chain(0..100).collect();
    expected.sort_unstable();
    assert_eq!(backend.accepted_ids(Signal::Traces), expected);
    let batched = backend.records().iter().filter(|record| 1 < record.items).count();
    assert!(0 < batched, "the rule of the pipeline is kept with the data");
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_second_relay_on_the_directory_is_refused_and_names_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let backend = Backend::start();
    let relay = Relay::start(&durable(&backend, directory.path(), "")).await;
    let file = directory.path().join("second.yaml");
    std::fs::write(&file, durable(&backend, directory.path(), "").text()).unwrap();
    let second = cli::run(&["--config", file.to_str().unwrap()], &[]).await;
    assert_eq!(second.code, Some(1));
    let words =
        format!("storage_locked: {} is in use by process {} (otlp-relay)", directory.path().display(), relay.id());
    assert!(second.stderr.contains(&words), "{words}: {}", second.stderr);
    let inspected = cli::run(&["queue", "inspect", directory.path().to_str().unwrap()], &[]).await;
    assert!(inspected.code == Some(1) && inspected.stderr.contains("--force"), "{}", inspected.stderr);
    let forced = cli::run(&["queue", "inspect", "--force", directory.path().to_str().unwrap()], &[]).await;
    assert_eq!(forced.code, Some(0), "{}", forced.stderr);
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 1);
}

#[tokio::test]
async fn a_reload_with_another_backend_sends_it_what_is_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (dead, alive) = (Backend::absent(), Backend::start());
    let setup = durable(&dead, directory.path(), "num_consumers: 1");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..30 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    let other = durable(&alive, directory.path(), "num_consumers: 1").in_place_of(&setup);
    relay.reload(&other.text(), "Config updated").await;
    alive.wait_for_items(30).await;
    assert_eq!(alive.accepted_ids(Signal::Traces), (0..30).collect::<Vec<_>>());
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn the_journal_of_an_exporter_that_is_gone_is_kept_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let backend = Backend::absent();
    let relay = Relay::start(&durable(&backend, directory.path(), "")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..3)).await;
    assert_eq!(relay.stop().await.kept, 3);
    let settings = "sending_queue: {storage: file_storage}";
    let other = Setup::new()
        .export_to("otlp_grpc/other", Wire::Grpc, backend.port(Wire::Grpc), settings)
        .extension("file_storage", &format!("directory: '{}'", directory.path().display()));
    let relay = Relay::start(&other).await;
    relay
        .wait_for_line(&["no exporter of this configuration uses this durable queue", "exporter_otlp_grpc__traces"])
        .await;
    relay.stop().await;
    let inspected = cli::run(&["queue", "inspect", directory.path().to_str().unwrap()], &[]).await;
    assert!(inspected.stdout.contains("items:     3\n"), "{}", inspected.stdout);
}

#[tokio::test]
async fn a_full_queue_drops_the_oldest_where_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut backend = Backend::absent();
    let setup = durable(&backend, directory.path(), "queue_size: 5, num_consumers: 1, overflow: drop_oldest");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..20 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    let labels = [("exporter", "otlp_grpc"), ("error_type", "queue_full")];
    let metrics = relay.metrics().await;
    assert_eq!(metrics.value("otelcol_exporter_send_failed_by_class", &labels), 15.0);
    assert_eq!(metrics.value("otelcol_exporter_queue_size", &[("data_type", "traces")]), 5.0);
    backend.run();
    backend.wait_for_items(5).await;
    assert_eq!(backend.accepted_ids(Signal::Traces), [0, 16, 17, 18, 19], "the first was under way");
    let ended = relay.stop().await;
    assert_eq!((ended.delivered, ended.kept, ended.lost), (5, 0, 15), "{}", ended.log);
}

#[tokio::test]
async fn what_is_too_old_is_dropped_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let backend = Backend::absent();
    let setup = durable(&backend, directory.path(), "num_consumers: 1, max_age: 300ms");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..5 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    let labels = [("exporter", "otlp_grpc"), ("error_type", "expired_in_queue")];
    relay
        .wait_for_metrics("five that are too old", |metrics| {
            metrics.sum("otelcol_exporter_send_failed_by_class", &labels) == Some(5.0)
        })
        .await;
    let ended = relay.stop().await;
    assert_eq!((ended.delivered, ended.kept, ended.lost), (0, 0, 5), "{}", ended.log);
}

#[tokio::test]
async fn a_full_disk_refuses_until_there_is_room_and_loses_nothing() {
    const SPANS: u64 = 500;
    let Some(small) = Small::mount("size=3m") else {
        return say("skipped: mounting a small file system needs root");
    };
    let backend = Backend::start();
    backend.always(Answer::Unavailable);
    let relay = Relay::start(&durable(&backend, small.path(), "queue_size: 100000")).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    let request = |index: u64| lean_spans("app", index * SPANS..(index + 1) * SPANS);
    let mut taken = 0;
    let refusal = loop {
        match client.send(&request(taken)).await {
            Ok(_) => taken += 1,
            Err(refusal) => break refusal,
        }
        assert!(taken < 1000, "the disk is never full");
    };
    let Refusal::Grpc(status) = &refusal else { panic!("{refusal:?}") };
    assert!(refusal.is_retryable() && status.code() == tonic::Code::Unavailable, "{status:?}");
    relay.wait_for_line(&["disk_full", "make room on the volume"]).await;
    backend.always(Answer::Accept);
    backend.wait_for_items(taken * SPANS).await;
    let begun = Instant::now();
    while client.send(&request(taken)).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the relay does not recover");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    relay.wait_for_line(&["the durable queue can be written again"]).await;
    backend.wait_for_items((taken + 1) * SPANS).await;
    relay.stop_without_loss().await;
    assert!(backend.accepted_ids(Signal::Traces).into_iter().eq(0..(taken + 1) * SPANS), "each span once");
}

#[tokio::test]
async fn a_long_outage_costs_disk_and_no_memory() {
    const SPANS: u64 = 500;
    let requests = number("OTLP_RELAY_BACKLOG", 100_000) / SPANS;
    let directory = tempfile::tempdir().unwrap();
    let mut backend = Backend::absent();
    let setup = durable(&backend, directory.path(), "queue_size: 10000000, num_consumers: 4");
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    let mut early = 0;
    for index in 0..requests {
        client.deliver(&lean_spans("app", index * SPANS..(index + 1) * SPANS)).await;
        if index == requests / 4 {
            early = relay.resident();
        }
    }
    let late = relay.resident();
    let traces = [("data_type", "traces")];
    let metrics = relay.metrics().await;
    let disk = metrics.value("otelcol_exporter_queue_disk_bytes", &traces);
    backend.run();
    backend.wait_for_items(requests * SPANS).await;
    let least = |metrics: &crate::support::scrape::Metrics| {
        metrics.sum("otelcol_exporter_queue_disk_bytes", &traces).is_some_and(|bytes| bytes <= f64::from(2 << 20))
    };
    relay.wait_for_metrics("the disk is given back", least).await;
    let end = relay.resident();
    say(&format!("{requests} requests, {disk} bytes on disk: memory {early} early, {late} late, {end} at the end"));
    assert!(late < early + (32 << 20) && end < early + (32 << 20), "memory grew from {early} to {late}, {end}");
    assert!(backend.accepted_ids(Signal::Traces).into_iter().eq(0..requests * SPANS), "each span once");
    relay.stop_without_loss().await;
}
