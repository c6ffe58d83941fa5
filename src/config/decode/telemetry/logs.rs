//! How the relay's log looks and where it goes: `service::telemetry::logs`.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::model::{LogEncoding, LogLevel, LogOutput, LogSampling, Logs};
use crate::config::plain::plain;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

/// Reads `logs`.
pub(super) fn read(mut section: Section<'_>) -> Logs {
    let default = Logs::default();
    let logs = Logs {
        level: section.text_value("level").and_then(|level| level.level(LEVELS, DEBUG)).unwrap_or(default.level),
        encoding: section.choice("encoding", ENCODINGS).unwrap_or(default.encoding),
        outputs: section.value("output_paths").map_or(default.outputs, |paths| outputs(&paths)),
        error_outputs: section.value("error_output_paths").map_or(default.error_outputs, |paths| outputs(&paths)),
        sampling: section.value("sampling").and_then(Reading::section).and_then(sampling),
        initial_fields: fields(&mut section, "initial_fields"),
        without_resource: section.boolean("disable_zap_resource").unwrap_or(default.without_resource),
    };
    section.rest(REST);
    section.finish();
    logs
}

fn outputs(paths: &Reading<'_>) -> Vec<LogOutput> {
    paths.words().into_iter().filter_map(|(path, at)| output(&path, &at)).collect()
}

fn output(path: &str, at: &Reading<'_>) -> Option<LogOutput> {
    let file = match path.split_once("://") {
        Some(("file", path)) => path.strip_prefix("localhost").unwrap_or(path),
        Some((scheme, _)) => {
            at.refuse(at.fault(format!("no sink found for scheme {scheme:?}")).hint("write stderr, stdout or a path"));
            return None;
        }
        None => path,
    };
    match file {
        "stderr" => Some(LogOutput::Stderr),
        "stdout" => Some(LogOutput::Stdout),
        "" => {
            at.wrong("the path of a log file is empty");
            None
        }
        file => Some(LogOutput::File(PathBuf::from(file))),
    }
}

/// On once it is written, with the Collector's numbers.
fn sampling(mut section: Section<'_>) -> Option<LogSampling> {
    let enabled = section.enabled();
    let tick = section.duration("tick", "'tick' must be non-negative").unwrap_or(Duration::from_secs(10));
    let initial = section.unsigned("initial").unwrap_or(10);
    let thereafter = section.unsigned("thereafter").unwrap_or(100);
    section.finish();
    enabled.then_some(LogSampling { tick, initial, thereafter })
}

fn fields(section: &mut Section<'_>, key: &'static str) -> Vec<(String, serde_json::Value)> {
    let fields = section.value(key).and_then(Reading::section).into_iter().flat_map(Section::into_entries);
    fields.map(|(entry, _)| (entry.key.clone(), plain(&entry.value))).collect()
}

/// The number of the first level.
const DEBUG: i128 = -1;

const LEVELS: &[(&str, LogLevel)] = &[
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warn", LogLevel::Warn),
    ("error", LogLevel::Error),
    ("dpanic", LogLevel::Error),
    ("panic", LogLevel::Error),
    ("fatal", LogLevel::Error),
];

const ENCODINGS: &[(&str, LogEncoding)] = &[("console", LogEncoding::Console), ("json", LogEncoding::Json)];

const LINES: &str = "the relay writes its lines in one way";
const REST: &[(&str, Rule)] = &[
    ("development", Rule::Fixed("false", LINES)),
    ("disable_caller", Rule::Fixed("true", LINES)),
    ("disable_stacktrace", Rule::Fixed("true", LINES)),
    ("processors", Rule::NoEffect("the relay writes its log, and sends it nowhere")),
];
