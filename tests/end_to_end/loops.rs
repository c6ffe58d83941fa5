//! Is a relay that exports to itself stopped, at start or at the first request?

use crate::support::client::{Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::net::forward_to;
use crate::support::relay::Relay;
use crate::support::setup::{Setup, exporter_type};

/// Through a proxy nothing in the configuration shows it: only the first request does.
#[tokio::test]
async fn a_relay_behind_a_proxy_does_not_take_its_own_exports() {
    for wire in [Wire::Grpc, Wire::Http] {
        let setup = Setup::new();
        let proxy = forward_to(setup.ports.receiver(wire)).await;
        let relay = Relay::start(&setup.export_to(exporter_type(wire), wire, proxy, "")).await;
        relay.client(wire, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
        relay.wait_for_line(&["config_export_loop"]).await;
        let labels = [("exporter", exporter_type(wire))];
        let metrics = relay
            .wait_for_metrics("the failed spans", |metrics| {
                metrics.value("otelcol_exporter_send_failed_spans", &labels) == 5.0
            })
            .await;
        assert_eq!(metrics.value("otelcol_receiver_accepted_spans", &[]), 5.0, "taken in once only");
        assert_eq!(metrics.value("otelcol_exporter_sent_spans", &labels), 0.0);
        let ended = relay.stop().await;
        assert_eq!((ended.delivered, ended.lost), (0, 5), "{}", ended.log);
    }
}

#[tokio::test]
async fn two_relays_in_a_row_are_no_loop() {
    let last = Relay::start(&Setup::new().exporter("nop", "")).await;
    let first = Setup::new().export_to("otlp_grpc", Wire::Grpc, last.ports.grpc, "");
    let first = Relay::start(&first).await;
    first.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
    assert_eq!(first.stop_without_loss().await.delivered, 5);
    assert_eq!(last.stop_without_loss().await.delivered, 5);
}

#[tokio::test]
async fn an_endpoint_that_is_its_own_receiver_is_refused_at_start() {
    let setup = Setup::new();
    let port = setup.ports.grpc;
    let text = setup.export_to("otlp_grpc", Wire::Grpc, port, "").text();
    check(&text, &["validate"], Some(1)).await;
    check(&text, &[], Some(1)).await;
}

/// A variable may have another value where the relay will run.
#[tokio::test]
async fn an_endpoint_from_a_variable_is_a_warning_until_the_relay_runs() {
    let setup = Setup::new();
    let port = setup.ports.grpc;
    let text = setup.export_to("otlp_grpc", Wire::Grpc, port, "").text();
    let text = text.replace(&format!("'http://127.0.0.1:{port}'"), &format!("'${{LOOP:-http://127.0.0.1:{port}}}'"));
    assert!(text.contains("LOOP"), "{text}");
    check(&text, &["validate"], Some(0)).await;
    check(&text, &[], Some(1)).await;
}

async fn check(text: &str, command: &[&str], code: Option<i32>) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("relay.yaml");
    std::fs::write(&file, text).expect("write");
    let arguments = [command, &["--config", file.to_str().expect("UTF-8")]].concat();
    let finished = crate::support::cli::run(&arguments, &[]).await;
    assert_eq!(finished.code, code, "{finished:?}");
    let words = "exporters::otlp_grpc::endpoint: this sends to the relay's own receiver";
    assert!(finished.stderr.contains(words), "{}", finished.stderr);
}
