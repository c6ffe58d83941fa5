//! Do queues on disk, fallbacks, connectors, batches, dead letters and authentication do together what each does alone?

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::backend::{Answer, Backend};
use crate::support::cli;
use crate::support::client::{Client, Coding, Wire};
use crate::support::eventually;
use crate::support::export::Signal;
use crate::support::generate::{self, lean_spans};
use crate::support::relay::Relay;
use crate::support::setup::{QUICK_RETRY, Setup};

const TRACES: &str = "receivers: [otlp], exporters: [otlp_grpc/primary]";
const STORED: &str = "sending_queue: {storage: file_storage}";
const QUICKLY: &str = "max_consecutive_failures: 1, retry_interval: 300ms";

/// With a place for queues on disk.
fn storing(setup: Setup, directory: &Path) -> Setup {
    setup.extension("file_storage", &format!("directory: '{}'", directory.display()))
}

/// A primary with `settings` and fallbacks, which are called after their place among `standbys`.
fn primary(primary: &Backend, standbys: &[&Backend], settings: &str) -> Setup {
    let names: Vec<String> = (1..=standbys.len()).map(|place| format!("otlp_http/standby{place}")).collect();
    let settings = format!("{settings}, fallback: {{exporters: [{}], {QUICKLY}}}", names.join(", "));
    let setup = Setup::new().export_to("otlp_grpc/primary", Wire::Grpc, primary.grpc, &settings);
    let others = names.iter().zip(standbys);
    others
        .fold(setup, |setup, (name, standby)| setup.export_to(name, Wire::Http, standby.http, ""))
        .pipeline("traces", TRACES)
}

