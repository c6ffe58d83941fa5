//! The admin side of a run: metrics and health, from before the first data until after the last.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, HealthFacts, HealthPage, Route};
use crate::config::{
    Config, Extension, HealthCheck, ListenAddress, Metrics, MetricsLevel, MetricsReader, PrometheusReader,
};
use crate::payload::Budget;
use crate::telemetry::{ExporterState, Registry, View};
use crate::transport::server::Listener;

use super::start::StartError;

/// The running admin servers. They run on the control runtime and end with this.
pub(super) struct Admin {
    facts: Arc<HealthFacts>,
    end: CancellationToken,
    servers: JoinSet<()>,
}

impl Admin {
    /// An admin side without servers.
    pub(super) fn new() -> Admin {
        Admin { facts: HealthFacts::new(), end: CancellationToken::new(), servers: JoinSet::new() }
    }

    /// Listens on the addresses that `config` names and answers there that the relay is not ready yet.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub(super) async fn listen(&mut self, config: &Config, registry: &Registry) -> Result<(), StartError> {
        let Metrics { level, readers } = &config.telemetry.metrics;
        for reader in readers.iter().filter(|_| *level != MetricsLevel::None) {
            let MetricsReader::Prometheus(PrometheusReader { listen, spelling }) = reader else { continue };
            let view = View { spelling: *spelling, level: *level };
            let address = self.serve(listen, admin::metrics_route(registry.clone(), view)).await?;
            tracing::info!(%address, path = "/metrics", "serving metrics");
        }
        for id in &config.started_extensions {
            if let Some(Extension::HealthCheck(check)) = config.extensions.get(id) {
                let address = self.serve(&check.listen, self.health(check)).await?;
                tracing::info!(extension = %id, %address, path = check.path, "serving health checks");
            }
        }
        Ok(())
    }

    /// From now on data can be accepted, and `states` tell how it gets on; `budget` tells whether there is room.
    pub(super) fn ready(&self, states: Vec<Arc<ExporterState>>, budget: &Arc<Budget>) {
        let budget = Arc::clone(budget);
        self.facts.set_exporters(states);
        self.facts.ask_for_room(move || budget.used() < budget.limit());
        self.facts.running();
    }

    /// From now on nothing more is accepted.
    pub(super) fn draining(&self) {
        self.facts.stopping();
    }

    /// Answers what was asked and ends.
    pub(super) async fn end(mut self) {
        self.end.cancel();
        while self.servers.join_next().await.is_some() {}
    }

    fn health(&self, check: &HealthCheck) -> Route {
        let HealthCheck { listen: _, path, healthy_body, unhealthy_body } = check.clone();
        admin::health_route(Arc::clone(&self.facts), HealthPage { path, healthy_body, unhealthy_body })
    }

    async fn serve(&mut self, address: &ListenAddress, route: Route) -> Result<std::net::SocketAddr, StartError> {
        let listener = Listener::bind(address).await?;
        self.servers.spawn(admin::serve(listener.on_this_runtime()?, route, self.end.clone()));
        Ok(listener.local_addr())
    }
}
