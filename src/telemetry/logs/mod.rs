//! How log lines look: one readable line or one JSON object for each event, on standard error unless told otherwise; and
//! how another configuration changes that while the program runs.

mod console;
mod json;
mod outputs;
mod sampling;

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::Value;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

use crate::config::{LogEncoding, LogLevel, Logs};

pub use console::harmless;

use super::clock::Moment;

pub use outputs::LogFileError;
use outputs::Outputs;
use sampling::Sampler;

/// The process's log, which another configuration may change.
#[derive(Debug)]
pub struct LogControl {
    form: Arc<ArcSwap<Form<Outputs>>>,
    level: reload::Handle<Targets, Registry>,
}

/// What a configuration makes of the log, ready to be put in force: its files are open.
#[derive(Debug)]
pub struct PreparedLog {
    form: Form<Outputs>,
    targets: Targets,
}

/// Sends the process's log where `logs` says from now on; JSON lines carry `resource`, if there is any. A second call
/// changes nothing, and what it answers controls nothing.
///
/// Libraries speak only of what a person should look at, unless the level is debug. A line is written by the thread
/// that it comes from, under the lock of its output: whoever reads it slowly slows the relay down, and no line is lost.
///
/// # Errors
/// When a log file cannot be opened.
pub fn init_logs(logs: &Logs, resource: &[(String, Value)]) -> Result<LogControl, LogFileError> {
    let PreparedLog { form, targets } = LogControl::prepare(logs, resource)?;
    let lines = Lines { form: Arc::new(ArcSwap::from_pointee(form)) };
    let form = Arc::clone(&lines.form);
    let (filter, level) = reload::Layer::new(targets);
    // Whoever came first keeps the log.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    Ok(LogControl { form, level })
}

impl LogControl {
    /// Opens what `logs` asks for. Nothing of the log that is written is touched.
    ///
    /// # Errors
    /// When a log file cannot be opened.
    pub fn prepare(logs: &Logs, resource: &[(String, Value)]) -> Result<PreparedLog, LogFileError> {
        let writer = Outputs::open(&logs.outputs, &logs.error_outputs)?;
        let paint = if writer.is_terminal() && no_color_is_unset() { Paint::Ansi } else { Paint::Plain };
        let resource = if logs.without_resource { &[] } else { resource };
        let suffix = match logs.encoding {
            LogEncoding::Console => console::fields(&logs.initial_fields),
            LogEncoding::Json => json::fields(&logs.initial_fields, resource),
        };
        let sampler = logs.sampling.map(Sampler::new);
        let form = Form { encoding: logs.encoding, paint, suffix, sampler, writer };
        Ok(PreparedLog { form, targets: targets(logs.level) })
    }

    /// Writes the log as `prepared` from the next line on. Files are the ones that now have their names, even if the
    /// settings are the same: whoever moves a log file away asks for a reload then.
    pub fn enforce(&self, prepared: PreparedLog) {
        let PreparedLog { form, targets } = prepared;
        self.form.store(Arc::new(form));
        // It fails only where the log is somebody else's.
        let _ = self.level.reload(targets);
    }
}

/// The level that a word means, as in `OTEL_LOG_LEVEL` and `service::telemetry::logs::level`; case does not matter.
pub fn log_level(word: &str) -> Option<LogLevel> {
    match word.trim().to_ascii_lowercase().as_str() {
        "debug" | "trace" | "all" | "verbose" => Some(LogLevel::Debug),
        "info" => Some(LogLevel::Info),
        "warn" | "warning" => Some(LogLevel::Warn),
        "error" | "dpanic" | "panic" | "fatal" => Some(LogLevel::Error),
        _ => None,
    }
}

/// A layer that writes each event as one line. Everything is written straight through, however long it is.
#[derive(Debug)]
pub struct Lines<W> {
    form: Arc<ArcSwap<Form<W>>>,
}

/// How lines look, and where they go.
#[derive(Debug)]
struct Form<W> {
    encoding: LogEncoding,
    paint: Paint,
    /// What every line ends with, already written out.
    suffix: Vec<u8>,
    sampler: Option<Sampler>,
    writer: W,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Plain,
    Ansi,
}

impl<W> Lines<W> {
    /// Lines in `encoding`, without colours, to what `writer` makes.
    pub fn new(encoding: LogEncoding, writer: W) -> Lines<W> {
        let form = Form { encoding, paint: Paint::Plain, suffix: Vec::new(), sampler: None, writer };
        Lines { form: Arc::new(ArcSwap::from_pointee(form)) }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let now = Moment::now();
        let form = self.form.load();
        if form.sampler.as_ref().is_some_and(|sampler| !sampler.passes(event, now)) {
            return;
        }
        let mut out = BufWriter::new(form.writer.make_writer());
        let written = match form.encoding {
            LogEncoding::Console => console::write(&mut out, now, event, form.paint, &form.suffix),
            LogEncoding::Json => json::write(&mut out, now, event, &form.suffix),
        };
        // There is nowhere left to complain to.
        let _ = written.and_then(|()| out.flush());
    }
}

/// What a visitor of fields writes to, and whether that has worked so far.
struct Visitor<W> {
    out: W,
    result: io::Result<()>,
}

impl<W> Visitor<W> {
    fn new(out: W) -> Visitor<W> {
        Visitor { out, result: Ok(()) }
    }

    fn then(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.result.is_ok() {
            self.result = write(&mut self.out);
        }
    }
}

fn targets(level: LogLevel) -> Targets {
    let ours = filter(level);
    let theirs = if level == LogLevel::Debug { ours } else { ours.min(LevelFilter::WARN) };
    // A warning of h2 is a connection that it has ended for its client's sake: clients must not write the log. What it notes
    // of each frame, and hyper of how connections end, holds the words of peers as they come: a secret of ours, maybe.
    Targets::new()
        .with_default(theirs)
        .with_target("h2", LevelFilter::ERROR)
        .with_target("hyper::proto::h2::client", theirs.min(LevelFilter::INFO))
        .with_target(env!("CARGO_CRATE_NAME"), ours)
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    }
}

/// <https://no-color.org>: set and not empty means no colours.
fn no_color_is_unset() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[34m",
    }
}

/// The name that `tracing` gives to the message among the fields.
const MESSAGE: &str = "message";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(level: LogLevel, ours: Level, theirs: Level) {
        for (target, least) in [("otlp_relay::service", ours), ("hyper::client", theirs)] {
            for shown in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG] {
                assert_eq!(targets(level).would_enable(target, &shown), shown <= least, "{level:?} {target} {shown}");
            }
        }
    }

    #[test]
    fn libraries_speak_only_up_unless_everything_is_asked_for() {
        check(LogLevel::Debug, Level::DEBUG, Level::DEBUG);
        check(LogLevel::Info, Level::INFO, Level::WARN);
        check(LogLevel::Warn, Level::WARN, Level::WARN);
        check(LogLevel::Error, Level::ERROR, Level::ERROR);
    }

    #[test]
    fn logs_may_be_set_up_twice() {
        let logs = |level, encoding| Logs { level, encoding, ..Logs::default() };
        assert!(init_logs(&logs(LogLevel::Error, LogEncoding::Console), &[]).is_ok());
        assert!(init_logs(&logs(LogLevel::Debug, LogEncoding::Json), &[]).is_ok());
    }

    #[test]
    fn level_words_are_the_collectors() {
        assert_eq!(log_level(" WARN "), Some(LogLevel::Warn));
        assert_eq!(log_level("fatal"), Some(LogLevel::Error));
        assert_eq!(log_level("loud"), None);
    }
}
