//! The listeners for scrapers of exporters, by address: they outlive a configuration, as the pages behind them do where
//! their exporter stays the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::ListenAddress;
use crate::exporters::prometheus::PageDoor;
use crate::flow::{Lifetime, Workers};
use crate::pipeline::Scrape;

use super::sockets::{Claim, Party, Site, Sockets};
use super::start::StartError;

/// Every address that is scraped.
#[derive(Default)]
pub(super) struct Scrapes(BTreeMap<ListenAddress, Open>);

struct Open {
    door: Arc<PageDoor>,
    life: Lifetime,
}

impl Scrapes {
    /// What is listened on now.
    pub(super) fn sites(&self) -> impl Iterator<Item = Site> {
        self.0.keys().map(|address| (Party::Scrapes, address.clone()))
    }

    /// The addresses that those `wanted` are to be at.
    pub(super) fn claims(wanted: &[Scrape]) -> impl Iterator<Item = Claim> {
        wanted.iter().map(|Scrape { id, address, .. }| Claim {
            site: (Party::Scrapes, address.clone()),
            path: format!("exporters::{id}::endpoint"),
        })
    }

    /// Closes all but those `wanted`, as soon as the requests in hand are answered.
    pub(super) fn close_all_but(&mut self, wanted: &[Scrape]) {
        self.0.retain(|address, open| {
            let stays = wanted.iter().any(|scrape| scrape.address == *address);
            if !stays {
                open.life.end_intake();
                tracing::info!(%address, "no longer scraped here");
            }
            stays
        });
    }

    /// Puts those `wanted` in force: open doors lead to the pages of today from their next request on, new ones open in
    /// `sockets`.
    ///
    /// # Errors
    /// When the system gives no file descriptor for a new one. The others are in force all the same.
    pub(super) fn enforce(
        &mut self,
        wanted: Vec<Scrape>,
        sockets: &mut Sockets,
        workers: &Workers,
        lifetime: &Lifetime,
    ) -> Result<(), StartError> {
        let mut outcome = Ok(());
        for Scrape { id, address, terms, page } in wanted {
            if let Some(open) = self.0.get(&address) {
                open.door.lead_to(page, terms);
                continue;
            }
            let Some(listener) = sockets.take(Party::Scrapes, &address) else { continue };
            let (door, life) = (PageDoor::to(page, terms), lifetime.branch());
            match door.serve(&listener, workers, &life) {
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
