//! Does another exporter take over when a backend is gone, does everything arrive, and is the first one used again?

use std::time::Duration;

use crate::durable::{number, say};
use crate::support::backend::{Answer, Backend};
use crate::support::client::{Client, Coding, Wire};
use crate::support::eventually;
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::{QUICK_RETRY, Setup};
use crate::support::tls::{Authority, Clients};

const UPDATED: &str = "Config updated";
const PIPELINE: &str = "receivers: [otlp], exporters: [otlp_grpc/primary]";

/// A primary whose data goes to the standby, which no pipeline names, as `thresholds` say.
fn setup(primary: &Backend, standby: &Backend, thresholds: &str) -> Setup {
    let fallback = format!("fallback: {{exporters: [otlp_http/standby], {thresholds}}}");
    Setup::new()
        .export_to("otlp_grpc/primary", Wire::Grpc, primary.grpc, &fallback)
        .export_to("otlp_http/standby", Wire::Http, standby.http, "")
        .pipeline("traces", PIPELINE)
}

async fn send(client: &mut Client, ids: std::ops::Range<u64>) {
    for id in ids {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
}

/// The ids that arrived anywhere, sorted, and how many of them arrived twice.
fn arrived(backends: &[&Backend]) -> (Vec<u64>, usize) {
    let mut ids: Vec<u64> = backends.iter().flat_map(|backend| backend.accepted_ids(Signal::Traces)).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    let twice = all - ids.len();
    (ids, twice)
}

#[tokio::test]
async fn a_standby_takes_over_from_a_backend_that_dies_until_it_is_back() {
    let (mut primary, standby) = (Backend::start(), Backend::start());
    let relay = Relay::start(&setup(&primary, &standby, "max_consecutive_failures: 3, retry_interval: 500ms")).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    send(&mut client, 0..100).await;
    primary.wait_for_items(100).await;
    primary.stop();
    send(&mut client, 100..300).await;
    standby.wait_for_items(200).await;
    let line = relay.wait_for_line(&["switched to a fallback", "WARN"]).await;
    for words in ["class=connection_refused", "from=otlp_grpc/primary", "to=otlp_http/standby"] {
        assert!(line.contains(words), "{line}");
    }
    let level = [("connector", "otlp_grpc/primary"), ("data_type", "traces")];
    // The backend has an item a moment before it is counted here.
    let counted = |metrics: &crate::support::scrape::Metrics| {
        metrics.sum("otelcol_exporter_fallback_sent_spans", &[("fallback", "otlp_http/standby")]) == Some(200.0)
    };
    let metrics = relay.wait_for_metrics("200 by the standby", counted).await;
    assert_eq!(metrics.value("otelcol_connector_failover_active_level", &level), 1.0);
    assert_eq!(metrics.value("otelcol_exporter_sent_spans", &[("exporter", "otlp_grpc/primary")]), 100.0);
    assert_eq!(metrics.value("otelcol_exporter_sent_spans", &[("exporter", "otlp_http/standby")]), 200.0);

    // Nothing is sent meanwhile: an empty request finds that it is back.
    primary.run();
    relay.wait_for_line(&["switched back", "INFO", "to=otlp_grpc/primary"]).await;
    assert_eq!(relay.metrics().await.value("otelcol_connector_failover_active_level", &level), 0.0);
    send(&mut client, 300..400).await;
    primary.wait_for_items(200).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 400);
    assert_eq!(arrived(&[&primary, &standby]), ((0..400).collect(), 0));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_hands_over_at_once_to_a_file() {
    let (primary, authority) = (Backend::start(), Authority::new());
    let port = authority.serve("localhost", primary.grpc, Clients::Anyone).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("spill.json");
    let settings =
        format!("endpoint: 'https://localhost:{port}', {QUICK_RETRY}, fallback: {{exporters: [file/spill]}}");
    let setup = Setup::new()
        .exporter("otlp_grpc/primary", &settings)
        .exporter("file/spill", &format!("path: '{}'", file.display()))
        .pipeline("traces", PIPELINE);
    let relay = Relay::start(&setup).await;
    send(&mut relay.client(Wire::Grpc, Coding::None).await, 0..5).await;
    let lines = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    eventually("five lines", || async { Some(()).filter(|()| lines() == 5) }).await;
    let line = relay.wait_for_line(&["switched to a fallback"]).await;
    assert!(line.contains("class=tls_unknown_ca") && line.contains("only a person can mend it"), "{line}");
    assert_eq!(relay.stop_without_loss().await.delivered, 5);
}

#[tokio::test]
async fn data_that_is_refused_stays_with_the_backend_that_refuses_it() {
    let (primary, standby) = (Backend::start(), Backend::start());
    primary.always(Answer::Invalid);
    let relay = Relay::start(&setup(&primary, &standby, "max_consecutive_failures: 1")).await;
    send(&mut relay.client(Wire::Grpc, Coding::None).await, 0..10).await;
    primary.wait_for_requests(10).await;
    let ended = relay.stop().await;
    assert_eq!((ended.delivered, ended.lost, standby.records().len()), (0, 10, 0), "{}", ended.log);
    assert!(!ended.log.contains("switched"), "{}", ended.log);
}

#[tokio::test]
async fn while_all_are_down_the_data_is_kept_and_then_delivered() {
    let (mut primary, mut standby) = (Backend::absent(), Backend::absent());
    let relay = Relay::start(&setup(&primary, &standby, "max_consecutive_failures: 2, retry_interval: 300ms")).await;
    let mut client = relay.client(Wire::Http, Coding::None).await;
    send(&mut client, 0..20).await;
    relay.wait_for_line(&["every fallback fails, too"]).await;
    standby.run();
    standby.wait_for_items(20).await;
    standby.stop();
    send(&mut client, 20..40).await;
    primary.run();
    primary.wait_for_items(20).await;
    relay.stop_without_loss().await;
    assert_eq!(arrived(&[&primary, &standby]).0, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_backend_that_flaps_loses_nothing_and_the_data_does_not_follow_it_to_and_fro() {
    let (mut primary, standby) = (Backend::start(), Backend::start());
    let (rounds, step_millis) = (number("OTLP_RELAY_FLAPS", 12), number("OTLP_RELAY_FLAP_STEP", 20));
    let thresholds = format!("max_consecutive_failures: 3, retry_interval: {}ms", 50 * step_millis);
    let relay = Relay::start(&setup(&primary, &standby, &thresholds)).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for round in 0..rounds {
        for step in 0..20 {
            let id = round * 20 + step;
            send(&mut client, id..id + 1).await;
            // The scenario itself: the primary is up for so long, and then away for as long.
            tokio::time::sleep(Duration::from_millis(step_millis)).await;
        }
        if round % 2 == 0 { primary.stop() } else { primary.run() }
    }
    let switches = relay.log().matches("switched to a fallback").count() as u64;
    let level = [("exporter", "otlp_grpc/primary")];
    let counted = relay.metrics().await.sum("otelcol_exporter_fallback_switches", &level);
    relay.stop_without_loss().await;
    let (ids, twice) = arrived(&[&primary, &standby]);
    say(&format!("{rounds} rounds: {switches} switches to the standby, {counted:?} of all kinds, {twice} items twice"));
    assert_eq!(ids, (0..rounds * 20).collect::<Vec<_>>());
    assert!(counted.is_some_and(|counted| switches as f64 <= counted), "{counted:?}");
    assert!(twice <= rounds as usize, "{twice} items came twice, more than were in flight");
    assert!(switches <= rounds / 3, "{switches} switches in {} outages", rounds / 2);
}

#[tokio::test]
async fn a_reload_of_the_standby_takes_effect_while_it_stands_in() {
    let (primary, first, second) = (Backend::absent(), Backend::start(), Backend::start());
    let before = setup(&primary, &first, "max_consecutive_failures: 2");
    let relay = Relay::start(&before).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    send(&mut client, 0..10).await;
    first.wait_for_items(10).await;
    relay.reload(&setup(&primary, &second, "max_consecutive_failures: 2").in_place_of(&before).text(), UPDATED).await;
    send(&mut client, 10..20).await;
    second.wait_for_items(10).await;
    relay.stop_without_loss().await;
    assert_eq!(arrived(&[&first, &second]), ((0..20).collect(), 0));
}
