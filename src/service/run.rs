//! One run of the relay, from a checked configuration to the last line of the log.

use std::sync::Arc;

use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::admin::ReloadRequest;
use crate::config::{Config, Problems, Telemetry};
use crate::telemetry::{self, LogControl};

use super::files::raise_limit;
use super::holdings::line_attributes;
use super::relay::Relay;
use super::signals::{Asked, Signals};
use super::start::StartError;

/// Reads the configuration again.
pub trait Load: Fn() -> Result<Config, Problems> + Send + Sync + 'static {}

impl<F: Fn() -> Result<Config, Problems> + Send + Sync + 'static> Load for F {}

/// Runs the relay with `config` until a signal ends it. SIGHUP makes it `load` the configuration again, which takes over
/// only if it is good.
///
/// # Errors
/// When it cannot start. Once it runs, nothing but a signal ends it.
pub fn run(config: Config, load: impl Load) -> Result<(), StartError> {
    let instance: Arc<str> = uuid::Uuid::new_v4().to_string().into();
    let Telemetry { logs, metrics: _, resource } = &config.telemetry;
    let log = telemetry::init_logs(logs, &line_attributes(&instance, resource))?;
    raise_limit();
    let control = Builder::new_current_thread().enable_all().build()?;
    let ended = control.block_on(supervise(config, Arc::new(load), instance, log));
    // Whatever still blocks one of its threads is not waited for.
    control.shutdown_background();
    ended
}

async fn supervise(
    config: Config,
    load: Arc<impl Load>,
    instance: Arc<str>,
    log: LogControl,
) -> Result<(), StartError> {
    let mut signals = Signals::listen()?;
    let (ask, mut asked) = mpsc::channel(1);
    let mut relay = Relay::new(ask, instance, log)?;
    let source = config.source.clone();
    relay.apply(config).await?;
    tracing::info!(configuration = source, "Everything is ready. Begin running and processing data.");
    loop {
        let request: Option<ReloadRequest> = tokio::select! {
            signal = signals.next() => match signal {
                Asked::Stop(signal) => {
                    tracing::info!(signal, "Received signal from OS");
                    break;
                }
                Asked::Reload => {
                    tracing::info!(signal = "hangup", "Received signal from OS");
                    None
                }
            },
            request = asked.recv() => request,
        };
        let outcome = reload(&mut relay, &load).await;
        if let Some(request) = request {
            // Whoever asked may have left.
            let _ = request.send(outcome);
        }
    }
    drop(asked);
    relay.stop().await;
    Ok(())
}

/// A bad configuration changes nothing: each of its problems is logged, and the relay goes on as it was.
///
/// # Errors
/// What is wrong with it, in words.
async fn reload(relay: &mut Relay, load: &Arc<impl Load>) -> Result<(), String> {
    let load = Arc::clone(load);
    // A source may be a page on a slow server.
    let applied = match tokio::task::spawn_blocking(move || load()).await {
        Ok(Ok(config)) => relay.apply(config).await.map_err(|error| error.to_string()),
        Ok(Err(problems)) => Err(problems.to_string()),
        Err(panicked) => Err(panicked.to_string()),
    };
    match &applied {
        Ok(()) => tracing::info!("Config updated; data in queues and connections in use were kept"),
        Err(why) => {
            for line in why.lines() {
                tracing::error!("{line}");
            }
            tracing::error!("the new configuration is not put in force; the relay goes on with the one before");
        }
    }
    applied
}
