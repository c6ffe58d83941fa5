//! The flags of `load`, and the work that they ask for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::config::{Config, Endpoint, Problem, Retry, parse_duration};
use crate::exporters::SetupProblem;
use crate::flow::worker_count;
use crate::ident::ComponentId;
use crate::memory::available;
use crate::signal::Signal;
use crate::tools::load::{Format, Pace, Schedule, Work, signals, sink};
use crate::units::ByteCount;

use crate::cli::exporter::{configure, headers, tls_files};

/// Generate load, and say how long the answers take.
///
/// Without --rate a request is sent when the one before it is answered (closed loop). With it requests are due by the
/// clock, whatever becomes of those before, and latency counts from when a request was due (open loop).
///
/// Exit codes: 0 done, 1 when nothing was accepted, or --verify finds anything lost or doubled.
#[derive(Args, Debug)]
pub(in crate::cli) struct Load {
    /// Where to: http://host:4317, https://host:4317; over HTTP the path of the signal is appended. Without it, the usual
    /// port of localhost.
    endpoint: Option<String>,
    /// What to speak.
    #[arg(long, value_enum, default_value = "grpc")]
    protocol: Spoken,
    /// What to send: traces, metrics or logs. Repeat it for several, which take turns.
    #[arg(long, value_name = "SIGNAL", value_delimiter = ',', default_value = "traces", value_parser = signal)]
    signal: Vec<Signal>,
    /// Spans, data points or log records in a request.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    items_per_request: u64,
    /// Connections: 4, or over HTTP 40, of which each carries one request at a time.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: Option<u16>,
    /// Requests under way on each gRPC connection, at most: 10, or 50 with a rate.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=100))]
    concurrency: Option<u16>,
    /// Give each item one more attribute, with a value of so many bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1 << 20))]
    attribute_size: u32,
    /// none, gzip, zstd or snappy; over HTTP also x-snappy-framed, zlib, deflate or lz4. Each request is compressed on its
    /// own, which costs more than all else that is done for it.
    #[arg(long, value_name = "NAME", default_value = "none")]
    compression: String,
    /// A header of each request. Repeat it for more.
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    header: Vec<String>,
    /// Authorities to trust, as a PEM file.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The client certificate, as a PEM file.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Do not check the server's certificate.
    #[arg(long)]
    insecure_skip_verify: bool,
    /// For how long: 10s unless there is a count.
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    duration: Option<Duration>,
    /// How many items in all.
    #[arg(long, value_name = "ITEMS", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Items in a second.
    #[arg(long, value_name = "ITEMS", value_parser = per_second)]
    rate: Option<f64>,
    /// Requests in a second.
    #[arg(long, value_name = "REQUESTS", value_parser = per_second, conflicts_with = "rate")]
    request_rate: Option<f64>,
    /// Let the rate rise evenly from nothing for so long.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    ramp: Option<Duration>,
    /// How long an answer may take.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = positive)]
    timeout: Duration,
    /// Send failed requests again for so long, where that may help. Without it each answer counts as it is.
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    retry_for: Option<Duration>,
    /// End after so long without any success; 0s for never.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    give_up_after: Duration,
    /// Threads that send; as many as there are cores.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// What the run is called: the resource attribute otlp_relay.load.run of its items. Any name unless given.
    #[arg(long, value_name = "NAME", value_parser = run_name)]
    run: Option<String>,
    /// Ask the sink with this admin address whether everything acknowledged has arrived, and nothing twice.
    #[arg(long, value_name = "http://HOST:PORT", value_parser = sink)]
    pub(super) verify: Option<Endpoint>,
    /// How long nothing more may arrive before the rest is called missing: longer than a relay on the way sleeps between two
    /// tries, which is 45s at most by the Collector's schedule.
    #[arg(long, value_name = "DURATION", default_value = "60s", requires = "verify", value_parser = parse_duration)]
    pub(super) verify_timeout: Duration,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Spoken {
    #[value(name = "grpc")]
    Grpc,
    #[value(name = "http/protobuf", alias = "http")]
    HttpProtobuf,
    #[value(name = "http/json")]
    HttpJson,
}

impl Load {
    /// The work that is asked for, and what a person should know of it.
    ///
    /// # Errors
    /// Which flag is wrong, and the mend.
    pub(super) fn work(&self) -> Result<(Work, Vec<String>), String> {
        let pace = self.pace()?;
        let (connections, concurrency) = self.width(pace)?;
        self.check_room(connections * concurrency)?;
        let kind = if self.protocol == Spoken::Grpc { "otlp_grpc/load" } else { "otlp_http/load" };
        let id = ComponentId::parse(kind).map_err(|bad| bad.to_string())?;
        let config = configure(&id, &self.described()?)
            .map_err(|problems| problems.iter().map(|problem| told(problem, &id)).collect::<Vec<_>>().join("\n"))?;
        let prefix = format!("exporters::{id}");
        let notes = config.warnings.iter().filter(|warning| warning.path.starts_with(&prefix));
        let notes = notes.map(|warning| told(warning, &id)).collect();
        let Config { mut exporters, .. } = config;
        let exporter = exporters.remove(&id).ok_or("there is no exporter")?;
        let duration = self.duration.or_else(|| self.count.is_none().then_some(USUAL_DURATION));
        let work = Work {
            id: Arc::new(id),
            exporter,
            endpoint: self.target(),
            protocol: self.protocol_name(),
            format: if self.protocol == Spoken::HttpJson { Format::Json } else { Format::Protobuf },
            run: self.run.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
            signals: self.distinct_signals(),
            items_per_request: self.items_per_request,
            attribute_size: usize::try_from(self.attribute_size).unwrap_or(0),
            connections,
            concurrency,
            threads: self.threads.map_or_else(worker_count, usize::from),
            pace,
            duration,
            count: self.count,
            retry: self.retry_for.map(retry),
            give_up: Some(self.give_up_after).filter(|limit| !limit.is_zero()),
            grace: self.timeout + self.retry_for.unwrap_or_default() + Duration::from_secs(1),
        };
        Ok((work, notes))
    }

