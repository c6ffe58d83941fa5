//! `replay`: what was recorded is sent again.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::config::{Config, Exporter, Logs, parse_duration};
use crate::ident::ComponentId;
use crate::telemetry;
use crate::tools::{self, Begin, Sender, Totals, Work};
use crate::units::Items;

use super::flags::{Sources, invalid, load};
use super::{complain, exporter, say};

/// `replay`. Exits with 0 when everything is sent, with 1 when it could not begin, and with 2 when records are left or
/// were refused.
#[derive(Args, Debug)]
pub(super) struct Replay {
    /// Files of debug dumps or dead letters, directories of them, or uncompressed JSON files of the file exporter.
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Where to send them: host:4317 or a URL. Over HTTP the path of the signal is appended.
    #[arg(long, value_name = "ENDPOINT", required_unless_present = "exporter", conflicts_with_all = ["exporter", "config"])]
    to: Option<String>,
    /// Send them with this exporter of --config, with its TLS, headers and retries.
    #[arg(long, value_name = "ID")]
    exporter: Option<String>,
    #[command(flatten)]
    sources: Sources,
    /// The protocol: grpc unless the endpoint is a URL with a path or port 4318.
    #[arg(long, requires = "to")]
    protocol: Option<Protocol>,
    /// A header of each request. Repeat it for more.
    #[arg(long, value_name = "KEY=VALUE", requires = "to")]
    header: Vec<String>,
    /// Without TLS.
    #[arg(long, requires = "to")]
    insecure: bool,
    /// Do not check the server's certificate.
    #[arg(long, requires = "to")]
    insecure_skip_verify: bool,
    /// Authorities to trust, as a PEM file.
    #[arg(long, value_name = "FILE", requires = "to")]
    ca_file: Option<PathBuf>,
    /// The client certificate, as a PEM file.
    #[arg(long, value_name = "FILE", requires_all = ["to", "key_file"])]
    cert_file: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires_all = ["to", "cert_file"])]
    key_file: Option<PathBuf>,
    /// Items in a second at most.
    #[arg(long, value_name = "ITEMS", value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// How long a record is tried again when the backend is away or busy.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    retry_for: Duration,
    /// Also send what an earlier run has sent.
    #[arg(long)]
    again: bool,
    /// Only say what would be sent.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Grpc,
    Http,
}

