//! `sink`: what a load test is pointed at, on the command line.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{CONTENT_TYPE, HeaderValue};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::runtime::Builder;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::complain;
use crate::admin::{self, Route, Sent};
use crate::config::{
    CaReload, ClientCa, ListenAddress, LogLevel, Logs, PemSource, ServerTls, TlsTerms, listen_address, parse_duration,
};
use crate::flow::{Lifetime, Workers};
use crate::protocol::Protocol;
use crate::service::{self, Signals};
use crate::telemetry;
use crate::tools::sink::{Asked, BadAsk, Place, Report, Sink as Engine};
use crate::transport::server::{Listener, Terms, TlsServer};

/// Take OTLP at full speed, count it, keep nothing, and fail on demand: the target of a load test.
///
/// Both protocols are served on both ports, in every encoding. Items of otlp-relay load are told apart: what came twice
/// and what is missing is counted for each run. The admin address shows the counts (/api/status, /api/runs/RUN) and takes
/// other faults while the sink runs (/api/faults).
#[derive(Args, Debug)]
pub(super) struct Sink {
    /// Where OTLP/gRPC comes in.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:4317")]
    grpc: String,
    /// Where OTLP/HTTP comes in.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:4318")]
    http: String,
    /// Where the counts are shown and the faults are changed.
    #[arg(long, value_name = "ADDRESS", default_value = "localhost:4319")]
    admin: String,
    /// TLS with this certificate, a PEM file.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Its key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Clients must show a certificate of these authorities, a PEM file.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    client_ca_file: Option<PathBuf>,
    /// Faults with their shares of the requests, in a comma-separated list; may be repeated. A gRPC code
    /// (unavailable=5%, resource_exhausted=1%:retry_after=2s) or HTTP status (http_503=2%), each in the words of the
    /// client's protocol; hang, reset (of the connection), reset_request, lost_answer (taken, then reset),
    /// partial_success=3%:rejected=5, slow_read=10%:rate=16KiB.
    #[arg(long, value_name = "FAULTS")]
    fail: Vec<String>,
    /// How long answers wait: 20ms, uniform:10ms-50ms, normal:20ms,5ms, exponential:20ms or pareto:10ms,1.5.
    #[arg(long, value_name = "TIME")]
    latency: Option<String>,
    /// The largest request that is taken, such as 4MiB; 64MiB if nothing is said.
    #[arg(long, value_name = "SIZE")]
    max_request_bytes: Option<String>,
    /// Where chance begins: the same seed deals the same faults in the same order.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// How often the counts are shown: each second on a terminal, else every 5 s if something came.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    interval: Option<Duration>,
    /// End by itself after this time.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Print the counts as one JSON object at the end.
    #[arg(long)]
    json: bool,
}

/// Runs until a signal ends it; what it has counted, for people or as JSON.
pub(super) fn sink(asked: &Sink) -> Result<String, String> {
    let opening = Opening::of(asked)?;
    let engine = Engine::new(&asked.faults()).map_err(|BadAsk { key, why }| format!("{}: {why}", flag(key)))?;
    let logs = Logs { level: LogLevel::Warn, ..Logs::default() };
    telemetry::init_logs(&logs, &[]).map_err(|error| error.to_string())?;
    service::raise_limit();
    let system = |error: io::Error| error.to_string();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(system)?;
    let report = runtime.block_on(run(asked, opening, &engine))?;
    runtime.shutdown_background();
    Ok(report)
}

/// What is to be opened, checked as far as it can be without opening it.
struct Opening {
    grpc: ListenAddress,
    http: ListenAddress,
    admin: ListenAddress,
    tls: Option<Arc<TlsServer>>,
}