    /// Where it goes, in a few words.
    pub(super) fn aim(&self) -> String {
        let signals: Vec<&str> = self.distinct_signals().iter().map(|signal| signal.name()).collect();
        format!("{} to {} over {}", signals.join(", "), self.target(), self.protocol_name())
    }

    fn protocol_name(&self) -> String {
        self.protocol.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn distinct_signals(&self) -> Vec<Signal> {
        let mut distinct = Vec::new();
        for signal in &self.signal {
            if !distinct.contains(signal) {
                distinct.push(*signal);
            }
        }
        distinct
    }

    /// The endpoint; without a scheme it is plaintext.
    fn target(&self) -> String {
        let usual = if self.protocol == Spoken::Grpc { "http://localhost:4317" } else { "http://localhost:4318" };
        match self.endpoint.as_deref() {
            None => usual.to_owned(),
            Some(url) if url.contains("://") || url.starts_with("unix:") => url.to_owned(),
            Some(address) => format!("http://{address}"),
        }
    }

    fn pace(&self) -> Result<Pace, String> {
        let requests = self.request_rate.or_else(|| Some(self.rate? / self.items_per_request as f64));
        match (requests, self.ramp) {
            (Some(rate), ramp) => Ok(Pace::Open(Schedule { rate, ramp: ramp.unwrap_or_default() })),
            (None, Some(_)) => Err("--ramp needs --rate or --request-rate: the rate that it leads to".to_owned()),
            (None, None) => Ok(Pace::Closed),
        }
    }

    /// How many connections, and how many requests on each.
    fn width(&self, pace: Pace) -> Result<(usize, usize), String> {
        let connections = self.connections.map(usize::from);
        if self.protocol == Spoken::Grpc {
            let usual = if pace == Pace::Closed { 10 } else { 50 };
            return Ok((connections.unwrap_or(4), self.concurrency.map_or(usual, usize::from)));
        }
        if self.concurrency.is_some() {
            let what = "--concurrency is for grpc: over HTTP a connection carries one request at a time";
            return Err(format!("{what}; write --connections"));
        }
        Ok((connections.unwrap_or(40), 1))
    }

    /// Whether so many requests at a time fit into this machine.
    fn check_room(&self, requests: usize) -> Result<(), String> {
        let item = USUAL_ITEM + u64::from(self.attribute_size);
        let request = ByteCount(item.saturating_mul(self.items_per_request));
        let all = ByteCount(request.0.saturating_mul(requests as u64));
        if requests <= MOST_REQUESTS && all.0 <= available().0 / 2 {
            return Ok(());
        }
        let what = format!("{requests} requests of about {request} may be under way, which is {all} of memory");
        Err(format!("{what}; lower --connections, --concurrency, --items-per-request or --attribute-size"))
    }

    /// The flags in the words of a configuration.
    fn described(&self) -> Result<Value, String> {
        let mut tls =
            tls_files([("ca_file", &self.ca_file), ("cert_file", &self.cert_file), ("key_file", &self.key_file)]);
        if self.insecure_skip_verify {
            tls.insert("insecure_skip_verify".to_owned(), json!(true));
        }
        let is_for_tls = !tls.is_empty();
        let endpoint = self.target();
        if !endpoint.starts_with("https://") {
            if is_for_tls {
                let https = endpoint.replacen("http://", "https://", 1);
                return Err(format!("{} is for TLS; write {https} for it", self.first_tls_flag()));
            }
            tls.insert("insecure".to_owned(), json!(true));
        }
        let mut exporter = json!({
            "endpoint": endpoint,
            "tls": tls,
            "headers": headers(&self.header)?,
            "compression": self.compression,
            "timeout": format!("{}ns", self.timeout.as_nanos()),
            "sending_queue": {"enabled": false},
        });
        match self.protocol {
            // All requests of a connection stay on it, whatever other addresses its host has.
            Spoken::Grpc => exporter["balancer_name"] = json!("pick_first"),
            Spoken::HttpProtobuf => exporter["encoding"] = json!("proto"),
            Spoken::HttpJson => exporter["encoding"] = json!("json"),
        }
        Ok(exporter)
    }

    fn first_tls_flag(&self) -> &'static str {
        let files = [("--ca-file", &self.ca_file), ("--cert-file", &self.cert_file)];
        let given = files.into_iter().find(|(_, file)| file.is_some());
        given.map_or("--insecure-skip-verify", |(flag, _)| flag)
    }
}

/// The relay's own intervals would be long for a test.
fn retry(retry_for: Duration) -> Retry {
    Retry {
        initial_interval: Duration::from_millis(100),
        randomization_factor: 0.5,
        multiplier: 2.0,
        max_interval: Duration::from_secs(5),
        max_elapsed_time: Some(retry_for),
    }
}

/// A problem of the exporter, told of the flag that it comes from.
fn told(problem: &Problem, id: &ComponentId) -> String {
    let key = problem.path.strip_prefix(&format!("exporters::{id}")).unwrap_or(&problem.path);
    let hint = problem.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}: {}{hint}", flag(key.trim_start_matches("::")), problem.what)
}

