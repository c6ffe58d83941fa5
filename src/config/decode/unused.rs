//! Which problems harm nobody: addresses of exporters that no pipeline uses, which the Collector looks at only when it
//! connects.

use crate::config::model::{Config, Exporter};
use crate::config::problem::{Mistake, Problem};

/// The problems that matter, and those that are worth a warning.
pub(super) fn part(problems: Vec<Problem>, config: &Config) -> (Vec<Problem>, Vec<Problem>) {
    let (harmless, problems): (Vec<Problem>, Vec<Problem>) = problems.into_iter().partition(|problem| {
        let concerns_address = matches!(
            problem.mistake,
            Mistake::InvalidEndpoint | Mistake::MissingPort | Mistake::UnsupportedScheme | Mistake::UnexpandedVariable
        );
        concerns_address && exporter(&problem.path).is_some_and(|id| !is_used(id, config))
    });
    let warned = harmless.into_iter().map(|problem| {
        let what = format!("{} (no pipeline uses this exporter)", problem.what);
        Problem { what, ..problem }
    });
    (problems, warned.collect())
}

/// The exporter whose endpoint stands at `path`.
fn exporter(path: &str) -> Option<&str> {
    let (id, key) = path.strip_prefix("exporters::")?.split_once("::")?;
    key.ends_with("endpoint").then_some(id)
}

fn is_used(id: &str, config: &Config) -> bool {
    let fallbacks = config.exporters.values().filter_map(Exporter::fallback).flat_map(|fallback| &fallback.exporters);
    let named = config.pipelines.values().flat_map(|pipeline| &pipeline.exporters);
    named.chain(fallbacks).any(|used| used.to_string() == id.trim())
}