async fn send(relay: &Relay, ids: std::ops::Range<u64>) {
    let mut client: Client = relay.client(Wire::Grpc, Coding::None).await;
    for id in ids {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
}

async fn until_nothing_is_queued(relay: &Relay) {
    let is_empty =
        |metrics: &crate::support::scrape::Metrics| metrics.sum("otelcol_exporter_queue_size", &[]) == Some(0.0);
    relay.wait_for_metrics("an empty queue", is_empty).await;
}

#[tokio::test]
async fn what_is_on_disk_stays_there_until_the_standby_has_answered() {
    let directory = tempfile::tempdir().unwrap();
    let (dead, standby) = (Backend::absent(), Backend::start());
    standby.always(Answer::Hang);
    let setup = storing(primary(&dead, &[&standby], STORED), directory.path());
    let relay = Relay::start(&setup).await;
    send(&relay, 0..5).await;
    standby.wait_for_requests(1).await;
    let kept =
        relay.metrics().await.value("otelcol_exporter_queue_disk_requests", &[("exporter", "otlp_grpc/primary")]);
    assert_eq!(kept, 5.0);
    relay.kill().await;
    standby.always(Answer::Accept);
    let relay = Relay::start(&setup).await;
    standby.wait_for_items(5).await;
    until_nothing_is_queued(&relay).await;
    relay.stop_without_loss().await;
    assert_eq!(standby.accepted_ids(Signal::Traces), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn of_two_fallbacks_that_are_down_the_second_takes_over_when_it_comes_up() {
    let directory = tempfile::tempdir().unwrap();
    let (dead, first, mut second) = (Backend::absent(), Backend::absent(), Backend::absent());
    for settings in ["sending_queue: {queue_size: 100}", STORED] {
        let relay = Relay::start(&storing(primary(&dead, &[&first, &second], settings), directory.path())).await;
        send(&relay, 0..10).await;
        relay.wait_for_line(&["every fallback fails, too"]).await;
        second.run();
        let before = second.accepted_items();
        second.wait_for_items(10 - before % 10 + before - before % 10).await;
        relay.wait_for_line(&["to=otlp_http/standby2"]).await;
        until_nothing_is_queued(&relay).await;
        assert_eq!(relay.stop_without_loss().await.delivered, 10);
        second.stop();
    }
    assert_eq!(second.accepted_items(), 20);
}

#[tokio::test]
async fn a_reload_names_another_fallback_for_what_waits_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (dead, alive) = (Backend::absent(), Backend::start());
    let setup = storing(primary(&dead, &[&dead], STORED), directory.path());
    let relay = Relay::start(&setup).await;
    send(&relay, 0..10).await;
    relay.wait_for_line(&["every fallback fails, too"]).await;
    let other = storing(primary(&dead, &[&dead, &alive], STORED), directory.path()).in_place_of(&setup);
    relay.reload(&other.text(), "Config updated").await;
    alive.wait_for_items(10).await;
    until_nothing_is_queued(&relay).await;
    relay.stop_without_loss().await;
    assert_eq!(alive.accepted_ids(Signal::Traces), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_fallback_may_be_a_file_that_is_rotated() {
    let directory = tempfile::tempdir().unwrap();
    let spill = tempfile::tempdir().unwrap();
    let dead = Backend::absent();
    let settings = format!("{STORED}, fallback: {{exporters: [file/spill], {QUICKLY}}}");
    let file = format!("path: '{}', rotation: {{max_megabytes: 1}}", spill.path().join("spill.json").display());
    let setup =
        Setup::new().export_to("otlp_grpc/primary", Wire::Grpc, dead.grpc, &settings).exporter("file/spill", &file);
    let relay = Relay::start(&storing(setup.pipeline("traces", TRACES), directory.path())).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for request in 0..40 {
        client.deliver(&lean_spans("app", request * 500..(request + 1) * 500)).await;
    }
    until_nothing_is_queued(&relay).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 20_000);
    let files: Vec<_> = std::fs::read_dir(spill.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let spans: usize =
        files.iter().map(|file| std::fs::read_to_string(file).unwrap().matches("\"spanId\"").count()).sum();
    assert!(1 < files.len(), "{files:?}");
    assert_eq!(spans, 20_000);
}

/// A fallback takes over at once where `authenticator` does not let the primary have the data.
async fn check_refused_token(authenticator: &str, settings: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (strict, standby) = (Backend::start(), Backend::start());
    strict.always(Answer::Denied);
    let auth = format!("{STORED}, auth: {{authenticator: {authenticator}}}");
    // So many failures in a row would take for ever.
    let setup = primary(&strict, &[&standby], &auth).extension(authenticator, settings);
    let text = setup.text().replace(QUICKLY, "max_consecutive_failures: 1000000");
    assert!(text.contains("1000000"));
    let setup = storing(setup, directory.path());
    let relay = Relay::start(&setup).await;
    relay.reload(&setup.text().replace(QUICKLY, "max_consecutive_failures: 1000000"), "Config updated").await;
    send(&relay, 0..10).await;
    standby.wait_for_items(10).await;
    relay.wait_for_line(&["switched to a fallback", "only a person can mend it"]).await;
    until_nothing_is_queued(&relay).await;
    relay.stop_without_loss().await;
    assert_eq!(standby.accepted_ids(Signal::Traces), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_token_that_is_not_accepted_hands_over_to_the_fallback() {
    check_refused_token("bearertokenauth", "token: out-of-date").await;
}

#[tokio::test]
async fn a_token_that_cannot_be_fetched_hands_over_to_the_fallback() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let body = r#"{"error":"invalid_client"}"#;
            let head =
                "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ";
            let _ = stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await;
        }
    });
    let settings = format!("client_id: id, client_secret: wrong, token_url: 'http://127.0.0.1:{port}/token'");
    check_refused_token("oauth2client", &settings).await;
}

/// The connector of the Collector's contrib distribution, whose first level has `settings`.
fn failover(first: &Backend, second: &Backend, settings: &str) -> Setup {
    Setup::new()
        .connector("failover", "priority_levels: [[traces/first], [traces/second]], retry_interval: 300ms")
        .export_to("otlp_grpc/first", Wire::Grpc, first.grpc, settings)
        .export_to("otlp_http/second", Wire::Http, second.http, "")
        .pipeline("traces/in", "receivers: [otlp], exporters: [failover]")
        .pipeline("traces/first", "receivers: [failover], exporters: [otlp_grpc/first]")
        .pipeline("traces/second", "receivers: [failover], exporters: [otlp_http/second]")
}

#[tokio::test]
async fn a_failover_connector_keeps_its_queue_on_disk_and_its_levels_have_none() {
    let directory = tempfile::tempdir().unwrap();
    let (first, mut second) = (Backend::absent(), Backend::absent());
    let setup = storing(failover(&first, &second, STORED), directory.path());
    let relay = Relay::start(&setup).await;
    send(&relay, 0..10).await;
    relay.wait_for_line(&["every fallback fails, too"]).await;
    assert_eq!(relay.stop().await.kept, 10);
    let journals: Vec<String> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".journal"))
        .collect();
    assert_eq!(journals, ["exporter_failover__traces.journal"]);
    second.run();
    let relay = Relay::start(&setup).await;
    second.wait_for_items(10).await;
    until_nothing_is_queued(&relay).await;
    let metrics = relay.metrics().await;
    assert_eq!(metrics.sum("otelcol_exporter_queue_capacity", &[("exporter", "failover")]), Some(1000.0));
    for level in ["otlp_grpc/first", "otlp_http/second"] {
        assert_eq!(metrics.sum("otelcol_exporter_queue_capacity", &[("exporter", level)]), None, "{level}");
    }
    relay.stop_without_loss().await;
    assert_eq!(second.accepted_ids(Signal::Traces), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failover_connector_sets_aside_what_its_first_level_would() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (Backend::start(), Backend::start());
    first.poison([3]);
    let letters = format!("{STORED}, dead_letter: {{directory: '{}'}}", directory.path().join("letters").display());
    let relay = Relay::start(&storing(failover(&first, &second, &letters), directory.path())).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..10)).await;
    first.wait_for_items(9).await;
    let set_aside = |metrics: &crate::support::scrape::Metrics| {
        metrics.sum("otelcol_relay_dead_lettered_spans", &[("exporter", "otlp_grpc/first")]) == Some(1.0)
    };
    relay.wait_for_metrics("a dead letter", set_aside).await;
    until_nothing_is_queued(&relay).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 9);
    assert_eq!(second.records().len(), 0);
}

