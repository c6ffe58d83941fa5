//! How the expanded tree becomes a checked configuration: each section, then what holds between them.

mod address;
mod attributes;
mod auth;
mod authenticators;
mod components;
mod compression;
mod connectors;
mod delivery;
mod dialects;
mod directories;
mod endpoint;
mod exporters;
mod extensions;
mod fallback;
mod file;
mod headers;
mod http_surface;
mod keepalive;
mod links;
mod loops;
mod matching;
mod misplaced;
mod processors;
mod products;
mod prometheus;
mod proxies;
mod receivers;
mod retryable;
mod scrape;
mod server_tls;
mod service;
mod storage;
mod targets;
mod telemetry;
mod tls;
mod tls_terms;
mod unused;
mod upstream;
mod uses;

pub use endpoint::listen_address;
pub use proxies::{ProxyVariable, why_direct};

use super::environment::Environment;
use super::model::Config;
use super::problem::{Places, Problems};
use super::reading::{Reading, Report};
use super::section::Section;
use super::yaml::{Node, Value};

use service::Written;

/// A configuration whose problems have not been looked at yet.
pub(super) struct Decoded(Config);

/// Reads the whole configuration in `root`, which came from `source`.
pub(super) fn decode(root: &Node, source: &str, env: &dyn Environment, report: &Report) -> Decoded {
    let mut config = Config { source: source.to_owned(), ..Config::default() };
    note_places(root, &mut String::new(), &mut { MAX_PATHS }, &mut config.places);
    if let Some(mut top) = Section::open(Reading::root(report, root)) {
        read(&mut top, &mut config, report);
        top.finish();
    }
    proxies::choose(&mut config, env, report);
    storage::dangling(&config).into_iter().for_each(|problem| report.refuse(problem));
    auth::attach(root, &mut config, report);
    let unfit = targets::missing(&config).into_iter().chain(connectors::check(&config));
    let unfit = unfit.chain(misplaced::find(&config)).chain(attributes::misplaced(&config));
    unfit.for_each(|problem| report.refuse(problem));
    for problem in loops::find(&config, &config.places) {
        // Where it is checked, a variable may well have another value than where it is run: the run refuses it.
        if root.at(&problem.path).is_some_and(Node::is_from_variable) {
            report.warn(problem);
        } else {
            report.refuse(problem);
        }
    }
    Decoded(config)
}

impl Decoded {
    /// The configuration with the warnings of `report`, or all its problems.
    pub(super) fn settled(self, report: Report) -> Result<Config, Problems> {
        let Decoded(mut config) = self;
        let (problems, mut warnings) = report.into_parts();
        let (problems, harmless) = unused::part(problems, &config);
        warnings.extend(harmless);
        if let Some(problems) = Problems::from_found(problems) {
            return Err(problems);
        }
        warnings.sort_by(|a, b| a.place.cmp(&b.place));
        config.warnings = warnings;
        Ok(config)
    }
}

fn read(top: &mut Section<'_>, config: &mut Config, report: &Report) {
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
    config.connectors = connectors.read;
    config.extensions = extensions.read;
    config.pipelines = service.pipelines;
    config.started_extensions = service.extensions;
    config.telemetry = service.telemetry;
    config.shutdown_timeout = service.shutdown_timeout;
    fallback::check(config, &exporters.written).into_iter().for_each(|problem| report.refuse(problem));
}

/// Notes the place of each value below `path`, as long as the paths stay within `budget` bytes.
fn note_places(node: &Node, path: &mut String, budget: &mut usize, places: &mut Places) {
    if !path.is_empty() {
        let Some(left) = budget.checked_sub(path.len()) else { return };
        *budget = left;
        places.note(path.clone(), node.place.clone());
    }
    let outer = path.len();
    let mut inside = |key: &str, node: &Node| {
        if outer != 0 {
            path.push_str("::");
        }
        path.push_str(key);
        note_places(node, path, budget, places);
        path.truncate(outer);
    };
    match &node.value {
        Value::Scalar(_) => {}
        Value::List(items) => items.iter().enumerate().for_each(|(at, item)| inside(&at.to_string(), item)),
        Value::Map(entries) => entries.iter().for_each(|entry| inside(&entry.key, &entry.value)),
    }
}

/// Far above what the paths of a real configuration add up to.
const MAX_PATHS: usize = 16 << 20;
