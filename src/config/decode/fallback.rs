//! `fallback`: which exporters take over from one that fails, and whether they can.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::model::{Config, Fallback};
use crate::config::problem::{Mistake, Problem};
use crate::config::section::Section;
use crate::config::suggest;
use crate::ident::{ComponentId, PipelineId};
use crate::signal::Signal;

use super::uses;

/// Reads `fallback`; none unless it is written.
pub(super) fn read(exporter: &mut Section<'_>) -> Option<Fallback> {
    let mut section = exporter.value("fallback")?.section()?;
    if !section.enabled() {
        return None;
    }
    let list = section.value("exporters");
    let words = list.as_ref().map(|list| list.words()).unwrap_or_default();
    if words.is_empty() {
        let at = list.as_ref().unwrap_or(section.whole());
        at.refuse(at.fault("must have at least one exporter").hint("write exporters: [otlp_http/standby]"));
    }
    let mut exporters = Vec::new();
    for (text, at) in words {
        match ComponentId::parse(&text) {
            Ok(id) => exporters.push(id),
            Err(bad) => at.wrong(bad.to_string()),
        }
    }
    let max_consecutive_failures = section.unsigned("max_consecutive_failures").unwrap_or(DEFAULT_FAILURES);
    if max_consecutive_failures == 0 {
        section.whole().wrong("`max_consecutive_failures` must be positive");
    }
    let mut positive = |key, default: Duration| {
        let length = section.duration(key, &format!("`{key}` must be positive")).unwrap_or(default);
        if length.is_zero() {
            section.whole().wrong(format!("`{key}` must be positive"));
        }
        length
    };
    let max_outage = positive("max_outage", DEFAULT_OUTAGE);
    let retry_interval = positive("retry_interval", DEFAULT_INTERVAL);
    section.finish();
    Some(Fallback { exporters, max_consecutive_failures, max_outage, retry_interval })
}

/// What is wrong with the fallbacks of `config`, of whose exporters `written` are written, if only with mistakes.
pub(super) fn check(config: &Config, written: &BTreeSet<ComponentId>) -> Vec<Problem> {
    let mut found = Vec::new();
    for (id, exporter) in &config.exporters {
        let listed = exporter.fallback().map(|fallback| fallback.exporters.as_slice()).unwrap_or_default();
        let mut seen = BTreeSet::new();
        for (at, standby) in listed.iter().enumerate() {
            let problem =
                |what: String| config.places.problem(format!("exporters::{id}::fallback::exporters::{at}"), what);
            if !written.contains(standby) {
                found.push(missing(problem, standby, written));
            } else if !seen.insert(standby) {
                let twice = problem(format!("names exporter \"{standby}\" twice"));
                found.push(twice.hint("take it out once: each fallback is tried once in its turn"));
            } else if let Some(way) = way_back(config, id, standby) {
                let what = format!("a loop of fallbacks: {way}");
                found.push(problem(what).hint("let one of them have no fallback that leads back").is(Mistake::Cycle));
            } else {
                found.extend(unable(config, id, standby, problem));
            }
        }
    }
    found
}

fn missing(problem: impl Fn(String) -> Problem, standby: &ComponentId, written: &BTreeSet<ComponentId>) -> Problem {
    let problem = problem(format!("references exporter \"{standby}\" which is not configured"));
    let names: Vec<String> = written.iter().take(MAX_CANDIDATES).map(ComponentId::to_string).collect();
    match suggest::nearest(&standby.to_string(), names.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
        None => problem.hint(format!("write \"{standby}:\" under exporters, or take it out here")),
    }
}

/// `a -> b -> a`, if the fallbacks of `standby` lead back to `id`.
fn way_back(config: &Config, id: &ComponentId, standby: &ComponentId) -> Option<String> {
    let mut ways = vec![vec![standby]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let last = *way.last()?;
        if last == id {
            let names: Vec<String> = std::iter::once(id).chain(way).map(ComponentId::to_string).collect();
            return Some(names.join(" -> "));
        }
        if !seen.insert(last) {
            continue;
        }
        let next = config.exporters.get(last).and_then(|exporter| exporter.fallback());
        let next = next.map(|fallback| fallback.exporters.as_slice()).unwrap_or_default();
        ways.extend(next.iter().map(|next| [way.as_slice(), &[next]].concat()));
    }
    None
}

/// A problem for each signal that is sent to `id` and that `standby` has no place for.
fn unable(
    config: &Config,
    id: &ComponentId,
    standby: &ComponentId,
    problem: impl Fn(String) -> Problem,
) -> Vec<Problem> {
    let Some(exporter) = config.exporters.get(standby) else { return Vec::new() };
    let signals: BTreeSet<Signal> =
        uses::pipelines_of(config, id).map(|pipeline: &PipelineId| pipeline.signal).collect();
    let unable = signals.into_iter().filter(|signal| !exporter.takes(*signal));
    let told = unable.map(|signal| {
        let key = signal.facts().endpoint_key;
        problem(format!("{standby} has no endpoint for {signal}, which {id} is sent"))
            .hint(format!("write endpoint or {key} in {standby}"))
            .is(Mistake::InvalidEndpoint)
    });
    told.collect()
}

const DEFAULT_FAILURES: u64 = 5;
const DEFAULT_OUTAGE: Duration = Duration::from_secs(30);
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// Identifiers that one reference is compared with.
const MAX_CANDIDATES: usize = 1000;