#[tokio::test]
async fn the_poison_in_a_batch_from_disk_is_set_aside_and_survives_kills_until_it_is_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let letters = directory.path().join("letters");
    let (mut backend, mended) = (Backend::absent(), Backend::start());
    let settings = format!("{STORED}, dead_letter: {{directory: '{}'}}", letters.display());
    let setup = Setup::forwarding(Wire::Grpc, &backend, &settings)
        .processor("batch", "timeout: 300ms, send_batch_size: 1000")
        .pipeline("traces", "receivers: [otlp], processors: [batch], exporters: [otlp_grpc]");
    let setup = storing(setup, directory.path());
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for request in 0..100 {
        client.deliver(&lean_spans("app", request * 10..(request + 1) * 10)).await;
    }
    relay.kill().await;
    backend.poison([617]);
    backend.run();
    let relay = Relay::start(&setup).await;
    backend.wait_for_items(999).await;
    let is_set_aside =
        |metrics: &crate::support::scrape::Metrics| metrics.sum("otelcol_relay_dead_lettered_spans", &[]) == Some(1.0);
    relay.wait_for_metrics("one dead letter", is_set_aside).await;
    relay.kill().await;
    // What was not noted as done with by then comes twice.
    let relay = Relay::start(&setup).await;
    until_nothing_is_queued(&relay).await;
    assert_eq!(relay.stop().await.lost, 0);
    let mut arrived = backend.accepted_ids(Signal::Traces);
    arrived.dedup();
    assert_eq!(arrived, (0..1000).filter(|id| *id != 617).collect::<Vec<_>>());

    let to = format!("http://127.0.0.1:{}", mended.grpc);
    let replayed = cli::run(&["replay", letters.to_str().unwrap(), "--to", &to], &[]).await;
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let mut arrived = mended.accepted_ids(Signal::Traces);
    arrived.dedup();
    assert_eq!(arrived, [617]);
}

/// Of what is sent to a dead backend, what the durable queue with the keys `queue` gives up is set aside: so many items, as
/// `class`; so many are still kept.
async fn check_set_aside(queue: &str, settings: &str, class: &str, set_aside: u64, kept: u64) {
    let directory = tempfile::tempdir().unwrap();
    let letters = directory.path().join("letters");
    let backend = Backend::absent();
    let settings = format!(
        "sending_queue: {{storage: file_storage, num_consumers: 1, {queue}}}, {settings}, \
         dead_letter: {{directory: '{}'}}",
        letters.display()
    );
    let setup = Setup::forwarding(Wire::Grpc, &backend, &settings)
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_grpc]");
    let relay = Relay::start(&storing(setup, directory.path())).await;
    send(&relay, 0..set_aside + kept).await;
    for name in ["otelcol_relay_dead_lettered_spans", "otelcol_exporter_send_failed_by_class"] {
        let counted = |metrics: &crate::support::scrape::Metrics| {
            metrics.sum(name, &[("error_type", class)]) == Some(set_aside as f64)
        };
        relay.wait_for_metrics(&format!("{set_aside} in {name}"), counted).await;
    }
    let failed = relay.metrics().await.value("otelcol_exporter_send_failed_spans", &[]);
    assert_eq!(failed, set_aside as f64);
    let ended = relay.stop().await;
    assert_eq!((ended.delivered, ended.kept, ended.lost), (0, kept, 0), "{}", ended.log);
    let mended = Backend::start();
    let to = format!("http://127.0.0.1:{}", mended.grpc);
    let replayed = cli::run(&["replay", letters.to_str().unwrap(), "--to", &to], &[]).await;
    assert_eq!((replayed.code, mended.accepted_items()), (Some(0), set_aside), "{replayed:?}");
}

