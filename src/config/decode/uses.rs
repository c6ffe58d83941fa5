//! Who is sent what: an exporter's data comes from pipelines that name it, and from exporters whose fallback it is.

use std::collections::BTreeSet;

use crate::config::model::Config;
use crate::ident::{ComponentId, PipelineId};
use crate::signal::Signal;

/// The pipelines that name `exporter`.
pub(super) fn pipelines_of<'c>(config: &'c Config, exporter: &'c ComponentId) -> impl Iterator<Item = &'c PipelineId> {
    config.pipelines.iter().filter(move |(_, pipeline)| pipeline.exporters.contains(exporter)).map(|(id, _)| id)
}

/// The signals that `exporter` may be sent, by itself or as a fallback.
pub(super) fn signals_of(config: &Config, exporter: &ComponentId) -> BTreeSet<Signal> {
    let stands_by = |fallback: &crate::config::model::Fallback| fallback.exporters.contains(exporter);
    let fronts = config.exporters.iter().filter(|(_, other)| other.fallback().is_some_and(stands_by));
    let ids = std::iter::once(exporter).chain(fronts.map(|(id, _)| id));
    ids.flat_map(|id| pipelines_of(config, id)).map(|pipeline| pipeline.signal).collect()
}