async fn run(asked: &Sink, opening: Opening, engine: &Arc<Engine>) -> Result<String, String> {
    let Opening { grpc, http, admin, tls } = opening;
    let [grpc_socket, http_socket, desk] =
        [bind("--grpc", &grpc).await?, bind("--http", &http).await?, bind("--admin", &admin).await?];
    let system = |error: io::Error| error.to_string();
    let (workers, lifetime) = (Workers::start().map_err(system)?, Lifetime::new());
    let terms = Terms { tls, ..Terms::default() };
    for (protocol, listener, elsewhere) in
        [(Protocol::Grpc, &grpc_socket, &http), (Protocol::Http, &http_socket, &grpc)]
    {
        let place = Place { listener, protocol, elsewhere, terms: terms.clone() };
        engine.serve(place, &workers, &lifetime).map_err(system)?;
    }
    let end = CancellationToken::new();
    let pages = desk.on_this_runtime().map_err(|error| format!("--admin: {error}; write HOST:PORT"))?;
    let pages = tokio::spawn(admin::serve(pages, route(Arc::clone(engine)), end.clone()));
    let first = engine.report();
    let signals = Signals::listen().map_err(system)?;
    complain(&format!("OTLP/gRPC on {grpc_socket}, OTLP/HTTP on {http_socket}, status and faults on http://{desk}\n"));
    tokio::select! {
        () = end_of(signals, asked.duration) => {}
        () = show(engine, &first, asked) => {}
    }
    lifetime.drain(GRACE).await;
    end.cancel();
    let _ = pages.await;
    let report = engine.report();
    Ok(if asked.json { format!("{}\n", report.to_json()) } else { summary(&report, &first) })
}

impl Sink {
    fn faults(&self) -> Asked {
        Asked {
            fail: self.fail.join(","),
            latency: self.latency.clone().unwrap_or_default(),
            max_request_bytes: self.max_request_bytes.clone().unwrap_or_default(),
            seed: self.seed,
        }
    }

    fn tls(&self) -> Option<ServerTls> {
        let (certificate, key) = self.cert_file.clone().zip(self.key_file.clone())?;
        let client_ca = self.client_ca_file.clone().map(|file| ClientCa { file, reload: CaReload::Never });
        let (certificate, key) = (PemSource::File(certificate), PemSource::File(key));
        Some(ServerTls { certificate, key, client_ca, terms: TlsTerms::default(), reload_interval: None })
    }
}

impl Opening {
    fn of(asked: &Sink) -> Result<Opening, String> {
        let address = |flag: &str, text: &str, usual_port| {
            listen_address(text, usual_port).map_err(|problem| format!("{flag} {text:?}: {problem}"))
        };
        let loaded = asked.tls().map(|tls| TlsServer::load(&tls, "--cert-file".to_owned())).transpose();
        let tls = loaded.map_err(|problem| format!("{}: {}", flag(problem.key), problem.what))?;
        Ok(Opening {
            grpc: address("--grpc", &asked.grpc, 4317)?,
            http: address("--http", &asked.http, 4318)?,
            admin: address("--admin", &asked.admin, 4319)?,
            tls: tls.map(Arc::new),
        })
    }
}

/// The flag for a key of TLS or of the faults.
fn flag(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

async fn bind(flag: &str, address: &ListenAddress) -> Result<Listener, String> {
    Listener::bind(address).await.map_err(|error| format!("{flag}: {error}"))
}

fn route(engine: Arc<Engine>) -> Route {
    Arc::new(move |request| {
        let body = request.extensions.get().map_or_else(Bytes::new, |Sent(body)| body.clone());
        let paper = engine.desk(&request.method, request.uri.path(), &body);
        let mut answer = http::Response::new(Bytes::from(paper.text));
        *answer.status_mut() = paper.status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(paper.content_type));
        Box::pin(std::future::ready(answer))
    })
}

/// Shows the counts again and again: a table that stands on a terminal, lines anywhere else.
async fn show(engine: &Engine, first: &Report, asked: &Sink) {
    let stands = io::stderr().is_terminal();
    let usual = if stands { TABLE_INTERVAL } else { LINE_INTERVAL };
    let mut ticks = interval(asked.interval.unwrap_or(usual).max(SHORTEST_INTERVAL));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    let mut before = first.clone();
    loop {
        ticks.tick().await;
        let now = engine.report();
        if stands {
            bar.set_message(now.table(&before));
        } else if now.total() != before.total() || now.faults != before.faults || now.refused != before.refused {
            complain(&format!("{}\n", now.line(&before)));
        }
        before = now;
    }
}

fn summary(report: &Report, first: &Report) -> String {
    format!("taken in {:.1} s\n{}", report.elapsed.as_secs_f64(), report.table(first))
}

/// Waits for any signal that ends a program, or for as long as `duration`.
async fn end_of(mut signals: Signals, duration: Option<Duration>) {
    let over = async {
        match duration {
            Some(duration) => sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = signals.next() => {}
        () = over => {}
    }
}

/// For requests in hand.
const GRACE: Duration = Duration::from_secs(2);

const TABLE_INTERVAL: Duration = Duration::from_secs(1);

const LINE_INTERVAL: Duration = Duration::from_secs(5);

const SHORTEST_INTERVAL: Duration = Duration::from_millis(50);
