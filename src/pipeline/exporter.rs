//! Makes exporters: what makes one attempt, watched, without the delivery around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{Config, Delivery, Endpoint, Exporter, Problem};
use crate::delivery::{self, ChainSettings, Look, Wraps};
use crate::exporters::debug::Debug;
use crate::exporters::otlp::Certificates;
use crate::exporters::prometheus::{Page, Scraped, prometheus};
use crate::exporters::{SetupProblem, file, nop, otlp, over_http};
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::telemetry::{ExporterState, observe};

use super::build::Tools;
use super::chains::Attempt;
use super::plan::Chain;
use super::{dump, letters};

/// The exporters of a configuration, each made once and asked for a stage by each of its signals.
pub(super) struct Exporters<'a> {
    config: &'a Config,
    tools: &'a Tools<'a>,
    made: BTreeMap<ComponentId, Made>,
}

/// Single tries of `signal` at `asked`, which is called `id`: watched, but without queue and retry.
///
/// # Errors
/// What the exporter cannot be made of, by its key.
pub fn direct(id: &ComponentId, asked: &Exporter, signal: Signal, tools: &Tools<'_>) -> Result<Next, SetupProblem> {
    let made = Made::new(id, asked, tools)?;
    attempts(&made, signal, tools)
}

fn attempts(made: &Made, signal: Signal, tools: &Tools<'_>) -> Result<Next, SetupProblem> {
    let state = ExporterState::new(Arc::clone(&made.id), signal);
    let no_place = || SetupProblem::new("endpoint", format!("there is no endpoint for {signal}"));
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
    let retry = asked.delivery().and_then(|delivery| delivery.retry);
    let delivery = Delivery { retry, ..Delivery::default() };
    let settings = ChainSettings { exporter: Arc::clone(&made.id), signal, delivery, journal: None };
    Ok(delivery::chain(settings, attempts, Wraps::none(), Arc::new(|_| {}), tools.lifetime).direct)
}

/// What the Collector's metrics say of where an exporter sends `signal` to.
pub(super) fn target_labels(asked: &Exporter, signal: Signal) -> Vec<(&'static str, String)> {
    let endpoint = match asked {
        Exporter::OtlpGrpc(grpc) => Some(&grpc.endpoint),
        Exporter::OtlpHttp(http) => http.targets.get(&signal).map(|target| &target.endpoint),
        Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => None,
    };
    let labels = |endpoint: &Endpoint| {
        vec![("server_address", endpoint.host.clone()), ("server_port", endpoint.port.to_string())]
    };
    endpoint.map(labels).unwrap_or_default()
}

/// An exporter without the chain around it.
struct Made {
    id: Arc<ComponentId>,
    kind: Kind,
}

enum Kind {
    Otlp(otlp::Backend),
    Debug(Debug),
    File(file::FileSink),
    Prometheus(Scraped),
    Nop,
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
                    problems.push(self.config.places.problem(path, problem.what).is(problem.mistake));
                }
            }
        }
        problems
    }

    /// Attempts for one signal of an exporter that was made, noted in `state`. Nothing for a signal that the exporter has
    /// no place for.
    pub(super) fn attempt(&self, chain: &Chain, state: Arc<ExporterState>, tools: &Tools<'_>) -> Option<Attempt> {
        let made = self.made.get(&chain.exporter)?;
        let asked = self.config.exporters.get(&chain.exporter)?.clone();
        let stage = dump::recorded(&made.id, &asked, tools.dump, made.stage(chain.signal)?);
        let stage = observe::attempted(&made.id, chain.signal, Arc::clone(&state), tools.watch, stage);
        let (look, certificates, page) = (made.look(), made.certificates(), made.page());
        Some(Attempt { asked, stage, look, state, certificates, page })
    }
}

impl Made {
    fn new(id: &ComponentId, asked: &Exporter, tools: &Tools<'_>) -> Result<Made, SetupProblem> {
        let (id, instance) = (Arc::new(id.clone()), tools.instance);
        let kind = match asked {
            Exporter::OtlpGrpc(asked) => Kind::Otlp(otlp::otlp_grpc(Arc::clone(&id), asked, instance)?),
            Exporter::OtlpHttp(asked) => Kind::Otlp(over_http(Arc::clone(&id), asked, instance)?),
            Exporter::Debug(asked) => {
                let debug = Debug::open(Arc::clone(&id), asked).map_err(|problem| {
                    SetupProblem::new(format!("output_paths::{}", problem.index), problem.to_string())
                })?;
                Kind::Debug(debug)
            }
            Exporter::File(asked) => Kind::File(file::file(Arc::clone(&id), asked)?),
            Exporter::Prometheus(asked) => Kind::Prometheus(prometheus(Arc::clone(&id), asked)),
            Exporter::Nop => Kind::Nop,
        };
        if let Some(dead_letter) = asked.delivery().and_then(|delivery| delivery.dead_letter.as_ref()) {
            // Opened again when the first letter comes; what is wrong with it is better known now.
            letters::open(dead_letter, tools.archives).map_err(|error| {
                SetupProblem::new("dead_letter::directory".to_owned(), format!("the directory cannot be used: {error}"))
            })?;
        }
        Ok(Made { id, kind })
    }

    /// The certificate files, to be read again.
    fn certificates(&self) -> Certificates {
        match &self.kind {
            Kind::Otlp(backend) => backend.certificates(),
            Kind::Debug(_) | Kind::File(_) | Kind::Prometheus(_) | Kind::Nop => Certificates::default(),
        }
    }

    /// Where it is scraped, if it is.
    fn page(&self) -> Option<Arc<Page>> {
        match &self.kind {
            Kind::Prometheus(scraped) => Some(scraped.page()),
            Kind::Otlp(_) | Kind::Debug(_) | Kind::File(_) | Kind::Nop => None,
        }
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

    /// Only backends may be sent an empty request: elsewhere it would leave a trace.
    fn look(&self) -> Look {
        match self.kind {
            Kind::Otlp(_) => Look::AlsoWhenIdle,
            Kind::Debug(_) | Kind::File(_) | Kind::Prometheus(_) | Kind::Nop => Look::WithData,
        }
    }
}
