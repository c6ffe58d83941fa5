//! Does a relay in front of a sink that fails deliver everything, and once where nothing is lost behind its back?

use crate::scene::{Sink, numbered};
use crate::support::cli;
use crate::support::client::{Coding, Wire};
use crate::support::export::Signal;
use crate::support::net::local;
use crate::support::relay::Relay;
use crate::support::setup::{QUICK_RETRY, Setup, exporter_type};
use crate::support::tls::Authority;

const REQUESTS: i64 = 40;
const SPANS: i64 = 25;

fn forwarding(wire: Wire, sink: &Sink) -> Setup {
    Setup::new().export_to(exporter_type(wire), wire, sink.port(wire), "")
}

/// Sends all spans through a relay with `setup`; what the sink knows of them when all have come.
async fn through(setup: &Setup, wire: Wire, sink: &Sink) -> [u64; 4] {
    let relay = Relay::start(setup).await;
    let mut client = relay.client(wire, Coding::None).await;
    for request in 0..REQUESTS {
        client.deliver(&numbered(Signal::Traces, "run", request * SPANS..(request + 1) * SPANS)).await;
    }
    sink.wait_for_distinct("run", Signal::Traces, (REQUESTS * SPANS) as u64).await;
    relay.stop_without_loss().await;
    sink.run("run", Signal::Traces).await
}

#[tokio::test]
async fn failures_in_front_of_acceptance_lose_and_double_nothing() {
    let all = (REQUESTS * SPANS) as u64;
    for wire in [Wire::Grpc, Wire::Http] {
        let sink = Sink::start(&["--fail", "unavailable=20%,http_502=10%,reset_request=10%"]).await;
        assert_eq!(through(&forwarding(wire, &sink), wire, &sink).await, [all, all, 0, 0], "{wire:?}");
    }
}

#[tokio::test]
async fn the_load_generator_finds_everything_that_a_relay_delivered_to_a_sink_that_fails() {
    for (wire, protocol) in [(Wire::Grpc, "grpc"), (Wire::Http, "http/json")] {
        let sink = Sink::start(&["--fail", "unavailable=10%,http_504=5%", "--latency", "exponential:2ms"]).await;
        let relay = Relay::start(&forwarding(wire, &sink)).await;
        let (to, verify) =
            (format!("http://{}", local(relay.ports.receiver(wire))), format!("http://{}", local(sink.admin)));
        let load = ["load", &to, "--protocol", protocol, "--signal", "traces,metrics,logs", "--count", "1200"];
        let more = ["--items-per-request", "20", "--connections", "2", "--verify", &verify, "--json"];
        let finished = cli::run(&[&load[..], &more].concat(), &[]).await;
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        let report: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
        assert_eq!(report["verified"]["clean"], true, "{report}");
        assert_eq!(sink.items().await, 1200);
        relay.stop_without_loss().await;
    }
}

#[tokio::test]
async fn lost_answers_double_and_lose_nothing() {
    let all = (REQUESTS * SPANS) as u64;
    let sink = Sink::start(&["--fail", "lost_answer=30%"]).await;
    let [items, distinct, doubled, missing] = through(&forwarding(Wire::Http, &sink), Wire::Http, &sink).await;
    assert_eq!((distinct, doubled, missing), (all, items - all, 0));
    assert_ne!(doubled, 0, "an answer that is lost makes the relay send again");
}

#[tokio::test]
async fn a_relay_reaches_a_sink_over_tls() {
    let authority = Authority::new();
    let (certificate, key) = authority.server_files();
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let ca = authority.ca_file().display().to_string();
    let flags = ["--cert-file", &certificate, "--key-file", &key, "--client-ca-file", &ca];
    let sink = Sink::start(&flags).await;
    let (client_certificate, client_key) = authority.client_files();
    for wire in [Wire::Grpc, Wire::Http] {
        let tls = format!(
            "tls: {{ca_file: '{ca}', cert_file: '{}', key_file: '{}'}}",
            client_certificate.display(),
            client_key.display()
        );
        let endpoint = format!("endpoint: 'https://localhost:{}'", local(sink.port(wire)).port());
        let setup = Setup::new().exporter(exporter_type(wire), &format!("{endpoint}, {tls}, {QUICK_RETRY}"));
        let relay = Relay::start(&setup).await;
        let run = format!("{wire:?}");
        relay.client(wire, Coding::None).await.deliver(&numbered(Signal::Logs, &run, 0..5)).await;
        sink.wait_for_distinct(&run, Signal::Logs, 5).await;
        relay.stop_without_loss().await;
    }
}
