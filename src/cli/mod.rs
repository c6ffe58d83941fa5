//! The command line: what the program can be asked to do. Commands, flags and exit codes are the Collector's.

mod check;
mod components;
mod dump;
mod early;
mod explain;
mod exporter;
mod flags;
mod health;
mod load;
mod print_config;
mod queue;
mod replay;
mod sink;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::config::{Config, DebugDump, Extension, LogLevel, Mistake, Weight};
use crate::ident::ComponentId;
use crate::service;
use crate::telemetry;

use check::{Check, check};
use components::{Components, components};
use explain::{Explain, explain};
use flags::{Sources, invalid, load, origin, read};
use health::{Health, health};
use print_config::{PrintConfig, print_config};

/// Takes OTLP in, hands it on, and says plainly what is wrong when it does not get through.
#[derive(Debug, Parser)]
#[command(name = NAME, disable_version_flag = true, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    sources: Sources,
    /// Record each failed export attempt in this directory: see otlp-relay dump. In place of any debug_dump extension.
    #[arg(long, value_name = "DIR")]
    debug_dump: Option<PathBuf>,
    /// Print the version.
    #[arg(short, long)]
    version: bool,
}

// A relay that starts needs none of them: their flags are put together when one is asked for.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Check a configuration without opening any other file or socket. Silent and 0 when it is valid.
    Validate(Sources),
    Check(Check),
    Health(Health),
    /// Print the configuration with its defaults, as YAML or JSON.
    #[command(alias = "print-initial-config")]
    PrintConfig(PrintConfig),
    /// Say what a class of failures means and what to do, or what the error text of another program is about.
    Explain(Explain),
    Components(Components),
    /// Look into the durable queues of a relay that does not run, or rescue what is in them.
    Queue(queue::Queue),
    /// Look at recorded exports: debug dumps and dead letters.
    Dump(dump::Dump),
    /// Send the payloads of debug dumps, dead letters or JSON files of the file exporter again.
    Replay(replay::Replay),
    Load(load::Load),
    Sink(sink::Sink),
}

/// Runs the program with the command line `args`, the first of which is its own name. 0 when all went well, else 1.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match (Cli::try_parse_from(&args), flags::single_dash(&args)) {
        (Ok(cli), _) => obey(cli),
        (Err(_), Some(hint)) => {
            complain(&hint);
            ExitCode::FAILURE
        }
        (Err(error), None) => refuse(&error, &args),
    }
}

fn obey(cli: Cli) -> ExitCode {
    let outcome = match cli.command {
        _ if cli.version => say(&format!("{NAME} version {VERSION}\n")),
        Some(Command::Components(asked)) => components(&asked).and_then(|text| say(&text)),
        Some(Command::Queue(asked)) => queue::queue(&asked).and_then(|text| say(&text)),
        Some(Command::Check(asked)) => return check(&asked),
        Some(Command::Health(asked)) => health(&asked).and_then(|text| say(&text)),
        Some(Command::Validate(sources)) => validate(&sources),
        Some(Command::PrintConfig(asked)) => print_config(&asked).and_then(|text| say(&text)),
        Some(Command::Explain(asked)) => explain(&asked).and_then(|text| say(&text)),
        Some(Command::Dump(asked)) => dump::dump(&asked).and_then(|text| say(&text)),
        Some(Command::Replay(asked)) => return replay::replay(&asked),
        Some(Command::Load(asked)) => return load::load(&asked),
        Some(Command::Sink(asked)) => sink::sink(&asked).and_then(|text| say(&text)),
        None => start(&cli.sources, cli.debug_dump),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&format!("Error: {why}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Help and wrong usage. The Collector knows only the codes 0 and 1; those of a check mean more.
fn refuse(error: &clap::Error, args: &[OsString]) -> ExitCode {
    // Nobody is left to be told when even this cannot be printed.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ if check::is_asked(args) => ExitCode::from(check::WRONG_USAGE),
        _ => ExitCode::FAILURE,
    }
}

fn validate(sources: &Sources) -> Result<(), String> {
    let config = load(sources)?;
    for warning in &config.warnings {
        let weight = match warning.weight {
            Weight::Fault => "Warning",
            Weight::Advice => "Note",
        };
        let class = Some(warning.mistake).filter(|mistake| *mistake != Mistake::Invalid);
        let class = class.map(|mistake| format!(" [{}]", mistake.code())).unwrap_or_default();
        complain(&format!("{weight}: {warning}{class}\n"));
    }
    Ok(())
}

fn start(sources: &Sources, debug_dump: Option<PathBuf>) -> Result<(), String> {
    let level = level_from_environment()?;
    let (origin, remarks) = origin(sources)?;
    let again = move || {
        let mut config = read(&origin, &remarks)?;
        config.telemetry.logs.level = level.unwrap_or(config.telemetry.logs.level);
        if let Some(directory) = &debug_dump {
            keep_dump(&mut config, directory.clone());
        }
        Ok(config)
    };
    let config = again().map_err(|problems| invalid(&problems))?;
    service::run(config, again).map_err(|why| why.to_string())
}

/// Adds a `debug_dump` extension in front of those that are configured.
fn keep_dump(config: &mut Config, directory: PathBuf) {
    // A name that no configuration can have.
    let Ok(id) = ComponentId::parse("debug_dump/--debug-dump") else { return };
    config.started_extensions.retain(|id| id.kind() != "debug_dump");
    config.started_extensions.push(id.clone());
    config.extensions.insert(id, Extension::DebugDump(DebugDump::into(directory)));
}

/// `OTEL_LOG_LEVEL` (OpenTelemetry SDK configuration) wins over the configuration: it is set to look at one run.
fn level_from_environment() -> Result<Option<LogLevel>, String> {
    match std::env::var(LOG_LEVEL) {
        Ok(text) if !text.trim().is_empty() => telemetry::log_level(&text)
            .map(Some)
            .ok_or_else(|| format!("{LOG_LEVEL} is \"{text}\"; it takes debug, info, warn or error")),
        _ => Ok(None),
    }
}

fn say(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader has seen enough (`otlp-relay components | head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(format!("cannot write to the standard output: {error}")),
        Ok(()) => Ok(()),
    }
}

fn complain(text: &str) {
    // Nobody is left to be told when even this cannot be printed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

const NAME: &str = "otlp-relay";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const LOG_LEVEL: &str = "OTEL_LOG_LEVEL";
