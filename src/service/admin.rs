//! The admin side of a relay: metrics, health and zpages, from before the first data until after the last.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::status::{Running, StatusFacts};
use crate::admin::{self, Audience, HealthFacts, HealthPage, ReloadRequest};
use crate::config::{
    Config, Extension, HealthCheck, ListenAddress, Metrics, MetricsLevel, MetricsReader, PrometheusReader, Zpages,
};
use crate::payload::Budget;
use crate::telemetry::{Registry, View, Watch};
use crate::transport::server::Listener;

use super::sockets::{Claim, Party, Site, Sockets};
use super::start::StartError;

/// The admin servers. They run on the control runtime and end with this.
pub(super) struct Admin {
    facts: Arc<HealthFacts>,
    status: Arc<StatusFacts>,
    registry: Registry,
    reloads: mpsc::Sender<ReloadRequest>,
    open: Vec<Open>,
    servers: JoinSet<()>,
}

struct Open {
    page: Page,
    listener: Listener,
    end: CancellationToken,
}

/// Something to be served.
#[derive(Clone, Debug, PartialEq)]
enum Page {
    Metrics(PrometheusReader, MetricsLevel),
    Health(HealthCheck),
    Zpages(Zpages),
}

/// What another configuration makes of the admin side.
pub(super) struct Prepared(Vec<Page>);

impl Admin {
    /// An admin side that serves nothing yet, of the relay that calls itself `instance`. `budget` tells whether there is
    /// room for more data; whoever asks for a reload asks over `reloads`.
    pub(super) fn new(
        watch: &Watch,
        instance: &Arc<str>,
        budget: &Arc<Budget>,
        reloads: mpsc::Sender<ReloadRequest>,
    ) -> Admin {
        let (facts, budget) = (HealthFacts::new(), Arc::clone(budget));
        facts.ask_for_room(move || budget.used() < budget.limit());
        let status = StatusFacts::new(watch.clone(), Arc::clone(instance));
        let registry = watch.registry.clone();
        Admin { facts, status, registry, reloads, open: Vec::new(), servers: JoinSet::new() }
    }

    /// What is listened on now.
    pub(super) fn sites(&self) -> impl Iterator<Item = Site> {
        self.open.iter().map(|open| (Party::Admin, open.page.address().clone()))
    }

    /// Closes the addresses that `prepared` does not want any more.
    pub(super) fn close_all_but(&mut self, prepared: &Prepared) {
        self.open.retain(|open| {
            let stays = prepared.0.iter().any(|page| page.address() == open.page.address());
            if !stays {
                open.end.cancel();
            }
            stays
        });
    }

    /// Puts `prepared` in force: what stays the same goes on, other pages take over the listener at their address, new
    /// ones open in `sockets`.
    ///
    /// # Errors
    /// When the system gives no file descriptor for a new page. The others are in force all the same.
    pub(super) fn enforce(&mut self, prepared: Prepared, sockets: &mut Sockets) -> Result<(), StartError> {
        let mut outcome = Ok(());
        for page in prepared.0 {
            let before = self.open.iter().position(|open| open.page.address() == page.address());
            if before.is_some_and(|index| self.open[index].page == page) {
                continue;
            }
            let before = before.map(|index| self.open.swap_remove(index));
            let Some(listener) = before
                .map(|open| {
                    open.end.cancel();
                    open.listener
                })
                .or_else(|| sockets.take(Party::Admin, page.address()))
            else {
                continue;
            };
            match listener.on_this_runtime() {
                Ok(socket) => {
                    let end = CancellationToken::new();
                    tracing::info!(address = %listener.local_addr(), path = page.path(), "{}", page.purpose());
                    self.serve(&page, socket, end.clone());
                    self.open.push(Open { page, listener, end });
                }
                Err(error) => outcome = Err(error.into()),
            }
        }
        // Those that ended since the last time.
        while self.servers.try_join_next().is_some() {}
        outcome
    }

    /// From now on data can be accepted by what is `running`.
    pub(super) fn ready(&self, running: Running) {
        self.facts.set_exporters(running.chains.iter().map(|(state, _)| Arc::clone(state)).collect());
        self.status.runs(running);
        self.facts.running();
    }

