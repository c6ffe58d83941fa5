//! What speaks to the relay beside SDKs: reflection clients, a load generator, and a Collector at both sides.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::backend::Backend;
use crate::support::cli::{Finished, Process};
use crate::support::client::{Client, Coding, Wire};
use crate::support::eventually;
use crate::support::export::{Signal, assert_same_items};
use crate::support::generate;
use crate::support::interop::{Absence, collector, installed, tool};
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::{Setup, exporter_type};

/// What a short run of a tool may take on a loaded machine.
const RUN: Duration = Duration::from_secs(60);

/// Runs `command` to its end, which must be a good one.
async fn run(command: Command) -> Finished {
    let finished = Process::spawn("tool", command).finish_within(RUN).await;
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    finished
}

#[tokio::test]
async fn a_reflection_client_finds_the_services_and_their_messages() {
    let Some(place) = installed("python", Absence::FailsInCi) else { return };
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &Backend::absent(), "")).await;
    let mut command = Command::new(place.join("venv/bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/python/reflect.py"));
    command.arg(format!("127.0.0.1:{}", relay.ports.grpc)).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let listed = run(command).await.stdout;
    for signal in Signal::ALL {
        let service = service(signal);
        let request = service.rsplit_once('.').map(|(package, _)| package).unwrap();
        let line = format!("{service} Export {request}.Export");
        assert!(listed.lines().any(|found| found.starts_with(&line)), "{line} is not in\n{listed}");
    }
    assert!(listed.contains("opentelemetry.proto.trace.v1.Span start_time_unix_nano 7"), "{listed}");
    relay.stop_without_loss().await;
}

/// The full name of the service that takes `signal`.
fn service(signal: Signal) -> &'static str {
    signal.method().trim_start_matches('/').trim_end_matches("/Export")
}

#[tokio::test]
async fn grpcurl_lists_describes_and_calls_the_services() {
    let Some(program) = tool("grpcurl") else { return };
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    let address = format!("127.0.0.1:{}", relay.ports.grpc);
    let ask = async |before: &[&str], after: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("-plaintext").args(before).arg(&address).args(after);
        run(command).await.stdout
    };

    let listed = ask(&[], &["list"]).await;
    for signal in Signal::ALL {
        let service = service(signal);
        assert!(listed.lines().any(|line| line == service), "{listed}");
        let described = ask(&[], &["describe", service]).await;
        assert!(described.contains("rpc Export ("), "{described}");
    }
    let described = ask(&[], &["describe", "opentelemetry.proto.trace.v1.Span"]).await;
    assert!(described.contains("fixed64 start_time_unix_nano = 7"), "{described}");
    let span = r#"{"traceId": "q80AAAAAAAAAAAAAAAAAAQ==", "spanId": "AAAAAAAAAAc=", "name": "by hand"}"#;
    let request = format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}"#);
    ask(&["-d", &request], &[&Signal::Traces.method()[1..]]).await;

    relay.stop_without_loss().await;
    assert_eq!(backend.accepted_ids(Signal::Traces), [7]);
}

/// What telemetrygen sends with `arguments` arrives, `items` of `signal`.
async fn check_generated(wire: Wire, signal: Signal, arguments: &[&str], items: u64) {
    let Some(program) = tool("telemetrygen") else { return };
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    let mut command = Command::new(program);
    command.args([signal.name(), "--otlp-insecure", "--rate", "0"]).args(arguments);
    command.args(["--otlp-endpoint", &format!("127.0.0.1:{}", relay.ports.receiver(wire))]);
    if wire == Wire::Http {
        command.arg("--otlp-http");
    }
    run(command).await;
    relay.stop_without_loss().await;
    assert_eq!(backend.accepted_items(), items, "{signal:?} over {wire:?}");
    assert!(backend.accepted().iter().all(|export| export.signal() == signal));
}

#[tokio::test]
async fn what_telemetrygen_sends_arrives() {
    for wire in [Wire::Grpc, Wire::Http] {
        // A trace is a span and its child.
        check_generated(wire, Signal::Traces, &["--traces", "50"], 100).await;
        check_generated(wire, Signal::Logs, &["--logs", "50"], 50).await;
        for kind in ["Gauge", "Sum", "Histogram", "ExponentialHistogram"] {
            check_generated(wire, Signal::Metrics, &["--metrics", "20", "--metric-type", kind], 20).await;
        }
    }
}

/// A Collector that hands on what it gets over `wire`.
struct Collector {
    port: u16,
    process: Process,
    // Holds the configuration file.
    _directory: tempfile::TempDir,
}

impl Collector {
    /// Starts one that sends to all ports of `to`, and waits until it is ready. None, where there is no Collector.
    async fn start(wire: Wire, to: &[u16]) -> Option<Collector> {
        let program = collector()?;
        let port = free_port();
        let protocol = if wire == Wire::Grpc { "grpc" } else { "http" };
        let id = |port: &u16| format!("{}/{port}", exporter_type(wire));
        let ids = to.iter().map(id).collect::<Vec<_>>().join(", ");
        let exporter = |port| format!("{}: {{endpoint: 'http://127.0.0.1:{port}', tls: {{insecure: true}}}}", id(port));
        let exporters = to.iter().map(exporter).collect::<Vec<_>>().join(", ");
        let pipeline = format!("{{receivers: [otlp], exporters: [{ids}]}}");
        let text = format!(
            "receivers: {{otlp: {{protocols: {{{protocol}: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n\
             exporters: {{{exporters}}}\n\
             service:\n  telemetry: {{metrics: {{level: none}}}}\n  \
             pipelines: {{traces: {pipeline}, metrics: {pipeline}, logs: {pipeline}}}\n"
        );
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("config.yaml");
        std::fs::write(&file, text).expect("write");
        let mut command = Command::new(program);
        command.arg("--config").arg(&file).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        let process = Process::spawn("otelcol", command);
        let ready = || async { process.log().iter().any(|line| line.contains("Everything is ready")).then_some(()) };
        eventually("the Collector gets ready", ready).await;
        Some(Collector { port, process, _directory: directory })
    }

    /// SIGTERM, and its end, before which it delivers what it has.
    async fn stop(self) {
        self.process.signal("TERM");
        let finished = self.process.finish_within(RUN).await;
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    }
}

/// A Collector sends to the relay, and the relay to another one. The first drops what it does not know, so that what it
/// sends is compared, not what it gets.
async fn check_between_collectors(wire: Wire) {
    let (reference, backend) = (Backend::start(), Backend::start());
    let Some(behind) = Collector::start(wire, &[backend.port(wire)]).await else { return };
    let relay = Setup::new().export_to(exporter_type(wire), wire, behind.port, "");
    let relay = Relay::start(&relay).await;
    let before =
        Collector::start(wire, &[relay.ports.receiver(wire), reference.port(wire)]).await.expect("a Collector");

    let mut client = Client::connect(wire, before.port, Coding::None).await;
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        client.deliver(&generate::request(signal, "collector", 0..100)).await;
    }
    before.stop().await;
    relay.stop_without_loss().await;
    behind.stop().await;
    assert_eq!(reference.accepted_items(), 300);
    let (sent, arrived) = (reference.accepted(), backend.accepted());
    assert_same_items(sent.iter().map(|export| export.as_ref()), arrived.iter().map(|export| export.as_ref()));
}

#[tokio::test]
async fn between_two_collectors_nothing_changes_over_grpc() {
    check_between_collectors(Wire::Grpc).await;
}

#[tokio::test]
async fn between_two_collectors_nothing_changes_over_http() {
    check_between_collectors(Wire::Http).await;
}
