//! One run of the relay, from a checked configuration to the last line of the log.

use std::time::Duration;

use tokio::runtime::Builder;

use crate::config::Config;
use crate::flow::{Drained, Lifetime};
use crate::pipeline::{self, ListenPlan, Server};
use crate::receivers::otlp::Door;
use crate::telemetry::{self, Totals};
use crate::transport::server::Listener;
use crate::units::Items;

use super::admin::Admin;
use super::holdings::Holdings;
use super::memory::default_budget;
use super::start::StartError;
use super::stop::StopSignals;

/// Runs the relay until a signal ends it.
///
/// # Errors
/// When it cannot start. Once it runs, nothing but a signal ends it.
pub fn run(config: Config) -> Result<(), StartError> {
    telemetry::init_logs(config.telemetry.log_level, config.telemetry.log_encoding);
    let control = Builder::new_current_thread().enable_all().build()?;
    control.block_on(supervise(config))
}

async fn supervise(config: Config) -> Result<(), StartError> {
    let mut signals = StopSignals::listen()?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut holdings = Holdings::new(default_budget())?;
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
        let ports: Vec<_> =
            listeners.iter().map(|(listener, plan)| (plan.protocol, listener.local_addr().port())).collect();
        for (listener, plan) in listeners {
            let door = Door::among(&ports, plan.protocol);
            let spoken = server.otlp.spoken(door);
            server.otlp.serve(&listener, door, plan.limits, &holdings.workers, lifetime)?;
            tracing::info!(receiver = %server.id, address = %listener.local_addr(), "receiving OTLP over {spoken}");
        }
    }
    admin.ready(built.states, &holdings.budget);
    Ok(admin)
}

async fn bind_all(servers: Vec<Server>) -> Result<Vec<(Server, Vec<(Listener, ListenPlan)>)>, StartError> {
    let mut bound = Vec::new();
    for server in servers {
        let mut listeners = Vec::new();
        for plan in &server.listens {
            listeners.push((Listener::bind(&plan.address).await?, plan.clone()));
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
