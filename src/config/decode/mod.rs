//! How the expanded tree becomes a checked configuration: each section, then what holds between them.

mod address;
mod components;
mod delivery;
mod endpoint;
mod exporters;
mod extensions;
mod headers;
mod loops;
mod processors;
mod receivers;
mod service;
mod telemetry;
mod tls;
mod upstream;

use super::model::Config;
use super::problem::{Places, Problems};
use super::reading::{Reading, Report};
use super::section::Section;
use super::yaml::{Node, Value};

use service::Written;

/// Reads the whole configuration in `root`, which came from `source`.
pub(super) fn decode(root: &Node, source: &str, report: Report) -> Result<Config, Problems> {
    let mut config = Config { source: source.to_owned(), ..Config::default() };
    note_places(root, "", &mut config.places);
    if let Some(mut top) = Section::open(Reading::root(&report, root)) {
        read(&mut top, &mut config);
        top.finish();
    }
    for problem in loops::find(&config, &config.places) {
        report.refuse(problem);
    }
    let (problems, mut warnings) = report.into_parts();
    if let Some(problems) = Problems::from_found(problems) {
        return Err(problems);
    }
    warnings.sort_by(|a, b| a.place.cmp(&b.place));
    config.warnings = warnings;
    Ok(config)
}

fn read(top: &mut Section<'_>, config: &mut Config) {
    let receivers = components::read(top, "receivers", components::RECEIVERS);
    let processors = components::read(top, "processors", components::PROCESSORS);
    let exporters = components::read(top, "exporters", components::EXPORTERS);
    let connectors = components::read(top, "connectors", components::CONNECTORS);
    let extensions = components::read(top, "extensions", components::EXTENSIONS);
    for (kind, written) in [("receiver", &receivers.written), ("exporter", &exporters.written)] {
        if written.is_empty() && connectors.written.is_empty() {
            top.whole().wrong(format!("no {kind} configuration specified in config"));
        }
    }
    let service = service::read(
        top,
        &Written {
            receivers: &receivers.written,
            processors: &processors.written,
            exporters: &exporters.written,
            connectors: &connectors.written,
            extensions: &extensions.written,
        },
    );
    config.receivers = receivers.read;
    config.processors = processors.read;
    config.exporters = exporters.read;
    config.extensions = extensions.read;
    config.pipelines = service.pipelines;
    config.started_extensions = service.extensions;
    config.telemetry = service.telemetry;
    config.shutdown_timeout = service.shutdown_timeout;
}

fn note_places(node: &Node, path: &str, places: &mut Places) {
    if !path.is_empty() {
        places.note(path.to_owned(), node.place.clone());
    }
    let prefix = if path.is_empty() { String::new() } else { format!("{path}::") };
    match &node.value {
        Value::Scalar(_) => {}
        Value::List(items) => {
            for (at, item) in items.iter().enumerate() {
                note_places(item, &format!("{prefix}{at}"), places);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                note_places(&entry.value, &format!("{prefix}{}", entry.key), places);
            }
        }
    }
}