/// What the exporter cannot be made of, told of the flag that it comes from.
pub(super) fn setup(problem: &SetupProblem) -> String {
    format!("{}: {}", flag(&problem.key), problem.what)
}

/// The flag that this key of the exporter comes from.
fn flag(key: &str) -> &str {
    const FLAGS: [(&str, &str); 7] = [
        ("tls::ca_file", "--ca-file"),
        ("tls::cert_file", "--cert-file"),
        ("tls::key_file", "--key-file"),
        ("headers", "--header"),
        ("compression", "--compression"),
        ("timeout", "--timeout"),
        ("endpoint", "ENDPOINT"),
    ];
    FLAGS.iter().find(|(known, _)| key.starts_with(known)).map_or(key, |(_, flag)| flag)
}

fn signal(text: &str) -> Result<Signal, String> {
    let known = signals();
    let names: Vec<&str> = known.iter().map(|signal| signal.name()).collect();
    let found = Signal::from_name(text).filter(|signal| known.contains(signal));
    found.ok_or_else(|| format!("it is one of {}", names.join(", ")))
}

fn positive(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration.is_zero() { Err("it must be more than 0, such as 30s".to_owned()) } else { Ok(duration) }
}

fn per_second(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && (0.001..=1e9).contains(rate));
    rate.ok_or_else(|| "write how many in a second, such as 20000".to_owned())
}

fn run_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let fits = !text.is_empty() && text.len() <= 100 && text.chars().all(is_plain);
    if fits { Ok(text.to_owned()) } else { Err("it may have letters, digits, dots, dashes and underscores".to_owned()) }
}

/// Bytes of an item in JSON, which is the longer way to write it, and of its compressed copy.
const USUAL_ITEM: u64 = 1500;
/// Each is a task, too.
const MOST_REQUESTS: usize = 100_000;
const USUAL_DURATION: Duration = Duration::from_secs(10);
