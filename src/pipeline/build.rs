//! Makes the stages of a plan, from the exporters backwards, so that every stage finds the one behind it ready.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Problems, Processor};
use crate::flow::{FanOut, Lifetime, Next};
use crate::ident::{ComponentId, PipelineId};
use crate::payload::Budget;
use crate::processors::{MemoryLimiter, memory_available, resident_memory, ruled};
use crate::protocol::Protocol;
use crate::receivers::otlp::{Entries, OtlpServer};
use crate::signal::Signal;
use crate::telemetry::{ExporterState, Watch, observe};

use super::exporter::{Exporters, States};
use super::figures::{BatchFigures, RefusalFigures};
use super::plan::{Chain, ListenPlan, PipelinePlan, Plan, ReceiverPlan};

/// What a build borrows: whatever outlives a configuration.
pub struct Tools<'a> {
    /// Where stages are watched from.
    pub watch: &'a Watch,
    /// The states of the exporters, kept from build to build.
    pub states: &'a mut States,
    /// The bound on bytes held in memory.
    pub budget: &'a Arc<Budget>,
    /// The relay's own name for itself.
    pub instance: &'a Arc<str>,
    /// The life of every task of the stages.
    pub lifetime: &'a Lifetime,
}

/// What is ready to run.
pub struct Built {
    /// The receivers, none of which listens yet.
    pub servers: Vec<Server>,
    /// The states of the exporters in it.
    pub states: Vec<Arc<ExporterState>>,
}

/// A receiver that is ready to listen.
pub struct Server {
    /// The receiver.
    pub id: ComponentId,
    /// Where it is to listen, and on which terms it takes connections there.
    pub listens: Vec<ListenPlan>,
    /// What answers there.
    pub otlp: Arc<OtlpServer>,
}

/// Builds the stages of `plan`, which is the plan of `config`.
///
/// # Errors
/// Everything that the configuration asks for and that is not there, such as certificate files.
pub fn build(plan: &Plan, config: &Config, tools: &mut Tools<'_>) -> Result<Built, Problems> {
    let figures = BatchFigures::of(plan, &tools.watch.registry);
    let mut exporters = Exporters::of(config, tools.instance);
    if let Some(problems) = Problems::from_found(exporters.make(plan.chains.iter())) {
        return Err(problems);
    }
    let mut chains = BTreeMap::new();
    for chain in &plan.chains {
        chains.extend(exporters.chain(chain, tools, &figures).map(|next| (chain.clone(), next)));
    }
    let limiters = build_limiters(plan, config);
    let pipelines: BTreeMap<&PipelineId, Next> = plan
        .pipelines
        .iter()
        .map(|(id, pipeline)| (id, build_pipeline(id, pipeline, &chains, &limiters, tools.lifetime)))
        .collect();
    let servers = plan.receivers.iter().map(|receiver| build_server(receiver, &pipelines, tools)).collect();
    let states = plan.chains.iter().filter_map(|chain| tools.states.get(chain)).collect();
    Ok(Built { servers, states })
}

fn build_limiters(plan: &Plan, config: &Config) -> BTreeMap<ComponentId, Arc<MemoryLimiter>> {
    let mut limiters = BTreeMap::new();
    for id in plan.pipelines.values().flat_map(|pipeline| &pipeline.limiters) {
        if let Some(Processor::MemoryLimiter(settings)) = config.processors.get(id) {
            limiters
                .entry(id.clone())
                .or_insert_with(|| MemoryLimiter::new(settings, memory_available(), resident_memory));
        }
    }
    limiters
}

fn build_pipeline(
    id: &PipelineId,
    pipeline: &PipelinePlan,
    chains: &BTreeMap<Chain, Next>,
    limiters: &BTreeMap<ComponentId, Arc<MemoryLimiter>>,
    lifetime: &Lifetime,
) -> Next {
    let chain_of = |exporter: &ComponentId| Chain { exporter: exporter.clone(), signal: id.signal };
    let branches = pipeline.exporters.iter().filter_map(|exporter| chains.get(&chain_of(exporter))).map(Arc::clone);
    let mut next = FanOut::over(branches.collect(), lifetime);
    if let Some(batch) = &pipeline.batch {
        next = ruled(batch.rule.clone(), next);
    }
    for limiter in pipeline.limiters.iter().rev().filter_map(|limiter| limiters.get(limiter)) {
        next = limiter.guard(next);
    }
    next
}

fn build_server(receiver: &ReceiverPlan, pipelines: &BTreeMap<&PipelineId, Next>, tools: &Tools<'_>) -> Server {
    let mut entries = Entries::new();
    for (&signal, feeds) in &receiver.feeds {
        let branches = feeds.iter().filter_map(|id| pipelines.get(id)).map(Arc::clone).collect();
        let next = FanOut::over(branches, tools.lifetime);
        for protocol in Protocol::ALL {
            entries = entries.with(protocol, signal, watched(receiver, protocol, signal, tools, &next));
        }
    }
    let refusals = Arc::new(RefusalFigures::of(&receiver.id, &tools.watch.registry));
    let (budget, instance) = (Arc::clone(tools.budget), Arc::clone(tools.instance));
    let otlp = OtlpServer::new(receiver.settings.clone(), entries, budget, instance, refusals);
    Server { id: receiver.id.clone(), listens: receiver.listens.clone(), otlp }
}

fn watched(receiver: &ReceiverPlan, protocol: Protocol, signal: Signal, tools: &Tools<'_>, next: &Next) -> Next {
    observe::entering(&receiver.id, protocol, signal, tools.watch, Arc::clone(next))
}
