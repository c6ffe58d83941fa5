//! Which problems harm nobody: addresses of exporters that no pipeline uses, which the Collector looks at only when it
//! connects.

use std::collections::BTreeMap;

use crate::config::model::Pipeline;
use crate::config::problem::{Mistake, Problem};
use crate::ident::PipelineId;

/// The problems that matter, and those that are worth a warning.
pub(super) fn part(problems: Vec<Problem>, pipelines: &BTreeMap<PipelineId, Pipeline>) -> (Vec<Problem>, Vec<Problem>) {
    let (harmless, problems): (Vec<Problem>, Vec<Problem>) = problems.into_iter().partition(|problem| {
        let concerns_address = matches!(
            problem.mistake,
            Mistake::InvalidEndpoint | Mistake::MissingPort | Mistake::UnsupportedScheme | Mistake::UnexpandedVariable
        );
        concerns_address && exporter(&problem.path).is_some_and(|id| !is_used(id, pipelines))
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

fn is_used(id: &str, pipelines: &BTreeMap<PipelineId, Pipeline>) -> bool {
    pipelines.values().flat_map(|pipeline| &pipeline.exporters).any(|used| used.to_string() == id.trim())
}
