//! One run of the relay, from a checked configuration to the last line of the log.

use tokio::runtime::Builder;

use crate::config::{Config, Problems};
use crate::telemetry;

use super::relay::Relay;
use super::signals::{Asked, Signals};
use super::start::StartError;

/// Runs the relay with `config` until a signal ends it. SIGHUP makes it `load` the configuration again, which takes over
/// only if it is good.
///
/// # Errors
/// When it cannot start. Once it runs, nothing but a signal ends it.
pub fn run(config: Config, load: impl Fn() -> Result<Config, Problems>) -> Result<(), StartError> {
    telemetry::init_logs(config.telemetry.log_level, config.telemetry.log_encoding);
    let control = Builder::new_current_thread().enable_all().build()?;
    control.block_on(supervise(config, load))
}

async fn supervise(config: Config, load: impl Fn() -> Result<Config, Problems>) -> Result<(), StartError> {
    let mut signals = Signals::listen()?;
    let mut relay = Relay::new()?;
    let source = config.source.clone();
    relay.apply(config).await?;
    tracing::info!(configuration = source, "Everything is ready. Begin running and processing data.");
    loop {
        match signals.next().await {
            Asked::Stop(signal) => {
                tracing::info!(signal, "Received signal from OS");
                relay.stop().await;
                return Ok(());
            }
            Asked::Reload => {
                tracing::info!(signal = "hangup", "Received signal from OS");
                reload(&mut relay, &load).await;
            }
        }
    }
}

/// A bad configuration changes nothing: each of its problems is logged, and the relay goes on as it was.
async fn reload(relay: &mut Relay, load: &impl Fn() -> Result<Config, Problems>) {
    let config = match load() {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.iter() {
                tracing::error!("{problem}");
            }
            tracing::error!("the new configuration is invalid; the relay goes on with the one before");
            return;
        }
    };
    match relay.apply(config).await {
        Ok(()) => tracing::info!("Config updated; data in queues and connections in use were kept"),
        Err(error) => tracing::error!(
            "the new configuration cannot be put in force; the relay goes on with the one before: {error}"
        ),
    }
}
