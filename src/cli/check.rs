//! `otlp-relay check`: the troubleshooting guide, done by the program.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::runtime::Builder;

use crate::config::{Config, Origin, Places, Problem, Problems};
use crate::doctor::{self, Asked, Detail, Insecure, Options, Outcome, Paint, Part, Report, Signals, Speak};
use crate::service::System;

use super::flags::{Sources, origin, read};
use super::{complain, say};

/// Look ahead: would this configuration work here and now?
///
/// Walks the way to each exporter's endpoint (proxy, addresses, connection, TLS, what speaks there) and sends an empty
/// export for each signal; tries whether each receiver can listen; looks at this machine and the directories that data is
/// kept in. No telemetry is sent, and no secret is printed.
///
/// Exit codes: 0 all is well (or warnings without --strict), 1 warnings with --strict, 2 something failed,
/// 3 the configuration cannot be used, 64 wrong usage.
#[derive(Args, Debug)]
pub(super) struct Check {
    /// Check this one endpoint, without a configuration: http://host:4318, https://host:4317, host:4317.
    #[arg(conflicts_with_all = ["config", "set", "feature_gates", "only"])]
    url: Option<String>,
    #[command(flatten)]
    sources: Sources,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Check only this part; may be repeated.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Only>,
    /// Warnings make the exit code 1.
    #[arg(long)]
    strict: bool,
    /// Show the facts behind what is fine, too, and how long it took.
    #[arg(short, long)]
    verbose: bool,
    /// How long the whole may take.
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = time)]
    timeout: Duration,
    /// With a URL: a header to send, such as 'authorization=Bearer abc'. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", requires = "url", value_parser = pair, allow_hyphen_values = true)]
    header: Vec<Pair>,
    /// With a URL: what to speak. Left out, it is gRPC on port 4317 and HTTP on any other.
    #[arg(long, requires = "url")]
    protocol: Option<Spoken>,
    /// With a URL: plaintext, or any certificate where the URL says https.
    #[arg(long, requires = "url")]
    insecure: bool,
    /// With a URL: trust the authority of this PEM file.
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Only {
    /// The text of the configuration alone.
    Configuration,
    /// Where data goes, fallbacks as well.
    Exporters,
    /// Where data comes in.
    Receivers,
    /// Health checks, zpages and metrics.
    Admin,
    /// This machine, and the directories that data is kept in.
    Local,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Spoken {
    Grpc,
    Http,
}

/// A header, whose value is not shown.
#[derive(Clone)]
struct Pair(String, String);

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=[REDACTED]", self.0)
    }
}

/// Checks, prints what was found, and answers the exit code.
pub(super) fn check(asked: &Check) -> ExitCode {
    let loaded = match load(asked) {
        Ok(loaded) => loaded,
        Err(why) => return wrong_usage(&why),
    };
    let report = match run(loaded, asked) {
        Ok(report) => report,
        Err(error) => {
            complain(&format!("Error: {error}\n"));
            return ExitCode::from(FAILED);
        }
    };
    let code = exit_code(&report, asked);
    let text = if asked.json {
        report.to_json(code)
    } else {
        let detail = if asked.verbose { Detail::All } else { Detail::Usual };
        report.to_text(detail, paint())
    };
    match say(&text) {
        Ok(()) => ExitCode::from(code),
        Err(why) => {
            complain(&format!("Error: {why}\n"));
            ExitCode::from(FAILED)
        }
    }
}

/// Whether the command line `args` asks for a check.
pub(super) fn is_asked(args: &[OsString]) -> bool {
    args.get(1).is_some_and(|first| first == "check")
}

/// What is wrong with the command line itself.
fn wrong_usage(why: &str) -> ExitCode {
    complain(&format!("Error: {why}\n"));
    ExitCode::from(WRONG_USAGE)
}

fn load(asked: &Check) -> Result<Result<Config, Problems>, String> {
    let Some(url) = &asked.url else {
        let (origin, remarks) = origin(&asked.sources)?;
        return Ok(read(&origin, &remarks));
    };
    let text = doctor::configuration(&Asked {
        url: url.clone(),
        headers: asked.header.iter().map(|Pair(name, value)| (name.clone(), value.clone())).collect(),
        speak: asked.protocol.map(|spoken| match spoken {
            Spoken::Grpc => Speak::Grpc,
            Spoken::Http => Speak::Http,
        }),
        insecure: if asked.insecure { Insecure::Yes } else { Insecure::No },
        ca_file: asked.ca_file.clone(),
    });
    if asked.header.iter().any(|Pair(name, _)| name.is_empty()) {
        return Err("a --header is written KEY=VALUE".to_owned());
    }
    let origin = Origin { locations: vec![format!("yaml:{text}")], settings: Vec::new() };
    Ok(of_url(read(&origin, &[]), &shown(url)))
}

