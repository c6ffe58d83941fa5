//! What does a relay do that was given no configuration?

use std::io::Write;
use std::path::Path;

use tokio::sync::{Mutex, MutexGuard};

use crate::support::backend::Backend;
use crate::support::client::{Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::net::is_free;
use crate::support::relay::Relay;

#[tokio::test]
async fn without_a_configuration_it_forwards_where_the_environment_points() {
    let Some(_ports) = default_ports().await else { return };
    let backend = Backend::start();
    let endpoint = format!("http://127.0.0.1:{}", backend.http);
    let relay = Relay::start_on_default(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b,x-other=c"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ])
    .await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
    relay.client(Wire::Http, Coding::Gzip).await.deliver(&lean_spans("app", 5..9)).await;
    backend.wait_for_items(9).await;
    relay.stop_without_loss().await;
    assert_eq!(backend.accepted_ids(Signal::Traces), (0..9).collect::<Vec<_>>());
    for record in backend.records() {
        assert_eq!((record.wire, record.encoding.as_str()), (Wire::Http, "gzip"));
        assert_eq!((record.headers["x-tenant"].as_str(), record.headers["x-other"].as_str()), ("a b", "c"));
    }
}

#[tokio::test]
async fn without_anything_it_prints_what_it_receives() {
    let Some(_ports) = default_ports().await else { return };
    let relay = Relay::start_on_default(&[]).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
    let ended = relay.stop_without_loss().await;
    assert!(ended.log.lines().any(|line| line.contains("Traces") && line.contains('5')), "{}", ended.log);
}

/// The Collector's own ports, one test at a time. None, after a word about it, where this machine uses them, or where it
/// has a configuration that the relay would read instead.
async fn default_ports() -> Option<MutexGuard<'static, ()>> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let turn = ONE_AT_A_TIME.lock().await;
    let taken = [4317, 4318, 8888].into_iter().find(|port| !is_free(*port));
    let files = ["/etc/otelcol/config.yaml", "/etc/otelcol-contrib/config.yaml"];
    let configured = files.iter().find(|file| Path::new(file).exists());
    let reason = match (taken, configured) {
        (Some(port), _) => format!("port {port} is in use"),
        (_, Some(file)) => format!("{file} exists"),
        (None, None) => return Some(turn),
    };
    let _ = writeln!(std::io::stderr(), "SKIPPED: a test of the embedded default: {reason}");
    None
}
