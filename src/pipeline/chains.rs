//! The delivery chains of a relay, which outlive a configuration: their queues are not drained into a reload.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Connector, Exporter, FileStorage, Pipeline, Processor};
use crate::delivery::{Entry, Look, QueueLevel};
use crate::exporters::otlp::Certificates;
use crate::exporters::prometheus::Page;
use crate::flow::{Next, Workers};
use crate::ident::{ComponentId, PipelineId};
use crate::telemetry::observe::Switches;
use crate::telemetry::{ExporterState, Registry};

use super::graph::Way;
use super::journals;
use super::plan::Chain;

/// Every chain of a configuration, and the attempts that they are made of.
#[derive(Default)]
pub struct Chains {
    chains: BTreeMap<Chain, Kept>,
    attempts: Attempts,
}

/// The attempts of every exporter, by signal: shared by its own chain and those whose fallback it is.
#[derive(Default)]
pub(super) struct Attempts(BTreeMap<Chain, Attempt>);

/// Single tries of one exporter and signal, watched.
#[derive(Clone)]
pub(super) struct Attempt {
    /// What they were made from.
    pub(super) asked: Exporter,
    pub(super) stage: Next,
    pub(super) look: Look,
    pub(super) state: Arc<ExporterState>,
    pub(super) certificates: Certificates,
    /// Where the exporter is scraped, if it is.
    pub(super) page: Option<Arc<Page>>,
}

/// A chain, and what it was made from.
#[derive(Clone)]
pub(super) struct Kept {
    /// The settings: a configuration that asks for the same gets the same chain.
    pub(super) asked: Asked,
    pub(super) entry: Arc<Entry>,
    pub(super) state: Arc<ExporterState>,
}

/// What a chain is made from.
#[derive(Clone, PartialEq)]
pub(super) enum Asked {
    /// An exporter and its fallbacks.
    Exporter { own: Box<Exporter>, way: Way, standbys: Vec<Exporter>, storage: Option<FileStorage> },
    /// A connector, and whatever may be behind it.
    Connector { settings: Connector, behind: Box<Behind>, storage: Option<FileStorage> },
}

/// What may be behind a connector.
#[derive(Clone, PartialEq)]
pub(super) struct Behind {
    connectors: BTreeMap<ComponentId, Connector>,
    pipelines: BTreeMap<PipelineId, Pipeline>,
    processors: BTreeMap<ComponentId, Processor>,
    exporters: BTreeMap<ComponentId, Exporter>,
}

impl Asked {
    /// What the chain of an exporter is made from.
    pub(super) fn exporter(
        own: &Exporter,
        way: Way,
        storage: Option<&FileStorage>,
        chain: &Chain,
        config: &Config,
    ) -> Asked {
        let standbys = chain.standbys(config).filter_map(|standby| config.exporters.get(&standby.exporter));
        let (own, standbys) = (Box::new(own.clone()), standbys.cloned().collect());
        Asked::Exporter { own, way, standbys, storage: storage.cloned() }
    }

    /// What the chain of a connector is made from.
    pub(super) fn connector(settings: Connector, storage: Option<&FileStorage>, config: &Config) -> Asked {
        let behind = Behind {
            connectors: config.connectors.clone(),
            pipelines: config.pipelines.clone(),
            processors: config.processors.clone(),
            exporters: config.exporters.clone(),
        };
        Asked::Connector { settings, behind: Box::new(behind), storage: storage.cloned() }
    }
}

impl Attempts {
    pub(super) fn get(&self, chain: &Chain) -> Option<&Attempt> {
        self.0.get(chain)
    }

    pub(super) fn insert(&mut self, chain: Chain, attempt: Attempt) {
        self.0.insert(chain, attempt);
    }
}

impl Chains {
    /// No chains yet, to be made of these attempts.
    pub(super) fn of(attempts: Attempts) -> Chains {
        Chains { chains: BTreeMap::new(), attempts }
    }

    pub(super) fn get(&self, chain: &Chain) -> Option<&Kept> {
        self.chains.get(chain)
    }

    pub(super) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    pub(super) fn insert(&mut self, chain: Chain, kept: Kept) {
        self.chains.insert(chain, kept);
    }

