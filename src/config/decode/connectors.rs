//! What each connector asks for, and whether the pipelines around it fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::model::{Config, Connector, Failover, Pipeline};
use crate::config::problem::{Mistake, Problem};
use crate::config::section::{Rule, Section};
use crate::ident::{ComponentId, PipelineId};
use crate::signal::Signal;

use super::delivery;

/// `forward` has no keys.
pub(super) fn forward(_: &mut Section<'_>) -> Option<Connector> {
    Some(Connector::Forward)
}

/// `failover`, with the contrib connector's keys and defaults.
pub(super) fn failover(section: &mut Section<'_>) -> Option<Connector> {
    let priority_levels = levels(section);
    let retry_interval = section.duration("retry_interval", "`retry_interval` must be positive");
    if retry_interval == Some(Duration::ZERO) {
        section.whole().wrong("`retry_interval` must be positive");
    }
    let retry_interval = retry_interval.unwrap_or(DEFAULT_INTERVAL);
    let queue = delivery::queue(section);
    section.rest(&[
        ("retry_gap", Rule::NoEffect("deprecated: levels are tried again every retry_interval")),
        ("max_retries", Rule::NoEffect("deprecated: levels are tried again for as long as it takes")),
    ]);
    Some(Connector::Failover(Box::new(Failover { priority_levels: priority_levels?, retry_interval, queue })))
}

fn levels(section: &mut Section<'_>) -> Option<Vec<Vec<PipelineId>>> {
    let value = section.value("priority_levels");
    let mut levels = Vec::new();
    for level in value.iter().flat_map(|value| value.items()) {
        let mut ids = Vec::new();
        for (text, at) in level.words() {
            match PipelineId::parse(&text) {
                Ok(id) => ids.push(id),
                Err(bad) => at.wrong(bad.to_string()),
            }
        }
        if ids.is_empty() {
            level.refuse(level.fault("this level has no pipeline").hint("name one, or take the level out"));
        }
        levels.push(ids);
    }
    if levels.is_empty() {
        let at = value.as_ref().unwrap_or(section.whole());
        let fault = at.fault("No pipelines are defined in the priority list");
        at.refuse(fault.hint("write priority_levels: [[traces/first], [traces/second]]"));
        return None;
    }
    Some(levels)
}

/// What is wrong between connectors and pipelines.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    for (id, connector) in &config.connectors {
        found.extend(ambiguous(config, id));
        found.extend(one_sided(config, id));
        if let Connector::Failover(failover) = connector {
            found.extend(unfit_levels(config, id, failover));
        }
    }
    found.extend(cycle(config));
    found
}

fn ambiguous(config: &Config, id: &ComponentId) -> Option<Problem> {
    let kind = match (config.exporters.contains_key(id), config.receivers.contains_key(id)) {
        (true, _) => "exporter",
        (false, true) => "receiver",
        (false, false) => return None,
    };
    let what = format!("ambiguous ID: Found both \"{id}\" {kind} and \"{id}\" connector");
    let hint = format!("rename \"{id}\" connector to \"{id}/connector\"");
    Some(config.places.problem(format!("connectors::{id}"), what).hint(hint))
}

/// Which ends of pipelines a connector is at, by signal.
fn ends<'c>(
    config: &'c Config,
    id: &ComponentId,
    list: fn(&Pipeline) -> &Vec<ComponentId>,
) -> BTreeMap<Signal, &'c PipelineId> {
    let at = config.pipelines.iter().filter(|(_, pipeline)| list(pipeline).contains(id));
    at.map(|(pipeline, _)| (pipeline.signal, pipeline)).collect()
}

