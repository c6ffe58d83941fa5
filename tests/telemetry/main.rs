//! Does the relay tell the truth of itself: by scrape, by log and by health page?
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod admin;
mod fakes;
mod fallbacks;
mod log;

use std::sync::Arc;
use std::time::Duration;

use fakes::{Scripted, Silent, exporter, refused, rejecting, scraped, spans};
use otlp_relay::failure::{Class, Failure};
use otlp_relay::flow::Receipt;
use otlp_relay::ident::ComponentId;
use otlp_relay::protocol::Protocol;
use otlp_relay::signal::Signal;
use otlp_relay::telemetry::observe::{OnFailure, Settling, admitted, entering, settled, settled_as};
use otlp_relay::telemetry::{ExporterState, Registry, Service, Totals, Watch};
use otlp_relay::units::Items;

#[track_caller]
fn check_scrape(registry: &Registry, prefix: &str, expected: &[&str]) {
    assert_eq!(scraped(registry, prefix), expected);
}

#[test]
fn a_scrape_has_the_collectors_spelling() {
    let registry = Registry::new();
    let label = [("exporter", "a\"b"), ("data_type", "traces")];
    registry.counter("otelcol_c", "Counts", &label).add(3);
    registry.counter("otelcol_c", "Counts", &[label[1], label[0]]).add(2);
    registry.gauge("otelcol_g", "Measures", &[]).set(1.5);
    registry.gauge_fn("otelcol_r", "Reads", &[], || 1.0);
    registry.gauge_fn("otelcol_r", "Reads", &[], || 2.0);
    registry.histogram("otelcol_h", "Sizes", &[10.0, 25.0], &[]).observe(10.0);
    registry.gauge("otelcol_gone", "Goes", &[]).set(1.0);
    registry.forget("otelcol_gone", &[]);
    let expected = concat!(
        "# HELP otelcol_c Counts\n",
        "# TYPE otelcol_c counter\n",
        "otelcol_c{data_type=\"traces\",exporter=\"a\\\"b\"} 5\n",
        "# HELP otelcol_g Measures\n",
        "# TYPE otelcol_g gauge\n",
        "otelcol_g 1.5\n",
        "# HELP otelcol_h Sizes\n",
        "# TYPE otelcol_h histogram\n",
        "otelcol_h_bucket{le=\"10\"} 1\n",
        "otelcol_h_bucket{le=\"25\"} 1\n",
        "otelcol_h_bucket{le=\"+Inf\"} 1\n",
        "otelcol_h_sum 10\n",
        "otelcol_h_count 1\n",
        "# HELP otelcol_r Reads\n",
        "# TYPE otelcol_r gauge\n",
        "otelcol_r 2\n",
    );
    assert_eq!(registry.render(), expected);
}

#[test]
fn the_process_is_described() {
    let registry = Registry::new();
    let service = Service { name: "otlp-relay", version: "1.2.3", instance: "abc" };
    registry.describe_process();
    registry.describe_target(&service.attributes(&[]));
    check_scrape(
        &registry,
        "target_info",
        &["target_info{service_instance_id=\"abc\",service_name=\"otlp-relay\",service_version=\"1.2.3\"} 1"],
    );
    for (name, least) in
        [("otelcol_process_uptime ", 0.0), ("otelcol_process_cpu_seconds ", 0.0), ("otelcol_process_memory_rss ", 1e5)]
    {
        let lines = scraped(&registry, name);
        let value: f64 = lines[0].trim_start_matches(name).parse().unwrap();
        assert!(least <= value, "{lines:?}");
    }
}

#[tokio::test]
async fn a_receiver_counts_what_it_hands_on() {
    let watch = Watch::new(Registry::new());
    let receiver = ComponentId::parse("otlp/in").unwrap();
    let panicked = Failure::new(Class::Panicked, "a task ended without an answer");
    let next = Scripted::answering([Ok(Receipt::held()), Err(refused()), Err(panicked)]);
    let stage = entering(&receiver, Protocol::Grpc, Signal::Traces, &watch, next);
    let zero = [
        "otelcol_receiver_accepted_spans{receiver=\"otlp/in\",transport=\"grpc\"} 0",
        "otelcol_receiver_failed_spans{receiver=\"otlp/in\",transport=\"grpc\"} 0",
        "otelcol_receiver_refused_spans{receiver=\"otlp/in\",transport=\"grpc\"} 0",
    ];
    check_scrape(&watch.registry, "otelcol_receiver_", &zero);
    for items in [5, 3, 2] {
        let _ = stage.consume(spans(items)).await;
    }
    let silent = entering(&receiver, Protocol::Grpc, Signal::Traces, &watch, Arc::new(Silent));
    let gone = tokio::time::timeout(Duration::from_millis(1), silent.consume(spans(7))).await;
    assert!(gone.is_err(), "the sender went away");
    let counted = [
        "otelcol_receiver_accepted_spans{receiver=\"otlp/in\",transport=\"grpc\"} 5",
        "otelcol_receiver_failed_spans{receiver=\"otlp/in\",transport=\"grpc\"} 2",
        "otelcol_receiver_refused_spans{receiver=\"otlp/in\",transport=\"grpc\"} 10",
    ];
    check_scrape(&watch.registry, "otelcol_receiver_", &counted);
    assert_eq!(watch.ledger.totals().accepted, Items(5));
}

