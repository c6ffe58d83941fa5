//! Is it told who delivered, which target is active, and that an exporter whose data gets through elsewhere is not stuck?

use std::sync::Arc;
use std::time::Duration;

use otlp_relay::failure::Class;
use otlp_relay::flow::Receipt;
use otlp_relay::ident::ComponentId;
use otlp_relay::signal::Signal;
use otlp_relay::telemetry::observe::{self, OnFailure, Settlement, Settling, Switched, Switches};
use otlp_relay::telemetry::{ExporterState, Registry, Watch};
use otlp_relay::units::Items;

use crate::check_scrape;
use crate::fakes::{Scripted, exporter, refused, spans};

#[tokio::test]
async fn what_a_fallback_delivers_counts_as_sent_by_it() {
    let watch = Watch::new(Registry::new());
    let (own, other) = (exporter(), Arc::new(ComponentId::parse("file/spill").unwrap()));
    let settling =
        Settling { exporter: &own, signal: Signal::Traces, watch: &watch, target: &[], on_failure: OnFailure::Dropped };
    let settlement = Settlement::new(settling).or_by(&other, &[]);
    settlement.note(Items(5), &Ok(Receipt::delivered(Arc::clone(&own))));
    settlement.note(Items(3), &Ok(Receipt::delivered(Arc::clone(&other))));
    let counted = [
        "otelcol_exporter_fallback_sent_spans{exporter=\"otlp_grpc/eu\",fallback=\"file/spill\"} 3",
        "otelcol_exporter_send_failed_spans{exporter=\"otlp_grpc/eu\"} 0",
        "otelcol_exporter_sent_spans{exporter=\"file/spill\"} 3",
        "otelcol_exporter_sent_spans{exporter=\"otlp_grpc/eu\"} 5",
    ];
    check_scrape(&watch.registry, "otelcol_exporter_", &counted);
    assert_eq!(watch.ledger.totals().delivered, Items(8));
}

#[tokio::test]
async fn an_exporter_whose_data_goes_to_a_fallback_is_not_stuck_until_that_fails_too() {
    let watch = Watch::new(Registry::new());
    let (id, state) = (exporter(), ExporterState::new(exporter(), Signal::Traces));
    state.watch_queue(|| 7);
    let answers = [Err(refused())];
    let attempt = observe::attempted(&id, Signal::Traces, Arc::clone(&state), &watch, Scripted::answering(answers));
    let _ = attempt.consume(spans(1)).await;
    let stuck = || state.snapshot().is_stuck(Duration::from_secs(60));
    assert!(stuck());
    let targets = vec!["otlp_grpc/eu".into(), "file/spill".into()];
    let switches = Switches::new(&id, Signal::Traces, targets, Arc::clone(&state), &watch);
    assert!(stuck());
    let away = Switched {
        from: Some("otlp_grpc/eu"),
        to: Some("file/spill"),
        level: Some(1),
        reason: "as told",
        class: Some(Class::ConnectionRefused),
        cause: "nobody there",
    };
    switches.switched(&away);
    assert!(!stuck());
    let routing = state.snapshot().routing.unwrap();
    assert_eq!(
        (routing.active, routing.because),
        (Some(1), Some((Class::ConnectionRefused, "nobody there".to_owned())))
    );
    let level = "otelcol_connector_failover_active_level{connector=\"otlp_grpc/eu\",data_type=\"traces\"}";
    check_scrape(&watch.registry, "otelcol_connector_", &[&format!("{level} 1")]);
    switches.switched(&Switched { from: away.to, to: None, level: None, ..away });
    assert!(stuck());
    check_scrape(&watch.registry, "otelcol_connector_", &[&format!("{level} -1")]);
}
