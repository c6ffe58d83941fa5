//! One run of the relay, from a checked configuration to the last line of the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::config::{Config, Telemetry};
use crate::flow::{Drained, Lifetime};
use crate::pipeline::{self, Server};
use crate::telemetry::{self, Totals};
use crate::transport::server::Listener;
use crate::units::Items;

use super::admin::Admin;
use super::holdings::{Holdings, own_attributes};
use super::memory::default_budget;
use super::start::StartError;
use super::stop::StopSignals;

/// Runs the relay until a signal ends it.
///
/// # Errors
/// When it cannot start. Once it runs, nothing but a signal ends it.
pub fn run(config: Config) -> Result<(), StartError> {
    let instance: Arc<str> = uuid::Uuid::new_v4().to_string().into();
    let Telemetry { logs, metrics: _, resource } = &config.telemetry;
    // Only who gives the relay attributes wants to see them on each line.
    let attributes = if resource.attributes.is_empty() { Vec::new() } else { own_attributes(&instance, resource) };
    telemetry::init_logs(logs, &attributes)?;
    let control = Builder::new_current_thread().enable_all().build()?;
    control.block_on(supervise(config, instance))
}

async fn supervise(config: Config, instance: Arc<str>) -> Result<(), StartError> {
    let mut signals = StopSignals::listen()?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut holdings = Holdings::new(default_budget(), instance, &config.telemetry.resource)?;
    announce(&config, &holdings);
    let lifetime = Lifetime::new();
    let grace = config.shutdown_timeout;
    let admin = start(config, &mut holdings, &lifetime).await?;
    tracing::info!("Everything is ready. Begin running and processing data.");
    let signal = signals.next().await;
    tracing::info!(signal, "Received signal from OS");
    stop(&holdings, &lifetime, admin, grace).await;
    Ok(())
}

fn announce(config: &Config, holdings: &Holdings) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = %config.source,
        threads = holdings.workers.all().len(),
        "Starting otlp-relay..."
    );
    tracing::info!(
        limit = %holdings.budget.limit(),
        "telemetry held in memory is bounded; beyond the limit senders are asked to try again later"
    );
}

/// Builds everything and binds every port before the first one takes data.
async fn start(config: Config, holdings: &mut Holdings, lifetime: &Lifetime) -> Result<Admin, StartError> {
    let plan = pipeline::plan(&config);
    let built = pipeline::build(&plan, &config, &mut holdings.tools(lifetime))?;
    let mut admin = Admin::new();
    admin.listen(&config, &holdings.watch.registry).await?;
    let bound = bind_all(built.servers).await?;
    // The stages hold all that they need: nothing on the data path reads a configuration.
    drop(config);
    // The listeners themselves end here: each worker has its share of them until the intake ends.
    for (server, listeners) in bound {
        for listener in listeners {
            server.otlp.serve(&listener, &holdings.workers, lifetime)?;
            tracing::info!(receiver = %server.id, address = %listener.local_addr(), "receiving OTLP over gRPC and HTTP");
        }
    }
    admin.ready(built.states, &holdings.budget);
    Ok(admin)
}

async fn bind_all(servers: Vec<Server>) -> Result<Vec<(Server, Vec<Listener>)>, StartError> {
    let mut bound = Vec::new();
    for server in servers {
        let mut listeners = Vec::new();
        for address in &server.listens {
            listeners.push(Listener::bind(address).await?);
        }
        bound.push((server, listeners));
    }
    Ok(bound)
}

/// Ends the intake, empties the queues within `grace`, and says what became of everything.
async fn stop(holdings: &Holdings, lifetime: &Lifetime, admin: Admin, grace: Duration) {
    admin.draining();
    tracing::info!(?grace, "Starting shutdown...");
    let drained = lifetime.drain(grace).await;
    if drained == Drained::Abandoned {
        tracing::warn!(?grace, "the grace period is over; what was left is given up");
    }
    admin.end().await;
    let Totals { delivered, rejected, dropped, .. } = holdings.watch.ledger.totals();
    // What a backend rejects of a request that it takes is as lost as what the relay drops. Nothing is kept: there is no
    // durable queue yet.
    let lost = rejected + dropped;
    tracing::info!(delivered = delivered.0, kept = Items::ZERO.0, lost = lost.0, "Shutdown complete.");
}
