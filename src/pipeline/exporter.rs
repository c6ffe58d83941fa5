//! Makes the delivery chain of one exporter and signal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{Acknowledge, Config, Delivery, Endpoint, Exporter, OtlpHttp, Problem};
use crate::delivery::{self, ChainSettings, DeadLetters, Entry, Wraps};
use crate::exporters::debug::Debug;
use crate::exporters::otlp::Certificates;
use crate::exporters::prometheus::{Page, Scraped, prometheus};
use crate::exporters::{SetupProblem, file, nop, otlp};
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::storage::archive::Archive;
use crate::telemetry::{ExporterState, Limits, Patience, observe};

use super::build::Tools;
use super::dump;
use super::figures::BatchFigures;
use super::letters::{self, Letters};
use super::plan::Chain;

/// The exporters of a configuration, each made once and asked for a stage by each of its signals.
pub(super) struct Exporters<'a> {
    config: &'a Config,
    tools: &'a Tools<'a>,
    made: BTreeMap<ComponentId, Made<'a>>,
}

/// Single tries of `signal` at `asked`, which is called `id`: watched, but without queue and retry.
///
/// # Errors
/// What the exporter cannot be made of, by its key.
pub fn direct(id: &ComponentId, asked: &Exporter, signal: Signal, tools: &Tools<'_>) -> Result<Next, SetupProblem> {
    let made = Made::new(id, asked, tools)?;
    attempts(&made, signal, tools)
}

fn attempts(made: &Made<'_>, signal: Signal, tools: &Tools<'_>) -> Result<Next, SetupProblem> {
    let state = ExporterState::new(Arc::clone(&made.id), signal);
    let no_place = || SetupProblem { key: "endpoint".to_owned(), what: format!("there is no endpoint for {signal}") };
    let stage = made.stage(signal).ok_or_else(no_place)?;
    Ok(observe::attempted(&made.id, signal, state, tools.watch, stage))
}

/// What sends `signal` to `asked`, which is called `id`, and tries again as its configuration says: each try is watched,
/// but there is no queue, and nothing is set aside.
///
/// # Errors
/// What the exporter cannot be made of, by its key.
pub fn persistent(id: &ComponentId, asked: &Exporter, signal: Signal, tools: &Tools<'_>) -> Result<Next, SetupProblem> {
    let made = Made::new(id, asked, tools)?;
    let attempts = attempts(&made, signal, tools)?;
    let delivery = Delivery { retry: made.delivery.retry, ..Delivery::default() };
    let settings = ChainSettings { exporter: Arc::clone(&made.id), signal, delivery, dead_letters: None };
    Ok(delivery::chain(settings, attempts, Wraps::none(), Arc::new(|_| {}), tools.lifetime).direct)
}

/// An exporter without the chain around it.
struct Made<'a> {
    id: Arc<ComponentId>,
    asked: &'a Exporter,
    dead_letters: Option<Arc<Archive>>,
    kind: Kind,
    delivery: Delivery,
    /// What the Collector's metrics say of where it sends to.
    target: Target<'a>,
}

enum Kind {
    Otlp(otlp::Backend),
    Debug(Debug),
    File(file::FileSink),
    Prometheus(Scraped),
    Nop,
}

