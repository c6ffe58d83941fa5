//! Do connectors pass data on: to all pipelines behind them, or to the first level that takes it, with queues on?

use crate::support::backend::{Answer, Backend};
use crate::support::client::{Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate::{self, lean_spans};
use crate::support::relay::Relay;
use crate::support::setup::Setup;

#[tokio::test]
async fn forward_feeds_every_pipeline_behind_it() {
    let (one, other) = (Backend::start(), Backend::start());
    let setup = Setup::new()
        .connector("forward", "")
        .processor("batch", "timeout: 10ms")
        .export_to("otlp_grpc/one", Wire::Grpc, one.grpc, "")
        .export_to("otlp_http/other", Wire::Http, other.http, "")
        .pipeline("traces/in", "receivers: [otlp], exporters: [forward]")
        .pipeline("traces/one", "receivers: [forward], exporters: [otlp_grpc/one]")
        .pipeline("traces/other", "receivers: [forward], processors: [batch], exporters: [otlp_http/other]");
    let relay = Relay::start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..10)).await;
    one.wait_for_items(10).await;
    other.wait_for_items(10).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 20);
}

/// As the contrib connector is configured, with the exporters' queues on, which is the default.
fn failover(first: &Backend, second: &Backend) -> Setup {
    Setup::new()
        .connector(
            "failover",
            "priority_levels: [[traces/first, logs/first], [traces/second, logs/second]], retry_interval: 400ms, \
             retry_gap: 30s, max_retries: 10",
        )
        .export_to("otlp_grpc/first", Wire::Grpc, first.grpc, "")
        .export_to("otlp_http/second", Wire::Http, second.http, "")
        .pipeline("traces/in", "receivers: [otlp], exporters: [failover]")
        .pipeline("traces/first", "receivers: [failover], exporters: [otlp_grpc/first]")
        .pipeline("traces/second", "receivers: [failover], exporters: [otlp_http/second]")
        .pipeline("logs/in", "receivers: [otlp], exporters: [failover]")
        .pipeline("logs/first", "receivers: [failover], exporters: [otlp_grpc/first]")
        .pipeline("logs/second", "receivers: [failover], exporters: [otlp_http/second]")
}

#[tokio::test]
async fn failover_works_with_queues_on() {
    let (mut first, second) = (Backend::start(), Backend::start());
    let relay = Relay::start(&failover(&first, &second)).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&lean_spans("app", 0..10)).await;
    first.wait_for_items(10).await;
    first.stop();
    for id in 10..60 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
    }
    client.deliver(&generate::request(Signal::Logs, "app", 0..5)).await;
    second.wait_for_items(55).await;
    let level = [("connector", "failover"), ("data_type", "traces")];
    // The backend has them before the relay knows.
    let sent = "otelcol_exporter_sent_spans";
    relay.wait_for_metrics(sent, |metrics| metrics.sum(sent, &[("exporter", "otlp_http/second")]) == Some(50.0)).await;
    let metrics = relay.metrics().await;
    assert_eq!(metrics.value("otelcol_connector_failover_active_level", &level), 1.0);
    assert_eq!(metrics.value("otelcol_exporter_queue_capacity", &[("exporter", "failover")]), 2000.0, "two signals");
    relay.wait_for_line(&["switched to a fallback", "from=traces/first", "to=traces/second"]).await;

    first.run();
    // Live data tries the first level again when the interval is over.
    let mut id = 60;
    while relay.metrics().await.value("otelcol_connector_failover_active_level", &level) != 0.0 {
        client.deliver(&lean_spans("app", id..id + 1)).await;
        id += 1;
    }
    relay.stop_without_loss().await;
    let mut ids = [first.accepted_ids(Signal::Traces), second.accepted_ids(Signal::Traces)].concat();
    ids.sort_unstable();
    assert_eq!(ids, (0..id).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_waits_in_a_failover_connector_goes_on_with_another_configuration() {
    let (dead, alive) = (Backend::absent(), Backend::start());
    let setup = failover(&dead, &dead);
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&lean_spans("app", 0..10)).await;
    relay.wait_for_line(&["every fallback fails, too"]).await;
    relay.reload(&failover(&dead, &alive).in_place_of(&setup).text(), "Config updated").await;
    client.deliver(&lean_spans("app", 10..20)).await;
    alive.wait_for_items(20).await;
    relay.stop_without_loss().await;
    assert_eq!(alive.accepted_ids(Signal::Traces), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn failover_keeps_what_no_level_takes_and_passes_a_refusal_of_data_to_no_other_level() {
    let (mut first, second) = (Backend::absent(), Backend::start());
    second.always(Answer::Unavailable);
    let relay = Relay::start(&failover(&first, &second)).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&lean_spans("app", 0..10)).await;
    second.wait_for_requests(3).await;
    first.run();
    first.wait_for_items(10).await;
    let before = second.records().len();
    first.poison([20]);
    client.deliver(&lean_spans("app", 20..21)).await;
    first.wait_for_requests(2).await;
    let ended = relay.stop().await;
    assert_eq!((ended.delivered, ended.lost, second.records().len()), (10, 1, before), "{}", ended.log);
}