#[tokio::test]
async fn outcomes_are_settled_once_and_rejected_items_count_as_failed() {
    let watch = Watch::new(Registry::new());
    let answers = [Ok(Receipt::delivered(exporter())), Ok(rejecting(2)), Ok(rejecting(99)), Err(refused())];
    let stage = settled(&exporter(), Signal::Traces, &watch, Scripted::answering(answers));
    let zero = [
        "otelcol_exporter_send_failed_spans{exporter=\"otlp_grpc/eu\"} 0",
        "otelcol_exporter_sent_spans{exporter=\"otlp_grpc/eu\"} 0",
    ];
    check_scrape(&watch.registry, "otelcol_exporter_", &zero);
    for items in [10, 5, 4, 3] {
        let _ = stage.consume(spans(items)).await;
    }
    let by_class = |family: &str, permanent: &str, phase: &str, class: &str| {
        format!(
            "otelcol_exporter_send_failed_by_class{{data_type=\"traces\",error_family=\"{family}\",\
             error_permanent=\"{permanent}\",error_phase=\"{phase}\",error_type=\"{class}\",exporter=\"otlp_grpc/eu\"}}"
        )
    };
    let counted = [
        format!("{} 3", by_class("refused", "false", "connect", "connection_refused")),
        format!("{} 6", by_class("rejected", "true", "response", "rejected")),
        "otelcol_exporter_send_failed_spans{exporter=\"otlp_grpc/eu\"} 9".to_owned(),
        "otelcol_exporter_sent_spans{exporter=\"otlp_grpc/eu\"} 13".to_owned(),
    ];
    assert_eq!(scraped(&watch.registry, "otelcol_exporter_"), counted);
    let totals =
        Totals { accepted: Items(0), delivered: Items(13), rejected: Items(6), dropped: Items(3), ..Totals::default() };
    assert_eq!(watch.ledger.totals(), totals);
}

#[tokio::test]
async fn a_failure_that_goes_back_to_the_sender_is_no_loss_of_ours() {
    let watch = Watch::new(Registry::new());
    let target = [("server_address", "eu"), ("server_port", "4317")];
    let settling = Settling {
        exporter: &exporter(),
        signal: Signal::Traces,
        watch: &watch,
        target: &target,
        on_failure: OnFailure::Returned,
    };
    let stage = settled_as(settling, Scripted::answering([Err(refused())]));
    assert!(stage.consume(spans(4)).await.is_err());
    assert_eq!(watch.ledger.totals().dropped, Items(0));
    let failed =
        ["otelcol_exporter_send_failed_spans{exporter=\"otlp_grpc/eu\",server_address=\"eu\",server_port=\"4317\"} 4"];
    check_scrape(&watch.registry, "otelcol_exporter_send_failed_spans", &failed);
}

#[tokio::test]
async fn only_what_the_queue_itself_refuses_counts_as_not_enqueued() {
    let watch = Watch::new(Registry::new());
    let full = Failure::new(Class::QueueFull, "sending queue is full");
    let state = ExporterState::new(exporter(), Signal::Traces);
    let stage = admitted(
        &exporter(),
        Signal::Traces,
        Arc::clone(&state),
        &watch,
        Scripted::answering([Err(full), Err(refused())]),
    );
    check_scrape(&watch.registry, ENQUEUE_FAILED, &[&format!("{ENQUEUE_FAILED} 0")]);
    let _ = stage.consume(spans(4)).await;
    let _ = stage.consume(spans(8)).await;
    check_scrape(&watch.registry, ENQUEUE_FAILED, &[&format!("{ENQUEUE_FAILED} 4")]);
    let events: Vec<_> = state.events().into_iter().map(|event| (event.class, event.count)).collect();
    assert_eq!(events, [(Class::QueueFull, 1)], "what the queue refuses is an event, though no attempt failed");
    assert_eq!(state.snapshot().trouble, None);
}

const ENQUEUE_FAILED: &str = "otelcol_exporter_enqueue_failed_spans{exporter=\"otlp_grpc/eu\"}";
