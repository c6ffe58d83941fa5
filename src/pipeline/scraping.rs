//! Which exporters are scraped, where, and on which terms.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Exporter, ListenAddress, Problem};
use crate::exporters::prometheus::Page;
use crate::ident::ComponentId;
use crate::transport::server::{Limits, Terms, TlsServer};

use super::chains::Chains;
use super::plan::Plan;

/// The page of an exporter that is scraped.
pub struct Scrape {
    /// The exporter.
    pub id: ComponentId,
    /// Where it is scraped.
    pub address: ListenAddress,
    /// On which terms connections are taken there.
    pub terms: Terms,
    /// What is shown there.
    pub page: Arc<Page>,
}

/// The places of the exporters that `plan` uses, with the files of their TLS read.
pub(super) fn places(
    plan: &Plan,
    config: &Config,
    problems: &mut Vec<Problem>,
) -> BTreeMap<ComponentId, (ListenAddress, Terms)> {
    let mut places = BTreeMap::new();
    for chain in plan.chains.union(&plan.standbys) {
        let Some(Exporter::Prometheus(asked)) = config.exporters.get(&chain.exporter) else { continue };
        let path = format!("exporters::{}::tls", chain.exporter);
        let tls = asked.tls.as_ref().map(|tls| TlsServer::load(tls, path.clone())).transpose();
        let tls = tls.unwrap_or_else(|problem| {
            let path = if problem.key.is_empty() { path } else { format!("{path}::{}", problem.key) };
            problems.push(config.places.problem(path, problem.what).is(problem.mistake));
            None
        });
        let usual = Limits::default();
        let limits = Limits {
            idle: asked.idle_timeout.unwrap_or(usual.idle),
            header: asked.header_timeout.unwrap_or(usual.header),
            one_request: asked.one_request,
            ..usual
        };
        places.insert(
            chain.exporter.clone(),
            (asked.listen.clone(), Terms { limits, tls: tls.map(Arc::new), ..Terms::default() }),
        );
    }
    places
}

/// The pages of `chains`, each at its place.
pub(super) fn scrapes(mut places: BTreeMap<ComponentId, (ListenAddress, Terms)>, chains: &Chains) -> Vec<Scrape> {
    let at_place = |(id, page): (&ComponentId, &Arc<Page>)| {
        let (address, terms) = places.remove(id)?;
        Some(Scrape { id: id.clone(), address, terms, page: Arc::clone(page) })
    };
    chains.pages().filter_map(at_place).collect()
}
