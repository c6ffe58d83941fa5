//! `otlp-relay health`: a container health check for images without a shell.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use clap::{Args, Parser};
use tokio::runtime::Builder;

use crate::doctor::{self, Whom};

use super::Cli;
use super::check::time;
use super::flags::{Sources, load};

/// Ask whether a relay is well. For HEALTHCHECK of a container.
///
/// Asks the health_check extension of the configuration; without one, whether a receiver answers (grpc.health.v1 on
/// the gRPC port). Without --config it asks the relay that is process 1, as in a container. Prints one line. Exit
/// codes: 0 well, 1 not.
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
        None => Whom::Configured(Box::new(load(&main_sources(&asked.sources))?)),
    };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let answer = runtime.block_on(doctor::ask(&whom, asked.timeout));
    runtime.shutdown_background();
    match answer {
        Ok(words) => Ok(format!("healthy: {words}\n")),
        Err(why) => Err(format!("unhealthy: {why}")),
    }
}

/// What names the configuration: `asked`, or the command line of the relay that is process 1 of this container.
fn main_sources(asked: &Sources) -> Sources {
    let main = || {
        let program = |process: &str| fs::read_link(format!("/proc/{process}/exe")).ok();
        let is_relay = program("1").is_some() && program("1") == program("self");
        is_relay.then(|| fs::read("/proc/1/cmdline").ok()).flatten().and_then(sources_of)
    };
    Some(asked).filter(|asked| !asked.is_empty()).cloned().or_else(main).unwrap_or_else(|| asked.clone())
}

/// The sources on a command line as Linux tells it: each argument ends with a NUL.
fn sources_of(command_line: Vec<u8>) -> Option<Sources> {
    let args = command_line.strip_suffix(b"\0")?.split(|byte| *byte == 0);
    let cli = Cli::try_parse_from(args.map(|arg| OsString::from_vec(arg.to_vec()))).ok()?;
    cli.command.is_none().then_some(cli.sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_of_process_1_names_its_configuration() {
        let sources = |line: &str| sources_of(line.as_bytes().to_vec()).map(|sources| format!("{sources:?}"));
        let written = sources("/otlp-relay\0--config=/etc/a.yaml\0--set\0b.c=d\0");
        assert!(written.is_some_and(|text| text.contains("/etc/a.yaml") && text.contains("b.c=d")));
        assert!(sources("/otlp-relay\0").is_some(), "without flags, what is there by default");
        assert_eq!(sources("/otlp-relay\0check\0--config=a\0"), None, "process 1 is no relay that runs");
        assert_eq!(sources("/otlp-relay\0--unknown\0"), None);
        assert_eq!(sources(""), None);
    }
}
