//! A relay that runs: how a configuration is put in force, be it the first one or another, and how it all ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::admin::ReloadRequest;
use crate::admin::status::Running;
use crate::config::{Config, Extension, Mistake, Problems, Weight};
use crate::flow::{Drained, count_panics};
use crate::pipeline::{self, Built, PreparedDump};
use crate::telemetry::{LogControl, Totals};
use crate::units::Items;

use super::admin::{self, Admin};
use super::certificates::{InUse, Watchman};
use super::doors::{self, Doors};
use super::holdings::{Holdings, line_attributes};
use super::layout::layout;
use super::memory::{self, default_budget};
use super::reports::Reports;
use super::scrapers::Scrapers;
use super::scrapes::Scrapes;
use super::sockets::{Claim, Sockets};
use super::start::StartError;

/// A relay and all that it owns.
pub(super) struct Relay {
    holdings: Holdings,
    doors: Doors,
    scrapes: Scrapes,
    scrapers: Scrapers,
    admin: Admin,
    reports: Reports,
    certificates: Watchman,
    log: LogControl,
    /// How long the end may take.
    grace: Duration,
}

impl Relay {
    /// A relay without a configuration, which calls itself `instance` and writes `log`. Its admin side asks for reloads
    /// over `reloads`.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(super) fn new(
        reloads: mpsc::Sender<ReloadRequest>,
        instance: Arc<str>,
        log: LogControl,
    ) -> Result<Relay, StartError> {
        count_panics();
        let holdings = Holdings::new(default_budget(), instance)?;
        memory::tend(&holdings.lifetime);
        let admin = Admin::new(&holdings.watch, &holdings.instance, &holdings.budget, reloads);
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            threads = holdings.workers.all().len(),
            "Starting otlp-relay..."
        );
        tracing::info!(
            limit = %holdings.budget.limit(),
            "telemetry held in memory is bounded; beyond the limit senders are asked to try again later"
        );
        let certificates = Watchman::new(holdings.watch.registry.clone());
        let (doors, scrapes, scrapers) = (Doors::default(), Scrapes::default(), Scrapers::default());
        let reports = Reports::new();
        Ok(Relay { holdings, doors, scrapes, scrapers, admin, reports, certificates, log, grace: Duration::ZERO })
    }

    /// Puts `config` in force. Whatever can fail is done before anything that runs is touched; what both configurations
    /// have goes on without an interruption.
    ///
    /// # Errors
    /// When it asks for something that is not there. Then everything is as it was.
    pub(super) async fn apply(&mut self, config: Config) -> Result<(), StartError> {
        for warning in &config.warnings {
            let class = (warning.mistake != Mistake::Invalid).then(|| warning.mistake.code());
            match warning.weight {
                Weight::Fault => tracing::warn!(class, "{warning}"),
                Weight::Advice => tracing::info!(class, "{warning}"),
            }
        }
        refuse_loops(&config)?;
        let plan = pipeline::plan(&config);
        let Built { servers, scrapers, chains, scrapes } = pipeline::build(&plan, &config, &self.holdings.tools())?;
        let dump = self.prepare_dump(&config)?;
        let (doors, admin) = (doors::Prepared::of(servers), admin::Prepared::of(&config));
        let claims: Vec<Claim> = doors.claims().chain(Scrapes::claims(&scrapes)).chain(admin.claims()).collect();
        let open = self.doors.sites().chain(self.scrapes.sites()).chain(self.admin.sites()).collect();
        let mut sockets = Sockets::bind(&claims, &open, &config.places).await?;
        let reports = self.reports.prepare(&config, &self.holdings)?;
        let attributes = line_attributes(&self.holdings.instance, &config.telemetry.resource);
        let log = LogControl::prepare(&config.telemetry.logs, &attributes)?;

        self.log.enforce(log);
        let layout = layout(&config, &plan);
        self.grace = config.shutdown_timeout;
        self.holdings.describe(&config.telemetry.resource);
        self.reports.enforce(reports);
        self.holdings.dump.enforce(dump);
        let before = std::mem::replace(&mut self.holdings.chains, chains);
        let Holdings { workers, watch, directories, .. } = &self.holdings;
        self.holdings.chains.succeed(&before, workers, &watch.registry);
        drop(before);
        for journal in directories.left_behind() {
            tracing::warn!(
                journal = %journal.display(),
                "no exporter of this configuration uses this durable queue: what is in it is kept, and not sent; \
                 see otlp-relay queue export"
            );
        }
        self.certificates
            .watch(InUse { exporters: self.holdings.chains.certificates(), receivers: Doors::certificates(&doors) });
        self.doors.close_all_but(&doors);
        self.scrapes.close_all_but(&scrapes);
        self.admin.close_all_but(&admin);
        let moved = sockets.take_over().await;
        let Holdings { workers, lifetime, .. } = &self.holdings;
        let received = self.doors.enforce(doors, &mut sockets, workers, lifetime);
        let scraped = self.scrapes.enforce(scrapes, &mut sockets, workers, lifetime);
        self.scrapers.enforce(scrapers, workers, lifetime);
        self.admin.ready(Running { layout, chains: self.holdings.chains.levels() });
        moved.and(received).and(scraped).and(self.admin.enforce(admin, &mut sockets))
    }

    /// The debug dump of the first `debug_dump` that is started.
    fn prepare_dump(&self, config: &Config) -> Result<PreparedDump, StartError> {
        let started = config.started_extensions.iter().filter_map(|id| Some((id, config.extensions.get(id)?)));
        let mut dumps = started.filter_map(|(id, extension)| match extension {
            Extension::DebugDump(asked) => Some((id, asked)),
            _ => None,
        });
        let first = dumps.next();
        if let Some((id, _)) = dumps.next() {
            tracing::warn!(extension = %id, "there is one debug dump at a time: this extension has no effect");
        }
        let prepared = self.holdings.dump.prepare(first.map(|(_, asked)| asked), &self.holdings.archives);
        prepared.map_err(|error| {
            let path = first.map(|(id, _)| format!("extensions::{id}::directory")).unwrap_or_default();
            let problem = config.places.problem(path, format!("the directory cannot be used: {error}"));
            StartError::Problems(problem.into())
        })
    }

    /// Ends the intake, empties the queues within the grace period, and says what became of everything.
    pub(super) async fn stop(self) {
        let grace = self.grace;
        self.admin.draining();
        tracing::info!(?grace, "Starting shutdown...");
        if self.holdings.lifetime.drain(grace).await == Drained::Abandoned {
            tracing::warn!(?grace, "the grace period is over; what was left is given up");
        }
        self.reports.end().await;
        self.admin.end().await;
        self.holdings.watch.last_words();
        self.holdings.dump.end();
        let Totals { delivered, rejected, dropped, dead_lettered, .. } = self.holdings.watch.ledger.totals();
        // What a backend rejects of a request that it takes is as lost as what the relay drops.
        let (lost, kept) = (rejected + dropped, self.holdings.directories.items());
        // Only who sets data aside wants to read of it.
        let dead_lettered = (dead_lettered != Items::ZERO).then_some(dead_lettered.0);
        tracing::info!(delivered = delivered.0, kept = kept.0, dead_lettered, lost = lost.0, "Shutdown complete.");
    }
}

/// An exporter that sends to the relay itself is only a warning to `validate` when a variable says so, which may have
/// another value elsewhere; here it has this one.
fn refuse_loops(config: &Config) -> Result<(), StartError> {
    let loops = config.warnings.iter().filter(|warning| warning.mistake == Mistake::ExportLoop);
    match Problems::from_found(loops.cloned().collect()) {
        Some(problems) => Err(problems.into()),
        None => Ok(()),
    }
}
