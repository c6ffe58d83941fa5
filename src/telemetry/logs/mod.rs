//! How log lines look: one readable line or one JSON object for each event, on standard error.

mod console;
mod json;

use std::io::{self, BufWriter, IsTerminal, Write};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogEncoding, LogLevel};

pub use console::harmless;

use super::clock::Moment;

/// Sends the process's log to standard error from now on. A second call changes nothing.
///
/// Libraries speak only of what a person should look at, unless the level is debug. A line is written by the thread
/// that it comes from, under the lock of standard error: whoever reads it slowly slows the relay down, and no
/// line is lost.
pub fn init_logs(level: LogLevel, encoding: LogEncoding) {
    let paint = if io::stderr().is_terminal() && no_color_is_unset() { Paint::Ansi } else { Paint::Plain };
    let lines = Lines { encoding, paint, writer: || io::stderr().lock() };
    // Whoever came first keeps the log.
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets(level))).try_init();
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
    encoding: LogEncoding,
    paint: Paint,
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
        Lines { encoding, paint: Paint::Plain, writer }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut out = BufWriter::new(self.writer.make_writer());
        let now = Moment::now();
        let written = match self.encoding {
            LogEncoding::Console => console::write(&mut out, now, event, self.paint),
            LogEncoding::Json => json::write(&mut out, now, event),
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
    Targets::new().with_default(theirs).with_target(env!("CARGO_CRATE_NAME"), ours)
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
        for (target, least) in [("otlp_relay::service", ours), ("h2::client", theirs)] {
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
        init_logs(LogLevel::Error, LogEncoding::Console);
        init_logs(LogLevel::Debug, LogEncoding::Json);
    }

    #[test]
    fn level_words_are_the_collectors() {
        assert_eq!(log_level(" WARN "), Some(LogLevel::Warn));
        assert_eq!(log_level("fatal"), Some(LogLevel::Error));
        assert_eq!(log_level("loud"), None);
    }
}
