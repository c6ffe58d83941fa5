//! The `prometheus` receiver (contrib: receiver/prometheusreceiver): it asks targets for their metrics, again and again.
//!
//! Each target is a task of its own, which remembers what it showed before: since when its series count, and which of
//! them have ended. A scrape is one request; what it came to (`up` and its kin) is in it.

mod cursor;
mod exposition;
mod labels;
mod memory;
mod native;
mod otlp;
mod page;
mod protobuf;
mod series;
mod target;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::config::Scraping;
use crate::flow::{Lifetime, Next, Workers};
use crate::ident::ComponentId;
use crate::payload::Budget;

pub use page::{MakeFetch, ScrapeProblem};

use target::{Of, Out, Target};

/// A receiver that is ready to scrape.
pub struct Scraper {
    targets: Vec<Arc<Target>>,
    out: Out,
    first_after: Duration,
}

impl Scraper {
    /// The receiver called `id`, which hands scrapes on to `next`. It does not scrape yet. `fetch` makes clients for token
    /// servers.
    ///
    /// # Errors
    /// What of a job cannot be used: its files are read here.
    pub fn new(
        id: &ComponentId,
        asked: &Scraping,
        next: Next,
        budget: &Arc<Budget>,
        fetch: MakeFetch,
    ) -> Result<Scraper, ScrapeProblem> {
        let out: Out = Arc::new(ArcSwap::from_pointee(next));
        let receiver = Arc::new(id.clone());
        let mut targets = Vec::new();
        for job in &asked.jobs {
            let of = Of {
                receiver: Arc::clone(&receiver),
                scraping: asked,
                out: Arc::clone(&out),
                budget,
                job: Arc::new(job.clone()),
                credentials: page::credentials(job, fetch)?,
            };
            for target in &job.targets {
                targets.push(Arc::new(Target::new(&of, target)?));
            }
        }
        Ok(Scraper { targets, out, first_after: asked.first_after })
    }

    /// How many targets it has.
    pub fn targets(&self) -> usize {
        self.targets.len()
    }

    /// Scrapes until the intake of `lifetime` ends. The first scrapes are shortly after one another, at once.
    pub fn start(&self, workers: &Workers, lifetime: &Lifetime) {
        for (index, target) in (0_u32..).zip(&self.targets) {
            let delay = self.first_after.saturating_add((APART * index).min(LONGEST_DELAY));
            let run = Arc::clone(target).run(delay, lifetime.clone());
            lifetime.spawn_on(workers.next(), "scraper", run);
        }
    }

    /// From the next scrape on `other` takes them: the same receiver in another configuration.
    pub fn lead_to(&self, other: &Scraper) {
        self.out.store(other.out.load_full());
    }
}

/// Between the first scrapes of two targets.
const APART: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
