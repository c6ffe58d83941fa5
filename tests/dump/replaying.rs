//! Does what was recorded arrive when it is sent again, once, and in whatever form it was recorded?

use std::path::Path;

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Coding, Wire};
use crate::support::export::{Signal, assert_same_items};
use crate::support::generate;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::{replay, said};

/// Records `count` requests of traces with a relay whose dump has `settings`.
async fn record(dump: &Path, count: u64, settings: &str) -> Backend {
    let backend = Backend::start();
    let settings = format!("directory: '{}', which: all, {settings}", dump.display());
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "").extension("debug_dump", &settings)).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..count {
        client.deliver(&generate::request(Signal::Traces, "a", id * 10..(id + 1) * 10)).await;
    }
    backend.wait_for_items(count * 10).await;
    relay.stop_without_loss().await;
    backend
}

async fn check_arrives(payload: &str, wire: Wire) {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    let first = record(&dump, 4, payload).await;
    let second = Backend::start();
    let to = format!("http://127.0.0.1:{}", second.port(wire));
    let protocol = if wire == Wire::Grpc { "grpc" } else { "http" };
    let finished = replay(&dump, &["--to", &to, "--protocol", protocol, "--header", "x-again=1"]).await;
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), "sent: 40 items in 4 records\n"), "{finished:?}");
    let (sent, arrived) = (first.accepted(), second.accepted());
    assert_same_items(sent.iter().map(|export| &**export), arrived.iter().map(|export| &**export));
    assert!(second.records().iter().all(|record| record.headers.get("x-again").is_some_and(|value| value == "1")));
}

#[tokio::test]
async fn protobuf_arrives_over_grpc_as_it_was() {
    check_arrives("payload: otlp_protobuf", Wire::Grpc).await;
}

#[tokio::test]
async fn json_arrives_over_http_as_it_was() {
    check_arrives("payload: otlp_json", Wire::Http).await;
}

#[tokio::test]
async fn a_second_run_sends_what_the_first_did_not() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    record(&dump, 5, "").await;
    let backend = Backend::start();
    for answer in [Answer::Accept, Answer::Denied, Answer::Accept] {
        backend.once(answer);
    }
    let to = format!("http://127.0.0.1:{}", backend.grpc);
    let dry = replay(&dump, &["--to", &to, "--dry-run"]).await;
    assert_eq!((dry.code, dry.stdout.as_str()), (Some(0), "to send: 50 items in 5 records\n"), "{dry:?}");
    assert!(backend.records().is_empty());

    let one = replay(&dump, &["--to", &to]).await;
    assert_eq!(one.code, Some(2), "{one:?}");
    assert_eq!(one.stdout, "sent: 40 items in 4 records, 1 records refused\n");
    assert!(one.stderr.contains("invalid_argument") || one.stderr.contains("the backend answers"), "{}", one.stderr);
    let two = replay(&dump, &["--to", &to]).await;
    assert_eq!(
        (two.code, two.stdout.as_str()),
        (Some(0), "sent: 10 items in 1 records, 4 records sent by an earlier run\n")
    );
    assert_eq!(backend.accepted_ids(Signal::Traces), (0..50).collect::<Vec<_>>());
    let all = replay(&dump, &["--to", &to, "--again"]).await;
    assert_eq!(all.stdout, "sent: 50 items in 5 records\n", "{all:?}");
}

#[tokio::test]
async fn a_backend_that_is_away_ends_the_run_and_leaves_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    record(&dump, 3, "").await;
    let mut backend = Backend::absent();
    let to = format!("http://127.0.0.1:{}", backend.grpc);
    let away = replay(&dump, &["--to", &to, "--retry-for", "100ms"]).await;
    assert_eq!(away.code, Some(2), "{away:?}");
    assert_eq!(away.stdout, "sent: 0 items in 0 records, 3 records left for the next run\n");
    assert!(away.stderr.contains("connection_refused"), "{}", away.stderr);
    backend.run();
    assert_eq!(replay(&dump, &["--to", &to]).await.stdout, "sent: 30 items in 3 records\n");
}

#[tokio::test]
async fn an_exporter_of_a_configuration_sends_with_its_headers() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    record(&dump, 1, "").await;
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Http, &backend, "headers: {x-tenant: seven}");
    let config = directory.path().join("config.yaml");
    std::fs::write(&config, setup.text()).unwrap();
    let finished = replay(&dump, &["--config", config.to_str().unwrap(), "--exporter", "otlp_http"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(backend.records()[0].headers["x-tenant"], "seven");
    let unknown = replay(&dump, &["--config", config.to_str().unwrap(), "--exporter", "otlp_http/other"]).await;
    assert_eq!(unknown.code, Some(1));
}

#[tokio::test]
async fn a_damaged_record_is_skipped_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let dump = directory.path().join("dump");
    record(&dump, 4, "").await;
    let file = std::fs::read_dir(&dump).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(said(&["dump", "ls", dump.to_str().unwrap()]).await.lines().count(), 4);
    let backend = Backend::start();
    let finished = replay(&dump, &["--to", &format!("http://127.0.0.1:{}", backend.grpc)]).await;
    assert_eq!(finished.stdout, "sent: 30 items in 3 records, 1 damaged places\n");
}

#[tokio::test]
async fn lines_of_the_file_exporter_are_sent_too_and_at_the_rate_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("spill.json");
    let setup = Setup::new().exporter("file", &format!("path: '{}'", file.display()));
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for signal in Signal::ALL {
        client.deliver(&generate::request(signal, "a", 0..10)).await;
    }
    relay.stop_without_loss().await;
    let backend = Backend::start();
    let to = format!("http://127.0.0.1:{}", backend.http);
    let began = std::time::Instant::now();
    let finished = replay(&file, &["--to", &to, "--protocol", "http", "--rate", "100"]).await;
    assert!(std::time::Duration::from_millis(300) <= began.elapsed());
    assert!(finished.stdout.contains("in 4 records\n"), "{finished:?}");
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        assert_eq!(backend.accepted_ids(signal).len(), 10);
    }
}