#[tokio::test]
async fn what_a_durable_queue_gives_up_is_set_aside() {
    check_set_aside("max_age: 300ms", QUICK_RETRY, "expired_in_queue", 5, 0).await;
    check_set_aside("queue_size: 5, overflow: drop_oldest", QUICK_RETRY, "queue_full", 10, 5).await;
    let budget = "retry_on_failure: {initial_interval: 10ms, max_interval: 20ms, max_elapsed_time: 100ms}";
    check_set_aside("queue_size: 100", budget, "connection_refused", 5, 0).await;
}

#[tokio::test]
async fn a_request_from_disk_that_is_too_large_arrives_in_parts() {
    let directory = tempfile::tempdir().unwrap();
    let mut backend = Backend::absent();
    backend.limit(60);
    let setup = storing(Setup::forwarding(Wire::Grpc, &backend, STORED), directory.path());
    let relay = Relay::start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..500)).await;
    assert_eq!(relay.stop().await.kept, 500);
    backend.run();
    let relay = Relay::start(&setup).await;
    until_nothing_is_queued(&relay).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 500);
    assert_eq!(backend.accepted_ids(Signal::Traces), (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn profiles_from_disk_are_neither_joined_nor_cut() {
    let directory = tempfile::tempdir().unwrap();
    let letters = directory.path().join("letters");
    let mut backend = Backend::absent();
    backend.poison([4]);
    let settings = format!("{STORED}, dead_letter: {{directory: '{}'}}", letters.display());
    let setup =
        Setup::forwarding(Wire::Grpc, &backend, &settings).processor("batch", "timeout: 50ms, send_batch_size: 100");
    let setup = storing(setup, directory.path());
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for request in 0..5 {
        client.deliver(&generate::request(Signal::Profiles, "app", request * 3..(request + 1) * 3)).await;
    }
    assert_eq!(relay.stop().await.kept, 15);
    backend.run();
    let relay = Relay::start(&setup).await;
    until_nothing_is_queued(&relay).await;
    let ended = relay.stop_without_loss().await;
    assert_eq!((ended.delivered, backend.records().len()), (12, 5), "{}", ended.log);
    assert!(backend.records().iter().all(|record| record.items == 3));
}

#[tokio::test]
async fn what_is_rescued_from_a_queue_on_disk_can_be_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let (backend, other) = (Backend::absent(), Backend::start());
    let setup = storing(Setup::forwarding(Wire::Grpc, &backend, STORED), directory.path());
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs, Signal::Profiles] {
        client.deliver(&generate::request(signal, "app", 0..7)).await;
    }
    let (place, file) = (directory.path().to_str().unwrap(), directory.path().join("rescued.otlp"));
    let inspected = cli::run(&["queue", "inspect", place], &[]).await;
    assert_eq!(inspected.code, Some(1));
    assert!(inspected.stderr.contains(&format!("process {} (otlp-relay)", relay.id())), "{}", inspected.stderr);
    relay.stop().await;
    let exported = cli::run(&["queue", "export", place, "--out", file.to_str().unwrap()], &[]).await;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let to = format!("http://127.0.0.1:{}", other.grpc);
    let replayed = cli::run(&["replay", file.to_str().unwrap(), "--to", &to], &[]).await;
    assert_eq!((replayed.code, replayed.stdout.as_str()), (Some(0), "sent: 28 items in 4 records\n"), "{replayed:?}");
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs, Signal::Profiles] {
        assert_eq!(other.accepted_ids(signal), (0..7).collect::<Vec<_>>());
    }
    // Nothing was removed.
    eventually("the queue as it was", || async {
        let inspected = cli::run(&["queue", "inspect", place], &[]).await;
        (inspected.stdout.matches("items:     7\n").count() == 4).then_some(())
    })
    .await;
}
