//! What runs: pipelines and extensions of `service`, with every reference checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::model::{Pipeline, Telemetry};
use crate::config::problem::Problem;
use crate::config::reading::Reading;
use crate::config::section::Section;
use crate::config::suggest;
use crate::config::yaml::Entry;
use crate::ident::{ComponentId, PipelineId};
use crate::signal::Signal;

use super::telemetry;

/// The identifiers that references may name, by what they name.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub receivers: &'a BTreeSet<ComponentId>,
    pub processors: &'a BTreeSet<ComponentId>,
    pub exporters: &'a BTreeSet<ComponentId>,
    /// Each counts as a receiver and as an exporter.
    pub connectors: &'a BTreeSet<ComponentId>,
    pub extensions: &'a BTreeSet<ComponentId>,
}

/// `service`
#[derive(Debug)]
pub(super) struct Service {
    pub pipelines: BTreeMap<PipelineId, Pipeline>,
    pub extensions: Vec<ComponentId>,
    pub telemetry: Telemetry,
    pub shutdown_timeout: Duration,
}

/// Reads `service`.
pub(super) fn read(top: &mut Section<'_>, written: &Written<'_>) -> Service {
    let mut service = Service {
        pipelines: BTreeMap::new(),
        extensions: Vec::new(),
        telemetry: Telemetry::default(),
        shutdown_timeout: DEFAULT_SHUTDOWN,
    };
    let Some(mut section) = top.entry("service").and_then(Reading::section) else {
        no_pipelines(top);
        return service;
    };
    service.telemetry = telemetry::read(&mut section);
    let refusal = "'shutdown_timeout' must be non-negative";
    service.shutdown_timeout = section.duration("shutdown_timeout", refusal).unwrap_or(DEFAULT_SHUTDOWN);
    let extensions = section.value("extensions");
    service.extensions =
        extensions.map(|list| references(&list, "extension", &[written.extensions])).unwrap_or_default();
    match section.value("pipelines").and_then(Reading::section) {
        Some(pipelines) => service.pipelines = read_pipelines(pipelines, written),
        None => no_pipelines(&section),
    }
    section.finish();
    service
}

fn no_pipelines(section: &Section<'_>) {
    section.whole().wrong("service must have at least one pipeline");
}

fn read_pipelines(section: Section<'_>, written: &Written<'_>) -> BTreeMap<PipelineId, Pipeline> {
    let whole = section.whole().clone();
    let mut pipelines = BTreeMap::new();
    let mut seen = 0;
    for (entry, value) in section.into_entries() {
        seen += 1;
        let id = pipeline_id(entry, &value);
        let Some(section) = value.clone().section() else { continue };
        let pipeline = read_pipeline(section, written);
        let Some(id) = id else { continue };
        if pipelines.insert(id.clone(), pipeline).is_some() {
            value.wrong(format!("duplicate name {id}"));
        }
    }
    if seen == 0 {
        whole.wrong("service must have at least one pipeline");
    }
    pipelines
}

fn pipeline_id(entry: &Entry, value: &Reading<'_>) -> Option<PipelineId> {
    match PipelineId::parse(&entry.key) {
        Ok(id) => Some(id),
        Err(bad) => {
            let mut problem = value.fault(bad.to_string());
            let kind = entry.key.split('/').next().unwrap_or_default();
            if let Some(near) = suggest::nearest(kind, Signal::ALL.into_iter().map(Signal::name)) {
                problem = problem.hint(format!("did you mean \"{near}\"?"));
            }
            problem.place = Some(entry.place.clone());
            value.refuse(problem);
            None
        }
    }
}

fn read_pipeline(mut section: Section<'_>, written: &Written<'_>) -> Pipeline {
    let pipeline = Pipeline {
        receivers: ends(&mut section, "receivers", &[written.receivers, written.connectors]),
        processors: processors(&mut section, written),
        exporters: ends(&mut section, "exporters", &[written.exporters, written.connectors]),
    };
    section.finish();
    pipeline
}

/// Receivers or exporters: at least one; one that is listed twice counts once.
fn ends(section: &mut Section<'_>, key: &'static str, written: &[&BTreeSet<ComponentId>]) -> Vec<ComponentId> {
    let kind = key.trim_end_matches('s');
    let list = section.value(key);
    let is_empty = list.as_ref().is_none_or(Reading::asks_for_nothing);
    if is_empty {
        let at = list.as_ref().unwrap_or(section.whole());
        at.wrong(format!("must have at least one {kind}"));
    }
    let mut ids = list.map(|list| references(&list, kind, written)).unwrap_or_default();
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

fn processors(section: &mut Section<'_>, written: &Written<'_>) -> Vec<ComponentId> {
    let Some(list) = section.value("processors") else { return Vec::new() };
    let ids = references(&list, "processor", &[written.processors]);
    let mut seen = BTreeSet::new();
    for id in &ids {
        if !seen.insert(id) {
            section.whole().wrong(format!("references processor \"{id}\" multiple times"));
        }
    }
    ids
}

/// The identifiers in `list`. Each that leads nowhere is reported where it stands, by the path that lists it.
fn references(list: &Reading<'_>, kind: &str, written: &[&BTreeSet<ComponentId>]) -> Vec<ComponentId> {
    let path = match kind {
        "extension" => list.path(),
        // The Collector names the pipeline.
        _ => list.path().rsplit_once("::").map_or(list.path(), |(pipeline, _)| pipeline),
    };
    let mut ids = Vec::new();
    for (text, item) in list.words() {
        let refuse = |problem: Problem| item.refuse(Problem { path: path.to_owned(), ..problem });
        match ComponentId::parse(&text) {
            Err(bad) => refuse(item.fault(bad.to_string())),
            Ok(id) if written.iter().any(|set| set.contains(&id)) => ids.push(id),
            Ok(_) if item.is_muted() => {}
            Ok(id) => refuse(missing(&id, kind, &item, written)),
        }
    }
    ids
}

fn missing(id: &ComponentId, kind: &str, item: &Reading<'_>, written: &[&BTreeSet<ComponentId>]) -> Problem {
    let problem = item.fault(format!("references {kind} \"{id}\" which is not configured"));
    let all = written.iter().flat_map(|set| set.iter());
    let names: Vec<String> = all.take(MAX_CANDIDATES).map(ComponentId::to_string).collect();
    match suggest::nearest(&id.to_string(), names.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
        None => problem.hint(format!("write \"{id}:\" under {kind}s, or take it out here")),
    }
}

/// Identifiers that one reference is compared with.
const MAX_CANDIDATES: usize = 1000;

/// `docker stop` kills after 10 s.
pub(super) const DEFAULT_SHUTDOWN: Duration = Duration::from_secs(8);
