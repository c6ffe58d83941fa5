//! Joins pipelines to what is behind them: exporters, and connectors that lead to other pipelines.
//!
//! A pipeline is made in up to two ways. Its usual way ends in its exporters' queues. Its direct way, for a failover
//! connector in front of it, ends in single attempts: the connector owns queue and retries, and sees each outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Connector, Delivery, Exporter, Failover, Problem, Processor, Queue};
use crate::flow::{FanOut, Next};
use crate::ident::{ComponentId, PipelineId};
use crate::processors::{attributes, ruled};
use crate::signal::Signal;
use crate::telemetry::ExporterState;

use super::chains::{Asked, Chains, Kept};
use super::delivering::{Failing, Level, Surroundings};
use super::journals;
use super::limiting::Limiters;
use super::plan::{Chain, ConnectorPlan, PipelinePlan, Plan};

/// How data goes on at the end of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Into queues.
    Queued,
    /// In single attempts, each of which the caller hears the outcome of.
    Direct,
}

/// The pipelines of a plan as they are made.
pub(super) struct Graph<'a> {
    pub(super) plan: &'a Plan,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) limiters: &'a Limiters,
    /// The chains of exporters; those of connectors are added.
    pub(super) chains: Chains,
    pub(super) made: BTreeMap<(PipelineId, Way), Next>,
    /// What is wrong with what the chains of connectors need.
    pub(super) problems: Vec<Problem>,
}

impl Graph<'_> {
    /// Where data enters the pipeline `id`.
    pub(super) fn pipeline(&mut self, id: &PipelineId, way: Way) -> Option<Next> {
        if let Some(made) = self.made.get(&(id.clone(), way)) {
            return Some(Arc::clone(made));
        }
        let pipeline = self.plan.pipelines.get(id)?;
        let chain_of = |exporter: &ComponentId| Chain { exporter: exporter.clone(), signal: id.signal };
        let mut branches: Vec<Next> =
            pipeline.exporters.iter().filter_map(|exporter| self.chains.entrance(&chain_of(exporter), way)).collect();
        for connector in &pipeline.connectors {
            branches.extend(self.connector(&chain_of(connector), way));
        }
        let next = FanOut::over(branches, self.around.tools.lifetime);
        let next = self.limiters.guard(pipeline, id.signal, self.edited(pipeline, self.ruled(pipeline, next)));
        self.made.insert((id.clone(), way), Arc::clone(&next));
        Some(next)
    }

    /// The stages that change attributes, in their order, in front of `next`.
    fn edited(&self, pipeline: &PipelinePlan, next: Next) -> Next {
        pipeline.editors.iter().rev().fold(next, |next, id| match self.around.config.processors.get(id) {
            Some(Processor::Attributes(asked)) => attributes(asked, next),
            _ => next,
        })
    }

    fn ruled(&self, pipeline: &PipelinePlan, next: Next) -> Next {
        match &pipeline.batch {
            None => next,
            Some(batch) => {
                let on_combination = self.around.figures.on_combination(batch);
                ruled(batch.rule.clone(), batch.combinations, on_combination, next)
            }
        }
    }

    /// Where data enters a connector.
    fn connector(&mut self, chain: &Chain, way: Way) -> Option<Next> {
        match self.plan.connectors.get(chain)? {
            ConnectorPlan::Forward(pipelines) => {
                let branches = pipelines.iter().filter_map(|id| self.pipeline(id, way)).collect();
                Some(FanOut::over(branches, self.around.tools.lifetime))
            }
            ConnectorPlan::Failover(levels) => {
                self.failover(chain, levels)?;
                let entrance = self.chains.entrance(chain, way)?;
                // The batches that the first level asks for are gathered in front of it: behind it there are no queues.
                let first = levels.first().and_then(|level| level.first());
                match first.and_then(|id| self.plan.pipelines.get(id)).filter(|_| way == Way::Queued) {
                    Some(pipeline) => Some(self.ruled(pipeline, entrance)),
                    None => Some(entrance),
                }
            }
        }
    }

    /// Makes the chain of a failover connector, or takes the one over that is there.
    fn failover(&mut self, chain: &Chain, levels: &[Vec<PipelineId>]) -> Option<()> {
        let config = self.around.config;
        if self.chains.get(chain).is_some() {
            return Some(());
        }
        let Some(Connector::Failover(asked)) = config.connectors.get(&chain.exporter) else { return None };
        let mut first = first_exporter(levels, config);
        let mut delivery = delivery(asked, first.map(|(_, exporter)| exporter));
        if !self.plan.queued.contains(chain) {
            // It is behind another failover connector, which does all this.
            (delivery.queue, first) = (None, None);
        }
        let storage = journals::storage_of(config, Some(&delivery));
        let wanted = Asked::connector(Connector::Failover(asked.clone()), storage, config);
        let before = self.around.tools.chains.get(chain);
        if let Some(kept) = before.filter(|kept| kept.asked == wanted) {
            self.chains.insert(chain.clone(), kept.clone());
            return Some(());
        }
        let state = before.map(|kept| Arc::clone(&kept.state));
        let state = state.unwrap_or_else(|| ExporterState::new(Arc::new(chain.exporter.clone()), chain.signal));
        let ranks = levels.iter().map(|level| self.level(level)).collect();
        let journal = journals::open(chain, storage, config, self.around.tools.directories);
        let journal = journal.map_err(|problem| self.problems.push(problem)).ok()?;
        let failing = Failing { delivery, first, retry_interval: asked.retry_interval, journal };
        let exporters = behind(self.plan, chain.signal).into_iter();
        let entry = self.around.failover_chain(chain, ranks, failing, &state, exporters)?;
        self.chains.insert(chain.clone(), Kept { asked: wanted, entry: Arc::new(entry), state });
        Some(())
    }

    fn level(&mut self, pipelines: &[PipelineId]) -> Level {
        let branches = pipelines.iter().filter_map(|id| self.pipeline(id, Way::Direct)).collect();
        let names: Vec<String> = pipelines.iter().map(PipelineId::to_string).collect();
        Level { name: names.join(" ").into(), stage: FanOut::over(branches, self.around.tools.lifetime) }
    }
}

