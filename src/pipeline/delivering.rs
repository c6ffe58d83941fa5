//! Puts the delivery around attempts: the chain of an exporter, with its fallbacks, and that of a failover connector.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Acknowledge, Config, Delivery, Exporter, Fallback};
use crate::delivery::{
    self, ChainSettings, DeadLetters, Entry, Look, OnGivenUp, OnSwitch, Target, Targets, Thresholds, Wraps,
};
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::storage::journal::Journal;
use crate::telemetry::observe::{OnFailure, Settlement, Settling, Switched, Switches};
use crate::telemetry::{ExporterState, Limits, Patience, observe};

use super::build::Tools;
use super::chains::Attempts;
use super::exporter::target_labels;
use super::figures::BatchFigures;
use super::graph::Way;
use super::letters::{self, Letters};
use super::plan::Chain;

/// What every chain of a build has in common.
pub(super) struct Surroundings<'a> {
    pub(super) config: &'a Config,
    pub(super) tools: &'a Tools<'a>,
    pub(super) figures: &'a BatchFigures,
}

/// Where the data of a chain is kept on disk, and who hears of what is not kept any longer.
struct Keeping {
    journal: Option<Arc<Journal>>,
    dead_letters: Option<Arc<dyn DeadLetters>>,
    given_up: OnGivenUp,
    state: Arc<ExporterState>,
}

/// How a failover connector delivers.
pub(super) struct Failing<'c> {
    pub(super) delivery: Delivery,
    /// The exporter on whose behalf dead letters are set aside: it is the one to ask for the cause.
    pub(super) first: Option<(&'c ComponentId, &'c Exporter)>,
    pub(super) retry_interval: Duration,
    pub(super) journal: Option<Arc<Journal>>,
}

/// One level of a failover connector.
pub(super) struct Level {
    pub(super) name: Arc<str>,
    pub(super) stage: Next,
}