    /// Where payloads enter `chain`.
    pub(super) fn entrance(&self, chain: &Chain, way: Way) -> Option<Next> {
        let entry = &self.chains.get(chain)?.entry;
        Some(Arc::clone(match way {
            Way::Queued => &entry.queued,
            Way::Direct => &entry.attempt,
        }))
    }

    /// The page of each exporter that is scraped.
    pub(super) fn pages(&self) -> impl Iterator<Item = (&ComponentId, &Arc<Page>)> {
        self.attempts.0.iter().filter_map(|(chain, attempt)| Some((&chain.exporter, attempt.page.as_ref()?)))
    }

    /// How each exporter and connector fares with each signal.
    pub fn states(&self) -> Vec<Arc<ExporterState>> {
        let mut states: BTreeMap<&Chain, &Arc<ExporterState>> =
            self.attempts.0.iter().map(|(chain, attempt)| (chain, &attempt.state)).collect();
        states.extend(self.chains.iter().map(|(chain, kept)| (chain, &kept.state)));
        states.into_values().map(Arc::clone).collect()
    }

    /// The certificates of each exporter. They keep no stage alive.
    pub fn certificates(&self) -> BTreeMap<ComponentId, Certificates> {
        self.attempts.0.iter().map(|(chain, attempt)| (chain.exporter.clone(), attempt.certificates.clone())).collect()
    }

    /// The state and the queue's level of each exporter, connector and signal: neither keeps a stage alive. What only
    /// stands by has no queue.
    pub fn levels(&self) -> Vec<(Arc<ExporterState>, Arc<QueueLevel>)> {
        let standing_by = self.attempts.0.iter().filter(|(chain, _)| !self.chains.contains_key(*chain));
        let standing_by = standing_by.map(|(_, attempt)| (&attempt.state, Arc::new(QueueLevel::none())));
        let chains = self.chains.values().map(|kept| (&kept.state, Arc::clone(&kept.entry.level)));
        chains.chain(standing_by).map(|(state, level)| (Arc::clone(state), level)).collect()
    }

    /// Takes the place of `before`: what is in a chain whose settings changed goes on with the new ones, what is in a chain
    /// that is gone with the old ones, exporters that stay read their certificates again, what is on disk is read on
    /// `workers`, and the gauges in `registry` show the chains of today.
    pub fn succeed(&self, before: &Chains, workers: &Workers, registry: &Registry) {
        for (chain, old) in &before.attempts.0 {
            // The settings are the same; what is in the files that they name may not be.
            if let Some(new) = self.attempts.get(chain).filter(|new| Arc::ptr_eq(&new.stage, &old.stage)) {
                new.certificates.renew();
            }
        }
        for (chain, old) in &before.chains {
            match self.chains.get(chain) {
                Some(new) if Arc::ptr_eq(&new.entry, &old.entry) => {}
                Some(new) => old.entry.hand_over_to(&new.entry),
                None => forget_level(chain, registry),
            }
        }
        for (chain, kept) in &self.chains {
            if !before.chains.get(chain).is_some_and(|old| Arc::ptr_eq(&old.entry, &kept.entry)) {
                kept.entry.start(workers.next());
            }
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
    match level.journal() {
        Some(totals) => journals::watch(totals, &labels, registry),
        None => journals::forget(&labels, registry),
    }
    let Some(capacity) = level.capacity() else {
        // Before a reload it may have had one.
        for name in [CAPACITY, SIZE, AGE] {
            registry.forget(name, &labels);
        }
        return;
    };
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
    Switches::forget(&chain.exporter, chain.signal, registry);
    for name in [IN_FLIGHT, CAPACITY, SIZE, AGE] {
        registry.forget(name, &labels(chain, &exporter));
    }
    journals::forget(&labels(chain, &exporter), registry);
}

fn labels<'a>(chain: &Chain, exporter: &'a str) -> [(&'static str, &'a str); 2] {
    [("exporter", exporter), ("data_type", chain.signal.name())]
}

const IN_FLIGHT: &str = "otelcol_exporter_in_flight_requests";

const CAPACITY: &str = "otelcol_exporter_queue_capacity";

const AGE: &str = "otelcol_exporter_queue_age";

const SIZE: &str = "otelcol_exporter_queue_size";
