//! The listeners for scrapers of exporters, by address: they outlive a configuration, as the pages behind them do where
//! their exporter stays the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{ListenAddress, Places};
use crate::exporters::prometheus::PageDoor;
use crate::flow::{Lifetime, Workers};
use crate::pipeline::Scrape;
use crate::transport::server::{BindError, BindProblem, Listener};

use super::doors::warn_of_loopback;
use super::start::StartError;

/// Every address that is scraped.
#[derive(Default)]
pub(super) struct Scrapes(BTreeMap<ListenAddress, Open>);

struct Open {
    door: Arc<PageDoor>,
    life: Lifetime,
}

/// What another configuration makes of them, ready to be put in force.
pub(super) struct Prepared {
    fresh: BTreeMap<ListenAddress, Listener>,
    /// Addresses that become free when others are closed.
    handed_over: Vec<ListenAddress>,
    wanted: Vec<Scrape>,
}

impl Scrapes {
    /// Binds the addresses of `wanted` that are not open yet. Nothing that runs is touched.
    ///
    /// # Errors
    /// When one of them cannot be listened on; then none is.
    pub(super) async fn prepare(&self, wanted: Vec<Scrape>, places: &Places) -> Result<Prepared, StartError> {
        let (mut fresh, mut handed_over, mut claimed) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        for Scrape { id, address, .. } in &wanted {
            // An address that is claimed twice is bound again, to fail as it would between two processes.
            let again = !claimed.insert(address);
            if !again && self.0.contains_key(address) {
                continue;
            }
            let path = format!("exporters::{id}::endpoint");
            match Listener::bind(address).await {
                Ok(listener) => drop(fresh.insert(address.clone(), listener)),
                Err(error) if !again && self.is_in_our_own_way(&error, &wanted) => handed_over.push(address.clone()),
                Err(error) => return Err(error.at(&path, places).into()),
            }
            warn_of_loopback(address, &path, places);
        }
        Ok(Prepared { fresh, handed_over, wanted })
    }

    /// Whether it is a listener of ours that keeps an address from being listened on, and one that closes in favour of
    /// those `wanted`: all addresses instead of one, or the other way.
    fn is_in_our_own_way(&self, error: &BindError, wanted: &[Scrape]) -> bool {
        let stays = |open: &ListenAddress| wanted.iter().any(|scrape| scrape.address == *open);
        error.problem == BindProblem::InUse && self.0.keys().any(|open| open.overlaps(&error.address) && !stays(open))
    }

    /// Puts `prepared` in force: open doors lead to the pages of today from their next request on.
    ///
    /// # Errors
    /// When the system gives no file descriptor for a new one, or somebody else takes an address that another one of ours
    /// has just left. The others are in force all the same.
    pub(super) async fn enforce(
        &mut self,
        prepared: Prepared,
        workers: &Workers,
        lifetime: &Lifetime,
    ) -> Result<(), StartError> {
        let Prepared { mut fresh, handed_over, wanted } = prepared;
        let mut outcome = Ok(());
        self.0.retain(|address, open| {
            let stays = wanted.iter().any(|scrape| scrape.address == *address);
            if !stays {
                open.life.end_intake();
                tracing::info!(%address, "no longer scraped here");
            }
            stays
        });
        for address in handed_over {
            match Listener::bind_once_free(&address).await {
                Ok(listener) => drop(fresh.insert(address, listener)),
                Err(error) => outcome = Err(error.into()),
            }
        }
        for Scrape { id, address, terms, page } in wanted {
            if let Some(open) = self.0.get(&address) {
                open.door.lead_to(page, terms);
                continue;
            }
            let Some(listener) = fresh.get(&address) else { continue };
            let (door, life) = (PageDoor::to(page, terms), lifetime.branch());
            match door.serve(listener, workers, &life) {
                Ok(()) => {
                    tracing::info!(exporter = %id, address = %listener, path = "/metrics", "serving metrics to scrapers");
                    self.0.insert(address, Open { door, life });
                }
                Err(error) => outcome = Err(error.into()),
            }
        }
        outcome
    }
}
