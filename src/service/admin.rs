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
use crate::transport::server::{BindError, BindProblem, Listener};

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
    site: Site,
    listener: Listener,
    end: CancellationToken,
}

/// Something to be served.
#[derive(Clone, Debug, PartialEq)]
enum Site {
    Metrics(PrometheusReader, MetricsLevel),
    Health(HealthCheck),
    Zpages(Zpages),
}

/// What another configuration makes of the admin side, ready to be put in force.
pub(super) struct Prepared {
    wanted: Vec<Site>,
    fresh: Vec<(Site, Listener)>,
    /// Sites on addresses that become free when others are closed.
    handed_over: Vec<Site>,
}

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

    /// Binds the addresses that `config` names and that are not open yet. Nothing that runs is touched.
    ///
    /// # Errors
    /// When one of them cannot be listened on; then none is.
    pub(super) async fn prepare(&self, config: &Config) -> Result<Prepared, StartError> {
        let wanted = sites(config);
        let (mut fresh, mut handed_over) = (Vec::new(), Vec::new());
        for site in wanted.iter().filter(|site| !self.open.iter().any(|open| open.site == **site)) {
            let listener = match self.open.iter().find(|open| open.site.address() == site.address()) {
                Some(open) => open.listener.clone(),
                None => match Listener::bind(site.address()).await {
                    Err(error) if self.is_in_our_own_way(&error, &wanted) => {
                        handed_over.push(site.clone());
                        continue;
                    }
                    outcome => outcome.map_err(|error| error.at(site.section(), &config.places))?,
                },
            };
            fresh.push((site.clone(), listener));
        }
        Ok(Prepared { wanted, fresh, handed_over })
    }

    /// Whether it is a site of ours that keeps an address from being listened on, and one that closes in favour of those
    /// `wanted`: all addresses instead of one, or the other way.
    fn is_in_our_own_way(&self, error: &BindError, wanted: &[Site]) -> bool {
        let stays = |address: &ListenAddress| wanted.iter().any(|site| site.address() == address);
        error.problem == BindProblem::InUse
            && self
                .open
                .iter()
                .map(|open| open.site.address())
                .any(|open| open.overlaps(&error.address) && !stays(open))
    }

    /// Puts `prepared` in force.
    ///
    /// # Errors
    /// When the system gives no file descriptor for a new site, or somebody else takes an address that another site has
    /// just left.
    pub(super) async fn enforce(&mut self, prepared: Prepared) -> Result<(), StartError> {
        let Prepared { wanted, mut fresh, handed_over } = prepared;
        self.open.retain(|open| {
            let stays = wanted.contains(&open.site);
            if !stays {
                open.end.cancel();
            }
            stays
        });
        let mut outcome = Ok(());
        for site in handed_over {
            match Listener::bind_once_free(site.address()).await {
                Ok(listener) => fresh.push((site, listener)),
                Err(error) => outcome = Err(error.into()),
            }
        }
        for (site, listener) in fresh {
            let (socket, end) = (listener.on_this_runtime()?, CancellationToken::new());
            tracing::info!(address = %listener.local_addr(), path = site.path(), "{}", site.purpose());
            self.serve(&site, socket, end.clone());
            self.open.push(Open { site, listener, end });
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

    fn serve(&mut self, site: &Site, socket: TcpListener, end: CancellationToken) {
        match site.clone() {
            Site::Metrics(PrometheusReader { listen, spelling }, level) => {
                let (view, audience) = (View { spelling, level }, Audience::of(&listen));
                let route = admin::metrics_route(self.registry.clone(), view, audience);
                self.servers.spawn(admin::serve(socket, route, end));
            }
            Site::Zpages(Zpages { listen }) => {
                let (reloads, facts) = (self.reloads.clone(), Arc::clone(&self.status));
                let calls = admin::diagnostics_calls(Arc::clone(&facts), end.clone());
                let route = admin::zpages_route(admin::Zpages { reloads, facts, host: listen.host });
                self.servers.spawn(admin::serve_with_calls(socket, route, calls, end));
            }
            Site::Health(HealthCheck { listen: _, path, healthy_body, unhealthy_body }) => {
                let page = HealthPage { path, healthy_body, unhealthy_body };
                let route = admin::health_route(Arc::clone(&self.facts), page);
                self.servers.spawn(admin::serve(socket, route, end));
            }
        }
    }
}

impl Site {
    fn address(&self) -> &ListenAddress {
        match self {
            Site::Metrics(reader, _) => &reader.listen,
            Site::Health(check) => &check.listen,
            Site::Zpages(zpages) => &zpages.listen,
        }
    }

    /// The part of the configuration that asks for it.
    fn section(&self) -> &'static str {
        match self {
            Site::Metrics(..) => "service::telemetry::metrics",
            Site::Health(_) | Site::Zpages(_) => "extensions",
        }
    }

    fn path(&self) -> &str {
        match self {
            Site::Metrics(..) => "/metrics",
            Site::Health(check) => &check.path,
            Site::Zpages(_) => "/",
        }
    }

    fn purpose(&self) -> &'static str {
        match self {
            Site::Metrics(..) => "serving metrics",
            Site::Health(_) => "serving health checks",
            Site::Zpages(_) => "serving the status page",
        }
    }
}

fn sites(config: &Config) -> Vec<Site> {
    let started = config.started_extensions.iter().filter_map(|id| config.extensions.get(id));
    let sites = started.filter_map(|extension| match extension {
        Extension::HealthCheck(check) => Some(Site::Health(check.clone())),
        Extension::Zpages(zpages) => Some(Site::Zpages(zpages.clone())),
        Extension::DebugDump(_)
        | Extension::BearerToken(_)
        | Extension::BasicAuth(_)
        | Extension::HeadersSetter(..)
        | Extension::Oauth2(_)
        | Extension::FileStorage(_)
        | Extension::Pprof => None,
    });
    metrics(&config.telemetry.metrics).chain(sites).collect()
}

/// One site for each reader that Prometheus scrapes.
fn metrics(metrics: &Metrics) -> impl Iterator<Item = Site> {
    let readers = metrics.readers.iter().filter(|_| metrics.level != MetricsLevel::None);
    readers.filter_map(|reader| match reader {
        MetricsReader::Prometheus(reader) => Some(Site::Metrics(reader.clone(), metrics.level)),
        MetricsReader::Periodic(_) => None,
    })
}
