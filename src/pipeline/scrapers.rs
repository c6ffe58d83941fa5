//! The receivers that scrape, and where their data goes.

use std::collections::BTreeMap;

use crate::config::{Config, Problem, Receiver, Scraping};
use crate::exporters::otlp;
use crate::flow::{FanOut, Next};
use crate::ident::{ComponentId, PipelineId};
use crate::protocol::Protocol;
use crate::receivers::prometheus::Scraper;
use crate::telemetry::observe;

use super::build::Tools;
use super::plan::Plan;

/// A receiver that is ready to scrape.
pub struct ScraperBuilt {
    /// The receiver.
    pub id: ComponentId,
    /// What it was asked for.
    pub asked: Scraping,
    /// What scrapes.
    pub scraper: Scraper,
}

/// The scrapers of `plan`, with the files of their jobs read.
pub(super) fn build(
    plan: &Plan,
    config: &Config,
    pipelines: &BTreeMap<&PipelineId, Next>,
    tools: &Tools<'_>,
) -> Result<Vec<ScraperBuilt>, Problem> {
    let mut built = Vec::new();
    for (id, feeds) in &plan.scrapers {
        let Some(Receiver::Prometheus(asked)) = config.receivers.get(id) else { continue };
        let branches = feeds.iter().filter_map(|id| pipelines.get(id)).map(Next::clone).collect();
        let next = FanOut::over(branches, tools.lifetime);
        // As in the Collector, whoever scrapes receives over HTTP.
        let next = observe::entering(id, Protocol::Http, Scraping::SIGNAL, tools.watch, next);
        let scraper = Scraper::new(id, asked, next, tools.budget, otlp::fetch)
            .map_err(|problem| config.places.problem(format!("receivers::{id}::{}", problem.key), problem.what))?;
        built.push(ScraperBuilt { id: id.clone(), asked: Scraping::clone(asked), scraper });
    }
    Ok(built)
}
