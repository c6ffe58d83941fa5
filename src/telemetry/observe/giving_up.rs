//! What a queue gives up by itself: data that is too old, that makes room for newer data, or that the disk lost.

use std::sync::Arc;

use crate::failure::Class;
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::telemetry::Watch;
use crate::telemetry::voice::Loss;
use crate::units::Items;

use super::item_counter;

/// Counts and logs what the queue of `exporter` drops: with the counters, and under the labels, of
/// [`settled_as`](super::settled_as), since it ends there for data, too. `target` are labels beside `exporter`.
pub fn given_up(
    exporter: &Arc<ComponentId>,
    signal: Signal,
    watch: &Watch,
    target: &[(&'static str, &str)],
) -> impl Fn(Class, Items, &str) + Send + Sync + use<> {
    let id = exporter.to_string();
    let mut labels = vec![("exporter", id.as_str())];
    labels.extend_from_slice(target);
    let help = "Items that were finally not delivered, or rejected by the backend";
    let send_failed = item_counter(&watch.registry, "otelcol_exporter_send_failed", signal, help, &labels);
    let (watch, voice) = (watch.clone(), watch.voices.of(exporter));
    move |class, items, why| {
        send_failed.add(items.0);
        let labels = [
            ("exporter", id.as_str()),
            ("data_type", signal.name()),
            ("error_type", class.code()),
            ("error_family", class.family().name()),
        ];
        let help = "Items that were finally not delivered, by class of failure";
        watch.registry.counter("otelcol_exporter_send_failed_by_class", help, &labels).add(items.0);
        watch.ledger.add_dropped(items);
        voice.lost(Loss::Dropped, signal, class, items, why);
    }
}
