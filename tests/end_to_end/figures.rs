//! Do metrics and health pages tell what happened?

use crate::support::backend::{Answer, Backend};
use crate::support::client::{self, Coding, Wire};
use crate::support::eventually;
use crate::support::export::Signal;
use crate::support::generate;
use crate::support::relay::Relay;
use crate::support::setup::{Setup, exporter_type};

#[tokio::test]
async fn every_series_is_there_with_zero_from_the_start() {
    let backend = Backend::absent();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    let metrics = relay.metrics().await;
    for signal in Signal::ALL {
        let noun = signal.noun();
        for transport in ["grpc", "http"] {
            for outcome in ["accepted", "refused", "failed"] {
                let name = format!("otelcol_receiver_{outcome}_{noun}");
                assert_eq!(metrics.value(&name, &[("receiver", "otlp"), ("transport", transport)]), 0.0, "{name}");
            }
        }
        for outcome in ["sent", "send_failed", "enqueue_failed"] {
            let name = format!("otelcol_exporter_{outcome}_{noun}");
            assert_eq!(metrics.value(&name, &[("exporter", "otlp_grpc")]), 0.0, "{name}");
        }
        let queue = [("exporter", "otlp_grpc"), ("data_type", signal.name())];
        assert_eq!(metrics.value("otelcol_exporter_queue_size", &queue), 0.0);
        assert_eq!(metrics.value("otelcol_exporter_queue_capacity", &queue), 1000.0);
    }
    for class in ["malformed_request", "request_too_large", "memory_limited", "peer_slow_or_gone"] {
        assert_eq!(metrics.value("otelcol_receiver_refused_requests", &[("error_type", class)]), 0.0, "{class}");
    }
    assert!(metrics.value("otelcol_process_uptime", &[]) >= 0.0);
    assert!(metrics.value("otelcol_process_memory_rss", &[]) > 1e6);
}

#[tokio::test]
async fn every_item_is_counted_where_it_came_in_and_went_out() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        let relay = Relay::start(&Setup::forwarding(wire, &backend, "")).await;
        let mut client = relay.client(wire, Coding::Gzip).await;
        for (signal, count) in Signal::ALL.into_iter().zip([3, 5, 7, 9]) {
            client.deliver(&generate::request(signal, "app", 0..count)).await;
        }
        backend.wait_for_items(24).await;
        let transport = if wire == Wire::Grpc { "grpc" } else { "http" };
        for (signal, count) in Signal::ALL.into_iter().zip([3.0, 5.0, 7.0, 9.0]) {
            let sent = format!("otelcol_exporter_sent_{}", signal.noun());
            let labels = [("exporter", exporter_type(wire))];
            let metrics = relay.wait_for_metrics(&sent, |metrics| metrics.value(&sent, &labels) == count).await;
            let accepted = format!("otelcol_receiver_accepted_{}", signal.noun());
            assert_eq!(metrics.value(&accepted, &[("transport", transport)]), count);
            assert_eq!(metrics.value(&accepted, &[]), count);
        }
        assert_eq!(relay.stop_without_loss().await.delivered, 24);
    }
}

#[tokio::test]
async fn rejected_items_of_a_partial_success_count_as_failed() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        backend.once(Answer::Partial { rejected: 3 });
        let relay = Relay::start(&Setup::forwarding(wire, &backend, "")).await;
        relay.client(wire, Coding::None).await.deliver(&generate::request(Signal::Logs, "app", 0..10)).await;
        backend.wait_for_requests(1).await;
        let metrics = relay
            .wait_for_metrics("rejected items", |m| m.value("otelcol_exporter_send_failed_log_records", &[]) == 3.0)
            .await;
        assert_eq!(metrics.value("otelcol_exporter_sent_log_records", &[]), 7.0);
        let ended = relay.stop().await;
        assert_eq!((ended.delivered, ended.lost), (7, 3), "{}", ended.log);
        assert!(ended.log.contains("the test rejects some"), "the backend's own words: {}", ended.log);
        assert_eq!(backend.records().len(), 1, "never retried");
    }
}

#[tokio::test]
async fn the_queue_gauge_shows_what_waits() {
    let backend = Backend::start();
    backend.always(Answer::Unavailable);
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "sending_queue: {queue_size: 50}")).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for id in 0..20 {
        client.deliver(&generate::lean_spans("app", id..id + 1)).await;
    }
    let queue = [("exporter", "otlp_grpc"), ("data_type", "traces")];
    let metrics = relay.metrics().await;
    assert_eq!(metrics.value("otelcol_exporter_queue_size", &queue), 20.0);
    assert_eq!(metrics.value("otelcol_exporter_queue_capacity", &queue), 50.0);
    backend.always(Answer::Accept);
    relay.wait_for_metrics("an empty queue", |m| m.value("otelcol_exporter_queue_size", &queue) == 0.0).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn health_pages_answer_probes() {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    for path in ["/", "/live", "/ready", "/exporting"] {
        let answer = client::get(relay.ports.health, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    let body = client::get(relay.ports.health, "/").await.text();
    assert!(body.contains("Server available"), "the Collector's words: {body}");
    assert_eq!(client::get(relay.ports.health, "/other").await.status, 404);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn exporting_is_unhealthy_while_data_waits_for_a_dead_backend() {
    let mut backend = Backend::absent();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&generate::lean_spans("app", 0..1)).await;
    wait_for_status(&relay, "/exporting", 503).await;
    for path in ["/", "/live"] {
        assert_eq!(client::get(relay.ports.health, path).await.status, 200, "the process itself works");
    }
    backend.run();
    wait_for_status(&relay, "/exporting", 200).await;
    relay.stop_without_loss().await;
}

async fn wait_for_status(relay: &Relay, path: &str, status: u16) {
    let what = format!("{status} from {path}");
    eventually(&what, || async { (client::get(relay.ports.health, path).await.status == status).then_some(()) }).await;
}
