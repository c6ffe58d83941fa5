//! Do the alerts fire when, and only when, their condition is true; and does every panel of the dashboard show something?
//!
//! A real Prometheus evaluates both on the metrics of real relays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project;
use crate::prometheus::Prometheus;
use crate::support::backend::Answer;
use crate::support::backend::Backend;
use crate::support::client::{Coding, Wire};
use crate::support::eventually;
use crate::support::export::Signal;
use crate::support::generate::request;
use crate::support::interop::{Absence, installed};
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::support::tls::Authority;

const RULES: &str = "deploy/prometheus/alerts.yaml";
/// Several scrapes and evaluations, a second each, on a loaded machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A relay, and the alerts that must fire for it once data was sent.
struct Scene {
    relay: Relay,
    expected: BTreeSet<String>,
    /// How many requests of each signal it is sent.
    requests: u64,
}

impl Scene {
    async fn new(setup: Setup, expected: &[&str]) -> Scene {
        let expected = expected.iter().map(|name| (*name).to_owned()).collect();
        Scene { relay: Relay::start(&setup).await, expected, requests: 1 }
    }

    /// Sends data. Whether it is taken is not the question.
    async fn send(&self) {
        let mut client = self.relay.client(Wire::Grpc, Coding::None).await;
        for number in 0..self.requests {
            for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
                let _ = client.send(&request(signal, "sender", number..number + 1)).await;
            }
        }
    }
}

/// Each condition that there is an alert for, on a relay of its own, and a relay on which all is well.
async fn scenes(taking: &Backend, refusing: &Backend, away: &Backend, authority: &Authority) -> Vec<Scene> {
    let to = |backend: &Backend, settings: &str| {
        Setup::new().export_to("otlp_grpc", Wire::Grpc, backend.port(Wire::Grpc), settings)
    };
    let fallback = "fallback: {exporters: [otlp_http/standby], max_consecutive_failures: 1, retry_interval: 30s}";
    let with_fallback = |standby: &Backend| {
        let setup = to(away, fallback).export_to("otlp_http/standby", Wire::Http, standby.port(Wire::Http), "");
        ["traces", "metrics", "logs"]
            .into_iter()
            .fold(setup, |setup, signal| setup.pipeline(signal, "receivers: [otlp], exporters: [otlp_grpc]"))
    };
    let (certificate, key) = authority.server_files_for(Duration::from_secs(3 * 86_400));
    let ends = format!("tls: {{cert_file: '{}', key_file: '{}'}}", certificate.display(), key.display());
    let directory = authority.ca_file().with_file_name("queue");
    let durable = to(taking, "sending_queue: {storage: file_storage}")
        .extension("file_storage", &format!("directory: '{}', create_directory: true", directory.display()));
    let mut full = Scene::new(
        to(away, "sending_queue: {queue_size: 4, num_consumers: 1}"),
        &["OtlpRelayExportFails", "OtlpRelayQueueFills"],
    )
    .await;
    full.requests = 6;
    let ending = Setup::new().receiver("otlp/ending", free_port(), free_port(), &format!(", {ends}"));
    let ending = ending
        .export_to("otlp_grpc", Wire::Grpc, taking.port(Wire::Grpc), "")
        .pipeline("traces", "receivers: [otlp, otlp/ending], exporters: [otlp_grpc]");
    vec![
        Scene::new(durable, &[]).await,
        Scene::new(to(away, ""), &["OtlpRelayExportFails"]).await,
        full,
        Scene::new(to(refusing, ""), &["OtlpRelayDataDropped"]).await,
        Scene::new(ending, &["OtlpRelayCertificateEnds"]).await,
        Scene::new(with_fallback(taking), &["OtlpRelayFallbackActive"]).await,
        Scene::new(with_fallback(away), &["OtlpRelayAllFallbacksFail", "OtlpRelayExportFails"]).await,
    ]
}

/// What is wrong with what fires, by the place of the scene.
async fn amiss(prometheus: &Prometheus, scenes: &[Scene]) -> BTreeMap<usize, (BTreeSet<String>, BTreeSet<String>)> {
    let mut amiss = BTreeMap::new();
    for (at, scene) in scenes.iter().enumerate() {
        let firing = prometheus.firing(scene.relay.ports.metrics).await;
        if firing != scene.expected {
            amiss.insert(at, (firing, scene.expected.clone()));
        }
    }
    amiss
}

#[tokio::test(flavor = "multi_thread")]
async fn each_alert_fires_when_its_condition_is_true_and_each_panel_shows_something() {
    let Some(place) = installed("promtool", Absence::Passes) else { return };
    let rules = std::fs::read_to_string(project(RULES)).unwrap();
    check_rules(&place);
    let (taking, refusing, away) = (Backend::start(), Backend::start(), Backend::absent());
    refusing.always(Answer::Invalid);
    let authority = Authority::new();
    let scenes = scenes(&taking, &refusing, &away, &authority).await;
    let ports: Vec<u16> = scenes.iter().map(|scene| scene.relay.ports.metrics).collect();

    let prometheus = Prometheus::start(&place, &ports, &rules).await;
    for scene in &scenes {
        scene.send().await;
    }
    let deadline = Instant::now() + LIMIT;
    loop {
        let amiss = amiss(&prometheus, &scenes).await;
        if amiss.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "by scene, what fires and what should: {amiss:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let named: BTreeSet<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let tried: BTreeSet<&str> = scenes.iter().flat_map(|scene| &scene.expected).map(String::as_str).collect();
    assert_eq!(named, tried, "each alert has its scene");
    check_panels(&prometheus).await;
}

/// Prometheus' own tool has nothing against the rules as they are delivered.
fn check_rules(place: &Path) {
    let output = Command::new(place.join("usr/bin/promtool")).args(["check", "rules"]).arg(project(RULES)).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Each expression of the dashboard can be evaluated, and has series.
async fn check_panels(prometheus: &Prometheus) {
    let text = std::fs::read_to_string(project("deploy/grafana/otlp-relay.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut expressions = 0;
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap().replace("$instance", ".*");
            let expression = expression.replace("$__rate_interval", "1m").replace("$__range", "1m");
            // Where nothing is refused, nothing is shown.
            let shown = expression.trim_end_matches(" > 0");
            eventually(&format!("{}: {shown}", panel["title"]), || async {
                (!prometheus.query(shown).await.is_empty()).then_some(())
            })
            .await;
            expressions += 1;
        }
    }
    assert!(20 < expressions, "the dashboard is read: {expressions}");
}