    /// From now on nothing more is accepted.
    pub(super) fn draining(&self) {
        self.facts.stopping();
        self.status.stopping();
    }

    /// Answers what was asked and ends.
    pub(super) async fn end(mut self) {
        for open in self.open {
            open.end.cancel();
        }
        while self.servers.join_next().await.is_some() {}
    }

    fn serve(&mut self, page: &Page, socket: TcpListener, end: CancellationToken) {
        match page.clone() {
            Page::Metrics(PrometheusReader { listen, spelling }, level) => {
                let (view, audience) = (View { spelling, level }, Audience::of(&listen));
                let route = admin::metrics_route(self.registry.clone(), view, audience);
                self.servers.spawn(admin::serve(socket, route, end));
            }
            Page::Zpages(Zpages { listen }) => {
                let (reloads, facts) = (self.reloads.clone(), Arc::clone(&self.status));
                let calls = admin::diagnostics_calls(Arc::clone(&facts), end.clone());
                let route = admin::zpages_route(admin::Zpages { reloads, facts, host: listen.host });
                self.servers.spawn(admin::serve_with_calls(socket, route, calls, end));
            }
            Page::Health(HealthCheck { listen: _, path, healthy_body, unhealthy_body }) => {
                let page = HealthPage { path, healthy_body, unhealthy_body };
                let route = admin::health_route(Arc::clone(&self.facts), page);
                self.servers.spawn(admin::serve(socket, route, end));
            }
        }
    }
}

impl Prepared {
    /// The pages that `config` asks for.
    pub(super) fn of(config: &Config) -> Prepared {
        Prepared(pages(config))
    }

    /// The addresses that they are to be at.
    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> {
        let claim =
            |page: &Page| Claim { site: (Party::Admin, page.address().clone()), path: page.section().to_owned() };
        self.0.iter().map(claim)
    }
}

impl Page {
    fn address(&self) -> &ListenAddress {
        match self {
            Page::Metrics(reader, _) => &reader.listen,
            Page::Health(check) => &check.listen,
            Page::Zpages(zpages) => &zpages.listen,
        }
    }

    /// The part of the configuration that asks for it.
    fn section(&self) -> &'static str {
        match self {
            Page::Metrics(..) => "service::telemetry::metrics",
            Page::Health(_) | Page::Zpages(_) => "extensions",
        }
    }

    fn path(&self) -> &str {
        match self {
            Page::Metrics(..) => "/metrics",
            Page::Health(check) => &check.path,
            Page::Zpages(_) => "/",
        }
    }

    fn purpose(&self) -> &'static str {
        match self {
            Page::Metrics(..) => "serving metrics",
            Page::Health(_) => "serving health checks",
            Page::Zpages(_) => "serving the status page",
        }
    }
}

fn pages(config: &Config) -> Vec<Page> {
    let started = config.started_extensions.iter().filter_map(|id| config.extensions.get(id));
    let pages = started.filter_map(|extension| match extension {
        Extension::HealthCheck(check) => Some(Page::Health(check.clone())),
        Extension::Zpages(zpages) => Some(Page::Zpages(zpages.clone())),
        Extension::DebugDump(_)
        | Extension::BearerToken(_)
        | Extension::BasicAuth(_)
        | Extension::HeadersSetter(..)
        | Extension::Oauth2(_)
        | Extension::FileStorage(_)
        | Extension::Pprof
        | Extension::MemoryBallast => None,
    });
    metrics(&config.telemetry.metrics).chain(pages).collect()
}

/// One page for each reader that Prometheus scrapes.
fn metrics(metrics: &Metrics) -> impl Iterator<Item = Page> {
    let readers = metrics.readers.iter().filter(|_| metrics.level != MetricsLevel::None);
    readers.filter_map(|reader| match reader {
        MetricsReader::Prometheus(reader) => Some(Page::Metrics(reader.clone(), metrics.level)),
        MetricsReader::Periodic(_) => None,
    })
}