/// Runs it to its end.
pub(super) fn replay(asked: &Replay) -> ExitCode {
    match run(asked) {
        Ok(totals) if totals.is_complete() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(NOT_ALL),
        Err(why) => {
            complain(&format!("Error: {why}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run(asked: &Replay) -> Result<Totals, String> {
    let (id, config) = configured(asked)?;
    let exporter =
        config.exporters.get(&id).ok_or_else(|| format!("there is no exporter {id} in the configuration"))?;
    let files = tools::sources(&asked.paths).map_err(|fault| fault.to_string())?;
    let begin = if asked.again { Begin::Again } else { Begin::Rest };
    let work = Work { files, rate: asked.rate, begin };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let totals = runtime.block_on(send(asked, &id, exporter, &work))?;
    say(&summary(&totals, asked))?;
    Ok(totals)
}

async fn send(asked: &Replay, id: &ComponentId, exporter: &Exporter, work: &Work) -> Result<Totals, String> {
    let quiet = |_: Items, _: Option<&str>| {};
    let expected = tools::replay(work, None, &quiet).await.map_err(|fault| fault.to_string())?;
    if asked.dry_run {
        return Ok(expected);
    }
    // Failures are told while they are retried, as by a relay that runs.
    telemetry::init_logs(&Logs::default(), &[]).map_err(|error| error.to_string())?;
    let exporter = with_patience(exporter.clone(), asked.retry_for);
    let sender = Sender::new(id, &exporter).map_err(|problem| problem.to_string())?;
    let bar = bar(expected.items);
    let told = |items: Items, what: Option<&str>| {
        bar.inc(items.0);
        if let Some(what) = what {
            bar.suspend(|| complain(&format!("{what}\n")));
        }
    };
    let totals = tools::replay(work, Some(&sender), &told).await.map_err(|fault| fault.to_string());
    bar.finish_and_clear();
    totals
}

/// A bar on a terminal; nothing anywhere else.
fn bar(items: Items) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(items.0), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:30} {pos}/{len} items, {per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn summary(totals: &Totals, asked: &Replay) -> String {
    let Totals { records, items, rejected, before, refused, left, without, damaged } = totals;
    let verb = if asked.dry_run { "to send" } else { "sent" };
    let mut text = format!("{verb}: {items} items in {records} records");
    for (count, what) in [
        (rejected.0, "items rejected by the backend"),
        (*refused, "records refused"),
        (*left, "records left for the next run"),
        (*before, "records sent by an earlier run"),
        (*without, "records without a payload"),
        (*damaged, "damaged places"),
    ] {
        if count != 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text.push('\n');
    text
}

fn with_patience(mut exporter: Exporter, retry_for: Duration) -> Exporter {
    let delivery = match &mut exporter {
        Exporter::OtlpGrpc(asked) => &mut asked.delivery,
        Exporter::OtlpHttp(asked) => &mut asked.delivery,
        Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => return exporter,
    };
    if let Some(retry) = &mut delivery.retry {
        retry.initial_interval = retry.initial_interval.min(FIRST_PAUSE);
        retry.max_interval = retry.max_interval.min(LONGEST_PAUSE);
        retry.max_elapsed_time = Some(retry_for);
    }
    if retry_for.is_zero() {
        delivery.retry = None;
    }
    exporter
}

/// The exporter that is meant, and the configuration that has it.
fn configured(asked: &Replay) -> Result<(ComponentId, Config), String> {
    let Some(to) = &asked.to else {
        let id = asked.exporter.as_deref().unwrap_or_default();
        let id = ComponentId::parse(id).map_err(|bad| bad.to_string())?;
        return Ok((id, load(&asked.sources)?));
    };
    let protocol = asked.protocol.unwrap_or_else(|| usual_protocol(to));
    let kind = match protocol {
        Protocol::Grpc => "otlp_grpc",
        Protocol::Http => "otlp_http",
    };
    let id = ComponentId::parse(&format!("{kind}/replay")).map_err(|bad| bad.to_string())?;
    let described = described(asked, to, protocol)?;
    let config = exporter::configure(&id, &described).map_err(|problems| invalid(&problems))?;
    Ok((id, config))
}

fn usual_protocol(to: &str) -> Protocol {
    let url = to.split_once("://").map(|(_, rest)| rest.trim_end_matches('/'));
    let has_path = url.is_some_and(|rest| rest.contains('/'));
    let authority = url.unwrap_or(to).split('/').next().unwrap_or_default();
    if has_path || authority.ends_with(":4318") { Protocol::Http } else { Protocol::Grpc }
}

/// The flags in the words of a configuration, so that they are checked and explained like one.
fn described(asked: &Replay, to: &str, protocol: Protocol) -> Result<Value, String> {
    let mut tls = exporter::tls_files([
        ("ca_file", &asked.ca_file),
        ("cert_file", &asked.cert_file),
        ("key_file", &asked.key_file),
    ]);
    for (key, is_set) in [("insecure", asked.insecure), ("insecure_skip_verify", asked.insecure_skip_verify)] {
        if is_set {
            tls.insert(key.to_owned(), json!(true));
        }
    }
    let endpoint = match protocol {
        Protocol::Http if !to.contains("://") => {
            format!("{}://{to}", if asked.insecure { "http" } else { "https" })
        }
        _ => to.to_owned(),
    };
    let headers = exporter::headers(&asked.header)?;
    Ok(json!({"endpoint": endpoint, "tls": tls, "headers": headers, "sending_queue": {"enabled": false}}))
}

/// The exit code when records are left or were refused.
const NOT_ALL: u8 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
