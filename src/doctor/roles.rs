//! What an exporter is there for, where it is more than the end of a pipeline: somebody's fallback, or behind a connector.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::ident::{ComponentId, PipelineId};
use crate::pipeline::{ConnectorPlan, Plan};

/// The role of each exporter that has one, in words: `fallback of otlp_grpc`, `behind failover, level 2 (traces/b)`.
pub(super) fn roles(config: &Config, plan: &Plan) -> BTreeMap<ComponentId, String> {
    let mut roles: BTreeMap<ComponentId, BTreeSet<String>> = BTreeMap::new();
    for chain in &plan.chains {
        let fallback = config.exporters.get(&chain.exporter).and_then(|exporter| exporter.fallback());
        for standby in fallback.into_iter().flat_map(|fallback| &fallback.exporters) {
            roles.entry(standby.clone()).or_default().insert(format!("fallback of {}", chain.exporter));
        }
    }
    let mut behind = |pipelines: &[PipelineId], role: &dyn Fn(&PipelineId) -> String| {
        for id in pipelines {
            for exporter in plan.pipelines.get(id).into_iter().flat_map(|pipeline| &pipeline.exporters) {
                roles.entry(exporter.clone()).or_default().insert(role(id));
            }
        }
    };
    for (chain, joint) in &plan.connectors {
        let connector = &chain.exporter;
        match joint {
            ConnectorPlan::Forward(pipelines) => behind(pipelines, &|id| format!("behind {connector} ({id})")),
            ConnectorPlan::Failover(levels) => {
                for (level, pipelines) in (1..).zip(levels) {
                    behind(pipelines, &|id| format!("behind {connector}, level {level} ({id})"));
                }
            }
        }
    }
    let joined = |roles: BTreeSet<String>| roles.into_iter().collect::<Vec<_>>().join("; ");
    roles.into_iter().map(|(id, roles)| (id, joined(roles))).collect()
}