/// The queue of a failover connector; none where it is behind another one, or no connector of this kind.
pub fn failover_queue<'c>(chain: &Chain, plan: &Plan, config: &'c Config) -> Option<&'c Queue> {
    let (Some(ConnectorPlan::Failover(levels)), Some(Connector::Failover(asked))) =
        (plan.connectors.get(chain), config.connectors.get(&chain.exporter))
    else {
        return None;
    };
    let of_first = || first_exporter(levels, config).and_then(|(_, first)| first.delivery()?.queue.as_ref());
    asked.queue.as_ref().or_else(of_first).filter(|_| plan.queued.contains(chain))
}

/// The first exporter of the first of `levels` that has a say in how its data is delivered.
fn first_exporter<'c>(levels: &[Vec<PipelineId>], config: &'c Config) -> Option<(&'c ComponentId, &'c Exporter)> {
    let pipelines = levels.first().into_iter().flatten().filter_map(|id| config.pipelines.get(id));
    let exporters = pipelines.flat_map(|pipeline| &pipeline.exporters);
    let mut exporters = exporters.filter_map(|id| config.exporters.get_key_value(id));
    exporters.find(|(_, exporter)| exporter.delivery().is_some())
}

/// A failover connector delivers as the first exporter of its first level would, which sets aside what it gives up, too; it
/// may have a queue of its own.
fn delivery(asked: &Failover, first: Option<&Exporter>) -> Delivery {
    let Delivery { retry, queue, dead_letter, .. } = first.and_then(Exporter::delivery).cloned().unwrap_or_default();
    Delivery { queue: asked.queue.clone().or(queue), retry, dead_letter, ..Delivery::default() }
}

/// Every exporter that may deliver `signal`.
fn behind(plan: &Plan, signal: Signal) -> Vec<ComponentId> {
    let chains = plan.chains.union(&plan.standbys).filter(|chain| chain.signal == signal);
    chains.map(|chain| chain.exporter.clone()).collect()
}