/// A connector passes each signal on as it is, so each has to be at both of its sides.
fn one_sided(config: &Config, id: &ComponentId) -> Vec<Problem> {
    let into = ends(config, id, |pipeline| &pipeline.exporters);
    let out = ends(config, id, |pipeline| &pipeline.receivers);
    let mut found = Vec::new();
    let mut tell = |pipeline: &PipelineId, has: &str, lacks: &str| {
        let what = format!(
            "connector \"{id}\" used as {has} in [{pipeline}] pipeline but not used in any supported {lacks} pipeline"
        );
        let signal = pipeline.signal;
        let hint = format!("name it among the {lacks}s of another pipeline for {signal}, or take it out here");
        found.push(config.places.problem(format!("service::pipelines::{pipeline}::{has}s"), what).hint(hint));
    };
    into.iter().filter(|(signal, _)| !out.contains_key(signal)).for_each(|(_, at)| tell(at, "exporter", "receiver"));
    out.iter().filter(|(signal, _)| !into.contains_key(signal)).for_each(|(_, at)| tell(at, "receiver", "exporter"));
    found
}

fn unfit_levels(config: &Config, id: &ComponentId, failover: &Failover) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (level, pipelines) in failover.priority_levels.iter().enumerate() {
        for (at, pipeline) in pipelines.iter().enumerate() {
            let problem =
                |what: String| config.places.problem(format!("connectors::{id}::priority_levels::{level}::{at}"), what);
            match config.pipelines.get(pipeline) {
                None => {
                    let what = format!("references pipeline \"{pipeline}\" which is not configured");
                    found.push(problem(what).hint("write it under service::pipelines, or take it out here"));
                }
                Some(there) if !there.receivers.contains(id) => {
                    let what = format!("pipeline \"{pipeline}\" does not have \"{id}\" among its receivers");
                    found.push(problem(what).hint(format!("write receivers: [{id}] in {pipeline}")));
                }
                Some(_) if !seen.insert(pipeline) => {
                    let what = format!("names pipeline \"{pipeline}\" twice");
                    found.push(problem(what).hint("take it out once: each level is tried once in its turn"));
                }
                Some(_) => {}
            }
        }
    }
    let listed = |pipeline: &PipelineId| failover.priority_levels.iter().flatten().any(|listed| listed == pipeline);
    for (pipeline, _) in
        config.pipelines.iter().filter(|(pipeline, there)| there.receivers.contains(id) && !listed(pipeline))
    {
        let what = format!("\"{id}\" sends nothing to [{pipeline}] pipeline, which none of its priority_levels names");
        let problem = config.places.problem(format!("service::pipelines::{pipeline}::receivers"), what);
        found.push(problem.hint(format!("name {pipeline} in priority_levels, or take {id} out here")));
    }
    found
}

/// The first way from a pipeline over connectors back to itself.
fn cycle(config: &Config) -> Option<Problem> {
    let next = |from: &PipelineId| -> Vec<(&ComponentId, &PipelineId)> {
        let exporters = config.pipelines.get(from).map(|pipeline| pipeline.exporters.as_slice()).unwrap_or_default();
        let connectors = config.connectors.keys().filter(|id| exporters.contains(id));
        let signal = from.signal;
        let fed =
            |id| config.pipelines.iter().filter(move |(to, there)| to.signal == signal && there.receivers.contains(id));
        connectors.flat_map(|id| fed(id).map(move |(to, _)| (id, to))).collect()
    };
    let mut done = BTreeSet::new();
    for start in config.pipelines.keys() {
        let mut ways: Vec<(&PipelineId, Vec<String>)> = vec![(start, Vec::new())];
        while let Some((at, way)) = ways.pop() {
            for (connector, to) in next(at) {
                let signal = to.signal;
                let mut way = way.clone();
                way.push(format!("connector \"{connector}\" ({signal} to {signal})"));
                if to == start {
                    let what = format!("cycle detected: {}", way.join(" -> "));
                    let path = format!("service::pipelines::{start}::exporters");
                    let hint = "take one of these connectors out of the pipeline that closes the circle";
                    return Some(config.places.problem(path, what).hint(hint).is(Mistake::Cycle));
                }
                if done.insert((start, to)) {
                    ways.push((to, way));
                }
            }
        }
    }
    None
}

const DEFAULT_INTERVAL: Duration = Duration::from_secs(600);
