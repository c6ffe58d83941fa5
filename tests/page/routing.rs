//! Does the page tell who gets the data and who stands by, and what a queue refuses?

use serde_json::Value;

use crate::scene::{member, start, wait_for};
use crate::support::backend::{Answer, Backend};
use crate::support::client::{self, Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// The first flow of `exporter`.
fn flow<'s>(status: &'s Value, exporter: &str) -> &'s Value {
    &member(status, "exporters", "id", exporter)["flows"][0]
}

/// What the health page says of `exporter`.
async fn health(relay: &Relay, exporter: &str) -> Value {
    let page = client::get(relay.ports.health, "/").await;
    let page: Value = serde_json::from_str(&page.text()).expect("JSON");
    member(&page, "exporters", "id", exporter).clone()
}

#[tokio::test]
async fn who_is_active_who_stands_by_and_when_the_first_is_tried_again_is_told() {
    let (mut primary, standby) = (Backend::start(), Backend::start());
    let fallback = "fallback: {exporters: [otlp_http/standby], max_consecutive_failures: 1, retry_interval: 10m}";
    let setup = Setup::new()
        .export_to("otlp_grpc/primary", Wire::Grpc, primary.grpc, fallback)
        .export_to("otlp_http/standby", Wire::Http, standby.http, "")
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_grpc/primary]");
    let (relay, port) = start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&lean_spans("app", 0..1)).await;
    primary.wait_for_items(1).await;
    let at_first = |status: &Value| {
        let routing = flow(status, "otlp_grpc/primary")["routing"].clone();
        (routing["active"] == "otlp_grpc/primary").then_some(routing)
    };
    let routing = wait_for(port, "the first target", at_first).await;
    assert_eq!(routing["standing_by"], Value::from(vec!["otlp_http/standby"]), "{routing}");
    assert!(routing["next_look"].is_null() && routing["next_look_at"].is_null(), "{routing}");
    assert!(client::get(port, "/").await.text().contains("otlp_http/standby standing by"));

    primary.stop();
    client.deliver(&lean_spans("app", 1..2)).await;
    standby.wait_for_items(1).await;
    let away = |status: &Value| {
        let routing = flow(status, "otlp_grpc/primary")["routing"].clone();
        (routing["active"] == "otlp_http/standby").then_some(routing)
    };
    let routing = wait_for(port, "the standby", away).await;
    assert_eq!(routing["standing_by"], Value::from(vec!["otlp_grpc/primary"]), "{routing}");
    assert_eq!(routing["next_look"], "otlp_grpc/primary", "{routing}");
    assert!(routing["next_look_at"].is_string() && routing["because"].is_string(), "{routing}");
    let page = client::get(port, "/").await.text();
    assert!(page.contains("otlp_grpc/primary is tried again in"), "{page}");
    let of_health = &health(&relay, "otlp_grpc/primary").await["routing"];
    assert_eq!((&of_health["active"], &of_health["next_look"]), (&routing["active"], &routing["next_look"]));
    let ahead = of_health["next_look_in_seconds"].as_f64();
    assert!(ahead.is_some_and(|ahead| 60.0 < ahead && ahead <= 600.0), "{of_health}");
    relay.signal("KILL");
}

#[tokio::test]
async fn a_failover_connector_is_shown_with_its_levels_and_its_queue() {
    let (first, second) = (Backend::absent(), Backend::start());
    let setup = Setup::new()
        .export_to("otlp_grpc/first", Wire::Grpc, first.grpc, "")
        .export_to("otlp_grpc/second", Wire::Grpc, second.grpc, "")
        .connector("failover", "priority_levels: [[traces/first], [traces/second]], retry_interval: 10m")
        .pipeline("traces", "receivers: [otlp], exporters: [failover]")
        .pipeline("traces/first", "receivers: [failover], exporters: [otlp_grpc/first]")
        .pipeline("traces/second", "receivers: [failover], exporters: [otlp_grpc/second]");
    let (relay, port) = start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
    second.wait_for_items(1).await;
    let away = |status: &Value| {
        let flow = flow(status, "failover");
        // The backend has the data a moment before it is counted here.
        let is_seen = flow["routing"]["active"] == "traces/second" && flow["state"] == "delivering";
        is_seen.then(|| (flow.clone(), status.clone()))
    };
    let (flow, status) = wait_for(port, "the second level", away).await;
    assert_eq!(flow["routing"]["next_look"], "traces/first", "{flow}");
    assert!(flow["queue"]["capacity"].is_u64(), "{flow}");
    assert_eq!(member(&status, "pipelines", "id", "traces")["exporters"], Value::from(vec!["failover"]));
    relay.signal("KILL");
}

#[tokio::test]
async fn what_a_queue_refuses_is_an_event_with_its_reason_and_its_count() {
    let backend = Backend::start();
    backend.always(Answer::Unavailable);
    let settings = "sending_queue: {queue_size: 1, num_consumers: 1}";
    let setup = Setup::new()
        .export_to("otlp_grpc", Wire::Grpc, backend.grpc, settings)
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_grpc]");
    let (relay, port) = start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&lean_spans("app", 0..1)).await;
    relay.wait_for_line(&["export failed", "server_unavailable"]).await;
    for _ in 0..3 {
        assert!(client.send(&lean_spans("app", 1..6)).await.is_err(), "the queue has room for one request");
    }
    let refusals = |status: &Value| {
        let events = status["events"].as_array()?.clone();
        events.into_iter().find(|event| event["class"] == "queue_full" && event["count"] == 3)
    };
    let event = wait_for(port, "the refusals", refusals).await;
    assert_eq!((&event["state"], &event["exporter"]), (&"ongoing".into(), &"otlp_grpc".into()), "{event}");
    assert!(event["cause"].as_str().unwrap().contains("meanwhile its exports fail with server_unavailable"), "{event}");
    assert!(event["remedy"].as_str().unwrap().contains("queue_size") && event["meaning"].is_string(), "{event}");
    let (status, metrics) = (crate::scene::status(port).await, relay.metrics().await);
    let refused = metrics.value("otelcol_exporter_enqueue_failed_spans", &[("exporter", "otlp_grpc")]);
    assert_eq!((flow(&status, "otlp_grpc")["enqueue_failed"].as_f64(), refused), (Some(15.0), 15.0));
    let page = client::get(port, "/").await.text();
    assert!(page.contains("queue_full") && page.contains("15 refused"), "{page}");
    relay.signal("KILL");
}