enum Target<'a> {
    None,
    Grpc(&'a Endpoint),
    Http(&'a OtlpHttp),
}

impl<'a> Exporters<'a> {
    pub(super) fn of(config: &'a Config, tools: &'a Tools<'a>) -> Exporters<'a> {
        Exporters { config, tools, made: BTreeMap::new() }
    }

    /// Makes every exporter that `chains` name.
    pub(super) fn make<'b>(&mut self, chains: impl Iterator<Item = &'b Chain>) -> Vec<Problem> {
        let mut problems = Vec::new();
        // An exporter that cannot be made is told once, however many signals it is for.
        let ids: BTreeSet<&ComponentId> = chains.map(|chain| &chain.exporter).collect();
        for id in ids {
            let Some(asked) = self.config.exporters.get(id) else { continue };
            match Made::new(id, asked, self.tools) {
                Ok(made) => drop(self.made.insert(id.clone(), made)),
                Err(problem) => {
                    let path = format!("exporters::{id}::{}", problem.key);
                    problems.push(self.config.places.problem(path, problem.what));
                }
            }
        }
        problems
    }

    /// The chain of one signal of an exporter that was made, whose attempts are noted in `state`.
    pub(super) fn chain(
        &self,
        chain: &Chain,
        state: &Arc<ExporterState>,
        tools: &Tools<'_>,
        figures: &BatchFigures,
    ) -> Option<Entry> {
        self.made.get(&chain.exporter)?.chain(chain, state, tools, figures)
    }

    /// The certificate files of an exporter that was made.
    pub(super) fn certificates(&self, id: &ComponentId) -> Certificates {
        match self.made.get(id).map(|made| &made.kind) {
            Some(Kind::Otlp(backend)) => backend.certificates(),
            _ => Certificates::default(),
        }
    }

    /// The page of an exporter that was made, if it is scraped.
    pub(super) fn page(&self, id: &ComponentId) -> Option<Arc<Page>> {
        match self.made.get(id).map(|made| &made.kind) {
            Some(Kind::Prometheus(scraped)) => Some(scraped.page()),
            _ => None,
        }
    }
}

impl<'a> Made<'a> {
    fn new(id: &ComponentId, whole: &'a Exporter, tools: &Tools<'_>) -> Result<Made<'a>, SetupProblem> {
        let (id, instance) = (Arc::new(id.clone()), tools.instance);
        let (kind, delivery, target) = match whole {
            Exporter::OtlpGrpc(asked) => {
                let backend = otlp::otlp_grpc(Arc::clone(&id), asked, instance)?;
                (Kind::Otlp(backend), asked.delivery.clone(), Target::Grpc(&asked.endpoint))
            }
            Exporter::OtlpHttp(asked) => {
                let backend = otlp::otlp_http(Arc::clone(&id), asked, instance)?;
                (Kind::Otlp(backend), asked.delivery.clone(), Target::Http(asked))
            }
            Exporter::Debug(asked) => {
                let debug = Debug::open(Arc::clone(&id), asked).map_err(|problem| SetupProblem {
                    key: format!("output_paths::{}", problem.index),
                    what: problem.to_string(),
                })?;
                (Kind::Debug(debug), asked.delivery.clone(), Target::None)
            }
            Exporter::File(asked) => {
                (Kind::File(file::file(Arc::clone(&id), asked)?), Delivery::default(), Target::None)
            }
            Exporter::Prometheus(asked) => {
                (Kind::Prometheus(prometheus(Arc::clone(&id), asked)), Delivery::default(), Target::None)
            }
            Exporter::Nop => (Kind::Nop, Delivery::default(), Target::None),
        };
        let dead_letters = delivery.dead_letter.as_ref().map(|asked| letters::open(asked, tools.archives)).transpose();
        let dead_letters = dead_letters.map_err(|error| SetupProblem {
            key: "dead_letter::directory".to_owned(),
            what: format!("the directory cannot be used: {error}"),
        })?;
        Ok(Made { id, asked: whole, dead_letters, kind, delivery, target })
    }

    /// Nothing for a signal that the exporter has no place for.
    fn chain(
        &self,
        chain: &Chain,
        state: &Arc<ExporterState>,
        tools: &Tools<'_>,
        figures: &BatchFigures,
    ) -> Option<Entry> {
        let exporter = dump::recorded(&self.id, self.asked, tools.dump, self.stage(chain.signal)?);
        state.bounded_by(self.limits());
        let wraps = self.wraps(chain, state, tools);
        let settings = ChainSettings {
            exporter: Arc::clone(&self.id),
            signal: chain.signal,
            delivery: self.delivery.clone(),
            dead_letters: self.dead_letters(chain.signal, tools),
        };
        Some(delivery::chain(settings, exporter, wraps, figures.on_batch(), tools.lifetime))
    }

    fn dead_letters(&self, signal: Signal, tools: &Tools<'_>) -> Option<Arc<dyn DeadLetters>> {
        let archive = Arc::clone(self.dead_letters.as_ref()?);
        Some(Arc::new(Letters::new(&self.id, self.asked, signal, archive, tools.watch)))
    }

    /// What bounds how long data waits that cannot be delivered.
    fn limits(&self) -> Limits {
        let patience = match &self.delivery.retry {
            None => Patience::Once,
            Some(retry) => retry.max_elapsed_time.map_or(Patience::Endless, Patience::For),
        };
        Limits { patience, capacity: self.delivery.queue.as_ref().map(|queue| queue.queue_size) }
    }

    fn stage(&self, signal: Signal) -> Option<Next> {
        match &self.kind {
            Kind::Otlp(backend) => backend.stage(signal),
            Kind::Debug(debug) => Some(debug.stage(signal)),
            Kind::File(sink) => Some(sink.stage()),
            // A configuration with another signal for it is refused.
            Kind::Prometheus(scraped) => Some(scraped.stage()),
            Kind::Nop => Some(nop::nop(Arc::clone(&self.id))),
        }
    }

    fn wraps(&self, chain: &Chain, state: &Arc<ExporterState>, tools: &Tools<'_>) -> Wraps {
        let (id, signal, on_failure) = (&self.id, chain.signal, self.on_failure());
        let (admitted_id, settled_id, attempted_id) = (Arc::clone(id), Arc::clone(id), Arc::clone(id));
        let (admitted, settled, attempted) = (tools.watch.clone(), tools.watch.clone(), tools.watch.clone());
        let (target, state) = (self.target.labels(chain.signal), Arc::clone(state));
        Wraps {
            admitted: Box::new(move |next| observe::admitted(&admitted_id, signal, &admitted, next)),
            settled: Box::new(move |next| {
                let target: Vec<_> = target.iter().map(|(key, value)| (*key, value.as_str())).collect();
                let settling =
                    observe::Settling { exporter: &settled_id, signal, watch: &settled, target: &target, on_failure };
                observe::settled_as(settling, next)
            }),
            attempted: Box::new(move |next| observe::attempted(&attempted_id, signal, state, &attempted, next)),
        }
    }

    /// Without a queue, and where it waits for the result, the sender still has what failed.
    fn on_failure(&self) -> observe::OnFailure {
        match &self.delivery.queue {
            Some(queue) if queue.acknowledge == Acknowledge::WhenQueued => observe::OnFailure::Dropped,
            _ => observe::OnFailure::Returned,
        }
    }
}

impl Target<'_> {
    fn labels(&self, signal: Signal) -> Vec<(&'static str, String)> {
        let endpoint = match self {
            Target::None => None,
            Target::Grpc(endpoint) => Some(*endpoint),
            Target::Http(http) => http.targets.get(&signal).map(|target| &target.endpoint),
        };
        let labels = |endpoint: &Endpoint| {
            vec![("server_address", endpoint.host.clone()), ("server_port", endpoint.port.to_string())]
        };
        endpoint.map(labels).unwrap_or_default()
    }
}
