//! `otlp-relay health`: a container health check for images without a shell.

use std::time::Duration;

use clap::Args;
use tokio::runtime::Builder;

use crate::doctor::{self, Whom};

use super::check::time;
use super::flags::{Sources, load};

/// Ask whether a relay is well. For HEALTHCHECK of a container.
///
/// Asks the health_check extension of the configuration; without one, whether a receiver answers (grpc.health.v1 on
/// the gRPC port). Prints one line. Exit codes: 0 well, 1 not.
#[derive(Args, Debug)]
pub(super) struct Health {
    #[command(flatten)]
    sources: Sources,
    /// Ask this URL, which answers 200 when all is well, instead of what a configuration names.
    #[arg(long, value_name = "URL", conflicts_with_all = ["config", "set", "feature_gates"])]
    endpoint: Option<String>,
    /// How long the answer may take.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = time)]
    timeout: Duration,
}

/// What to print.
pub(super) fn health(asked: &Health) -> Result<String, String> {
    let whom = match &asked.endpoint {
        Some(url) => Whom::Url(url.clone()),
        None => Whom::Configured(Box::new(load(&asked.sources)?)),
    };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let answer = runtime.block_on(doctor::ask(&whom, asked.timeout));
    runtime.shutdown_background();
    match answer {
        Ok(words) => Ok(format!("healthy: {words}\n")),
        Err(why) => Err(format!("unhealthy: {why}")),
    }
}