impl Surroundings<'_> {
    /// The chain of an exporter, around its attempts and those of its fallbacks. Nothing where it makes none for the
    /// signal.
    pub(super) fn exporter_chain(
        &self,
        chain: &Chain,
        way: Way,
        attempts: &Attempts,
        journal: Option<Arc<Journal>>,
    ) -> Option<Entry> {
        let own = attempts.get(chain)?;
        let mut delivery = own.asked.delivery().cloned().unwrap_or_default();
        if way == Way::Direct {
            delivery.queue = None;
        }
        let id = Arc::new(chain.exporter.clone());
        let standbys: Vec<Chain> = chain.standbys(self.config).collect();
        let attempt_of = |at: &Chain| {
            let attempt = attempts.get(at)?;
            let name = at.exporter.to_string().into();
            Some(Target { name, attempt: Arc::clone(&attempt.stage), look: attempt.look })
        };
        let first = attempt_of(chain)?;
        let others: Vec<Target> = standbys.iter().filter_map(attempt_of).collect();
        let targets = match &delivery.fallback {
            Some(fallback) if !others.is_empty() => {
                let names = std::iter::once(&first).chain(&others).map(|target| Arc::clone(&target.name)).collect();
                let on_switch = self.on_switch(&id, chain.signal, names, &own.state);
                watched(Targets::new(first, others, thresholds(fallback), on_switch), &own.state)
            }
            _ => {
                own.state.goes_alone();
                Switches::forget(&id, chain.signal, &self.tools.watch.registry);
                Targets::from(first.attempt)
            }
        };
        own.state.bounded_by(limits(&delivery));
        let labels = target_labels(&own.asked, chain.signal);
        let standbys = standbys.into_iter().map(|standby| standby.exporter);
        let settlement = self.settlement(&id, chain.signal, &labels, &delivery, standbys);
        let dead_letters = self.dead_letters(&id, &own.asked, chain.signal, &delivery);
        let kept = Keeping {
            journal,
            dead_letters,
            given_up: self.given_up(&id, chain.signal, &labels),
            state: Arc::clone(&own.state),
        };
        Some(self.chain(id, chain.signal, delivery, targets, settlement, kept))
    }

    /// The chain of a failover connector in front of `levels`, which delivers as `delivery` says. `exporters` are those
    /// behind it.
    pub(super) fn failover_chain(
        &self,
        chain: &Chain,
        levels: Vec<Level>,
        asked: Failing<'_>,
        state: &Arc<ExporterState>,
        exporters: impl Iterator<Item = ComponentId>,
    ) -> Option<Entry> {
        let Failing { delivery, first, retry_interval, journal } = asked;
        let id = Arc::new(chain.exporter.clone());
        let names = levels.iter().map(|level| Arc::clone(&level.name)).collect();
        // An empty request would pass through processors that count it.
        let target = |level: Level| Target { name: level.name, attempt: level.stage, look: Look::WithData };
        let mut ranks = levels.into_iter().map(target);
        let thresholds = Thresholds { max_consecutive_failures: 1, max_outage: None, retry_interval };
        let on_switch = self.on_switch(&id, chain.signal, names, state);
        let targets = watched(Targets::new(ranks.next()?, ranks.collect(), thresholds, on_switch), state);
        let settlement = self.settlement(&id, chain.signal, &[], &delivery, exporters);
        let dead_letters = first
            .and_then(|(first, asked)| self.dead_letters(&Arc::new(first.clone()), asked, chain.signal, &delivery));
        let kept = Keeping {
            journal,
            dead_letters,
            given_up: self.given_up(&id, chain.signal, &[]),
            state: Arc::clone(state),
        };
        Some(self.chain(id, chain.signal, delivery, targets, settlement, kept))
    }

    fn chain(
        &self,
        id: Arc<ComponentId>,
        signal: Signal,
        delivery: Delivery,
        targets: Targets,
        settlement: Settlement,
        kept: Keeping,
    ) -> Entry {
        let Keeping { journal, dead_letters, given_up, state } = kept;
        let (exporter, watch) = (Arc::clone(&id), self.tools.watch.clone());
        let wraps = Wraps {
            admitted: Box::new(move |next| observe::admitted(&exporter, signal, state, &watch, next)),
            settled: Box::new(move |items, outcome| settlement.note(items, outcome)),
            dead_letters,
            given_up,
        };
        let on_batch = self.figures.on_batch(&id);
        let settings = ChainSettings { exporter: id, signal, delivery, journal };
        delivery::chain(settings, targets, wraps, on_batch, self.tools.lifetime)
    }

    /// Where what is given up on behalf of `exporter`, which was made from `asked`, is set aside.
    fn dead_letters(
        &self,
        exporter: &Arc<ComponentId>,
        asked: &Exporter,
        signal: Signal,
        delivery: &Delivery,
    ) -> Option<Arc<dyn DeadLetters>> {
        // That it can be opened was seen when the exporter was made.
        let archive = letters::open(delivery.dead_letter.as_ref()?, self.tools.archives).ok()?;
        Some(Arc::new(Letters::new(exporter, asked, signal, archive, self.tools.watch)))
    }

    fn given_up(&self, id: &Arc<ComponentId>, signal: Signal, labels: &[(&'static str, String)]) -> OnGivenUp {
        Arc::new(observe::given_up(id, signal, self.tools.watch, &borrowed(labels)))
    }

    fn settlement(
        &self,
        id: &Arc<ComponentId>,
        signal: Signal,
        labels: &[(&'static str, String)],
        delivery: &Delivery,
        others: impl Iterator<Item = ComponentId>,
    ) -> Settlement {
        let target = borrowed(labels);
        let (watch, on_failure) = (self.tools.watch, on_failure(delivery));
        let settlement = Settlement::new(Settling { exporter: id, signal, watch, target: &target, on_failure });
        others.fold(settlement, |settlement, other| {
            let labels =
                self.config.exporters.get(&other).map(|asked| target_labels(asked, signal)).unwrap_or_default();
            settlement.or_by(&Arc::new(other), &borrowed(&labels))
        })
    }

    fn on_switch(
        &self,
        id: &Arc<ComponentId>,
        signal: Signal,
        names: Vec<Arc<str>>,
        state: &Arc<ExporterState>,
    ) -> OnSwitch {
        let switches = Switches::new(id, signal, names, Arc::clone(state), self.tools.watch);
        Arc::new(move |switch| {
            switches.switched(&Switched {
                from: switch.from.map(AsRef::as_ref),
                to: switch.to.map(AsRef::as_ref),
                level: switch.level,
                reason: &switch.reason.to_string(),
                class: switch.class,
                cause: switch.cause,
            });
        })
    }
}

/// `targets`, of which `state` knows what is looked after next.
fn watched(targets: Targets, state: &ExporterState) -> Targets {
    let next_look = targets.next_look();
    state.watch_looks(move || next_look.get());
    targets
}

fn borrowed<'l>(labels: &'l [(&'static str, String)]) -> Vec<(&'static str, &'l str)> {
    labels.iter().map(|(key, value)| (*key, value.as_str())).collect()
}

fn thresholds(fallback: &Fallback) -> Thresholds {
    Thresholds {
        max_consecutive_failures: fallback.max_consecutive_failures,
        max_outage: Some(fallback.max_outage),
        retry_interval: fallback.retry_interval,
    }
}

/// What bounds how long data waits that cannot be delivered.
fn limits(delivery: &Delivery) -> Limits {
    let patience = match &delivery.retry {
        None => Patience::Once,
        Some(retry) => retry.max_elapsed_time.map_or(Patience::Endless, Patience::For),
    };
    Limits { patience, capacity: delivery.queue.as_ref().map(|queue| queue.queue_size) }
}

/// Without a queue, and where it waits for the result, the sender still has what failed.
fn on_failure(delivery: &Delivery) -> OnFailure {
    match &delivery.queue {
        Some(queue) if queue.durable.is_some() => OnFailure::Kept,
        Some(queue) if queue.acknowledge == Acknowledge::WhenQueued => OnFailure::Dropped,
        _ => OnFailure::Returned,
    }
}
