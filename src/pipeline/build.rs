//! Makes the stages of a plan, from the exporters backwards, so that every stage finds the one behind it ready.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, ListenAddress, Problems};
use crate::flow::{FanOut, Lifetime, Next};
use crate::ident::{ComponentId, PipelineId};
use crate::payload::Budget;
use crate::processors::ruled;
use crate::protocol::Protocol;
use crate::receivers::otlp::{Entries, OtlpServer};
use crate::signal::Signal;
use crate::telemetry::{ExporterState, Watch, observe};

use super::exporter::{Exporters, States};
use super::figures::{BatchFigures, RefusalFigures};
use super::limiting::Limiters;
use super::plan::{Chain, PipelinePlan, Plan, ReceiverPlan};

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
    /// Where it is to listen.
    pub listens: Vec<ListenAddress>,
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
    let limiters = Limiters::of(plan, config, &tools.watch.registry);
    let pipelines: BTreeMap<&PipelineId, Next> = plan
        .pipelines
        .iter()
        .map(|(id, pipeline)| (id, build_pipeline(id, pipeline, &chains, &limiters, &figures, tools.lifetime)))
        .collect();
    let servers = plan.receivers.iter().map(|receiver| build_server(receiver, &pipelines, tools)).collect();
    let states = plan.chains.iter().filter_map(|chain| tools.states.get(chain)).collect();
    Ok(Built { servers, states })
}

fn build_pipeline(
    id: &PipelineId,
    pipeline: &PipelinePlan,
    chains: &BTreeMap<Chain, Next>,
    limiters: &Limiters,
    figures: &BatchFigures,
    lifetime: &Lifetime,
) -> Next {
    let chain_of = |exporter: &ComponentId| Chain { exporter: exporter.clone(), signal: id.signal };
    let branches = pipeline.exporters.iter().filter_map(|exporter| chains.get(&chain_of(exporter))).map(Arc::clone);
    let mut next = FanOut::over(branches.collect(), lifetime);
    if let Some(batch) = &pipeline.batch {
        next = ruled(batch.rule.clone(), batch.combinations, figures.on_combination(&batch.rule.owner), next);
    }
    limiters.guard(pipeline, id.signal, next)
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
    let otlp = OtlpServer::new(receiver.limits, entries, budget, instance, refusals);
    Server { id: receiver.id.clone(), listens: receiver.listens.clone(), otlp }
}

fn watched(receiver: &ReceiverPlan, protocol: Protocol, signal: Signal, tools: &Tools<'_>, next: &Next) -> Next {
    observe::entering(&receiver.id, protocol, signal, tools.watch, Arc::clone(next))
}
