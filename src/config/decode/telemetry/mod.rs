//! How the relay watches itself: `service::telemetry`.

mod logs;
mod metrics;
mod periodic;
mod resource;

use crate::config::model::Telemetry;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

/// Reads `telemetry` of the service.
pub(super) fn read(service: &mut Section<'_>) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let Some(mut section) = service.entry("telemetry").and_then(Reading::section) else { return telemetry };
    if let Some(logs) = section.entry("logs").and_then(Reading::section) {
        telemetry.logs = logs::read(logs);
    }
    if let Some(metrics) = section.entry("metrics").and_then(Reading::section) {
        telemetry.metrics = metrics::read(metrics);
    }
    if let Some(resource) = section.entry("resource").and_then(Reading::section) {
        telemetry.resource = resource::read(resource);
    }
    let traces = section.entry("traces").and_then(Reading::section);
    if traces.is_some_and(|mut traces| traces.has("processors") && traces.text("level").as_deref() != Some("none")) {
        section.rest(&[("traces", Rule::NoEffect("the relay makes no traces of itself"))]);
    }
    section.finish();
    telemetry
}