/// Nobody wrote the text that stands for a URL: no place of it is to be named.
fn of_url(loaded: Result<Config, Problems>, url: &str) -> Result<Config, Problems> {
    let placeless = |problem: &Problem| {
        let path = problem.path.rsplit("::").next().unwrap_or_default().to_owned();
        Problem { place: None, path, ..problem.clone() }
    };
    match loaded {
        Ok(mut config) => {
            config.warnings = config.warnings.iter().map(placeless).collect();
            (config.source, config.places) = (url.to_owned(), Places::default());
            Ok(config)
        }
        Err(problems) => {
            let placed = problems.iter().map(placeless).collect();
            Err(Problems::from_found(placed).unwrap_or(problems))
        }
    }
}

/// `url` without what may be a secret: user, password and query.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://[REDACTED]@{rest}"),
        (None, Some((_, rest))) => format!("[REDACTED]@{rest}"),
        _ => url.to_owned(),
    }
}

fn run(loaded: Result<Config, Problems>, asked: &Check) -> io::Result<Report> {
    let only = match asked.url {
        Some(_) => vec![Part::Exporters],
        None => asked.only.iter().map(|only| only.part()).collect(),
    };
    let options = Options {
        only,
        timeout: asked.timeout,
        instance: uuid::Uuid::new_v4().to_string(),
        signals: if asked.url.is_some() { Signals::Any } else { Signals::Each },
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let bar = progress();
    let report = runtime.block_on(doctor::check(loaded, &options, &System, &|what| bar.set_message(what.to_owned())));
    bar.finish_and_clear();
    // A lookup that hangs cannot be interrupted, and nobody waits for it.
    runtime.shutdown_background();
    Ok(report)
}

/// A line on a terminal that says what is being done; nothing elsewhere.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() || !io::stdout().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} checking {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// <https://no-color.org>: set to anything but nothing, it switches colours off.
fn paint() -> Paint {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !refused { Paint::Colours } else { Paint::Plain }
}

fn exit_code(report: &Report, asked: &Check) -> u8 {
    match report.verdict() {
        _ if !report.usable => UNUSABLE,
        Outcome::Failed => FAILED,
        Outcome::Warning if asked.strict => WARNED,
        _ => 0,
    }
}

impl Only {
    fn part(self) -> Part {
        match self {
            Only::Configuration => Part::Configuration,
            Only::Exporters => Part::Exporters,
            Only::Receivers => Part::Receivers,
            Only::Admin => Part::Admin,
            Only::Local => Part::Local,
        }
    }
}

/// `8s`, `500ms`, `2`
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let fault = || format!("{text} is no time; write 8s or 500ms");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let number: f64 = number.parse().map_err(|_| fault())?;
    let seconds = match unit {
        "" | "s" => number,
        "ms" => number / 1e3,
        "m" => number * 60.0,
        _ => return Err(fault()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| fault())
}

/// Never an error, since that would show the value: without a name the pair is refused later.
fn pair(text: &str) -> Result<Pair, Infallible> {
    let (name, value) = text.split_once(['=', ':']).unwrap_or_default();
    Ok(Pair(name.trim().to_owned(), value.trim().to_owned()))
}

const WARNED: u8 = 1;
const FAILED: u8 = 2;
const UNUSABLE: u8 = 3;
/// `EX_USAGE` of sysexits.h.
pub(super) const WRONG_USAGE: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(time("8s"), Ok(Duration::from_secs(8)));
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("1.5"), Ok(Duration::from_millis(1500)));
        for bad in ["", "s", "8h", "-1s", "1e999", "∞"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_value_of_a_header_is_never_shown() {
        let pair = pair("authorization=Bearer s=cret");
        assert_eq!(format!("{pair:?}"), "Ok(authorization=[REDACTED])");
        assert!(pair.is_ok_and(|Pair(_, value)| value == "Bearer s=cret"));
        assert_eq!(shown("https://u:s3cret@b:1/x?key=s3cret"), "https://[REDACTED]@b:1/x");
        assert_eq!(shown("b:4317"), "b:4317");
    }
}
