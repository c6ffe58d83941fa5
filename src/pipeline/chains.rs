//! The delivery chains of a relay, which outlive a configuration: their queues are not drained into a reload.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Exporter;
use crate::delivery::{Entry, QueueLevel};
use crate::exporters::otlp::Certificates;
use crate::exporters::prometheus::Page;
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::telemetry::{ExporterState, Registry};

use super::plan::Chain;

/// Every chain of a configuration.
#[derive(Default)]
pub struct Chains(BTreeMap<Chain, Kept>);

/// A chain, and what it was made from.
#[derive(Clone)]
pub(super) struct Kept {
    /// The settings: a configuration that asks for the same gets the same chain.
    pub(super) asked: Exporter,
    pub(super) entry: Arc<Entry>,
    pub(super) state: Arc<ExporterState>,
    pub(super) certificates: Certificates,
    /// Where it is scraped, if it is.
    pub(super) page: Option<Arc<Page>>,
}

impl Chains {
    pub(super) fn get(&self, chain: &Chain) -> Option<&Kept> {
        self.0.get(chain)
    }

    pub(super) fn insert(&mut self, chain: Chain, kept: Kept) {
        self.0.insert(chain, kept);
    }

    /// Where payloads enter `chain`.
    pub(super) fn entrance(&self, chain: &Chain) -> Option<Next> {
        self.0.get(chain).map(|kept| Arc::clone(&kept.entry.queued))
    }

    /// The page of each exporter that is scraped.
    pub(super) fn pages(&self) -> impl Iterator<Item = (&ComponentId, &Arc<Page>)> {
        self.0.iter().filter_map(|(chain, kept)| Some((&chain.exporter, kept.page.as_ref()?)))
    }

    /// How each exporter fares with each signal.
    pub fn states(&self) -> Vec<Arc<ExporterState>> {
        self.0.values().map(|kept| Arc::clone(&kept.state)).collect()
    }

    /// The state and the queue's level of each exporter and signal: neither keeps a stage alive.
    pub fn levels(&self) -> Vec<(Arc<ExporterState>, Arc<QueueLevel>)> {
        self.0.values().map(|kept| (Arc::clone(&kept.state), Arc::clone(&kept.entry.level))).collect()
    }

    /// Takes the place of `before`: what is in a chain whose settings changed goes on with the new ones, what is in a chain
    /// that is gone with the old ones, a chain that stays reads its certificates again, and the gauges in `registry` show
    /// the chains of today.
    pub fn succeed(&self, before: &Chains, registry: &Registry) {
        for (chain, old) in &before.0 {
            match self.0.get(chain) {
                // The settings are the same; what is in the files that they name may not be.
                Some(new) if Arc::ptr_eq(&new.entry, &old.entry) => new.certificates.renew(),
                Some(new) => old.entry.hand_over_to(&new.entry),
                None => forget_level(chain, registry),
            }
        }
        for (chain, kept) in &self.0 {
            watch_level(chain, &kept.entry.level, &kept.state, registry);
        }
    }
}

/// Gauges of the queue. They read its level, which keeps no part of the queue alive.
fn watch_level(chain: &Chain, level: &Arc<QueueLevel>, state: &ExporterState, registry: &Registry) {
    let exporter = chain.exporter.to_string();
    let labels = labels(chain, &exporter);
    let in_flight = Arc::clone(level);
    let help = "Exports under way, with those that wait for their next try";
    registry.gauge_fn(IN_FLIGHT, help, &labels, move || in_flight.in_flight() as f64);
    let Some(capacity) = level.capacity() else { return };
    let waiting = Arc::clone(level);
    let help = "Seconds that the oldest batch has waited for a consumer; 0 when none waits";
    let age = move || waiting.oldest_waiting().unwrap_or_default().as_secs_f64();
    registry.gauge_fn(AGE, help, &labels, age);
    let help = "What the queue may hold, in units of its sizer";
    registry.gauge(CAPACITY, help, &labels).set(capacity as f64);
    let size = Arc::clone(level);
    let help = "What the queue holds, in units of its sizer: waiting and under way";
    registry.gauge_fn(SIZE, help, &labels, move || size.size() as f64);
    let queued = Arc::clone(level);
    state.watch_queue(move || queued.size());
}

fn forget_level(chain: &Chain, registry: &Registry) {
    let exporter = chain.exporter.to_string();
    for name in [IN_FLIGHT, CAPACITY, SIZE, AGE] {
        registry.forget(name, &labels(chain, &exporter));
    }
}

fn labels<'a>(chain: &Chain, exporter: &'a str) -> [(&'static str, &'a str); 2] {
    [("exporter", exporter), ("data_type", chain.signal.name())]
}

const IN_FLIGHT: &str = "otelcol_exporter_in_flight_requests";

const CAPACITY: &str = "otelcol_exporter_queue_capacity";

const AGE: &str = "otelcol_exporter_queue_age";

const SIZE: &str = "otelcol_exporter_queue_size";
