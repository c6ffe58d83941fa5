//! The receivers that scrape: those whose settings stay the same go on over a reload, with what they know of their targets.

use std::collections::BTreeMap;

use crate::config::Scraping;
use crate::flow::{Lifetime, Workers};
use crate::ident::ComponentId;
use crate::pipeline::ScraperBuilt;
use crate::receivers::prometheus::Scraper;

/// Every receiver that scrapes.
#[derive(Default)]
pub(super) struct Scrapers(BTreeMap<ComponentId, Running>);

struct Running {
    asked: Scraping,
    scraper: Scraper,
    life: Lifetime,
}

impl Scrapers {
    /// Puts `built` in force.
    pub(super) fn enforce(&mut self, built: Vec<ScraperBuilt>, workers: &Workers, lifetime: &Lifetime) {
        let mut before = std::mem::take(&mut self.0);
        for ScraperBuilt { id, asked, scraper } in built {
            let kept = before.remove(&id).filter(|running| running.asked == asked);
            let running = match kept {
                Some(running) => {
                    running.scraper.lead_to(&scraper);
                    running
                }
                None => {
                    let life = lifetime.branch();
                    scraper.start(workers, &life);
                    tracing::info!(receiver = %id, targets = scraper.targets(), "scraping");
                    Running { asked, scraper, life }
                }
            };
            self.0.insert(id, running);
        }
        for (id, _) in before {
            tracing::info!(receiver = %id, "no longer scraping");
        }
    }
}

/// Whoever is replaced or not asked for any more scrapes no longer.
impl Drop for Running {
    fn drop(&mut self) {
        self.life.end_intake();
    }
}
