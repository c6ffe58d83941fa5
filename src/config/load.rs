//! Where a configuration comes from: the sources that were named, a file in a usual place, or the embedded default;
//! and what `--set` puts on top.

use std::path::Path;

use super::decode::decode;
use super::default;
use super::describe::{Description, Learned, Secrets};
use super::embedded;
use super::environment::Environment;
use super::expand::expand;
use super::merge::{merge, setting};
use super::model::Config;
use super::problem::{Place, Problem, Problems};
use super::reading::Report;
use super::source::{Location, Source};
use super::yaml::{Document, Node, Value};

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The values of `--config`, in order: paths or URIs. Without any: a file in a usual place, or the embedded default.
    pub locations: Vec<String>,
    /// The values of `--set`, in order: `a.b.c=value`. They come after all locations.
    pub settings: Vec<String>,
}

/// Reads and checks a configuration. Opens its sources and nothing else.
///
/// # Errors
/// Every problem of the text at once, or the one that kept it from being read.
pub fn load(origin: &Origin, env: &dyn Environment) -> Result<Config, Problems> {
    let Read { root, name, report } = read(origin, env)?;
    decode(&root, &name, env, &report).settled(report)
}

/// What the configuration is, with its defaults, and whether it is good.
///
/// # Errors
/// The problem that kept it from being read.
pub fn describe(
    origin: &Origin,
    env: &dyn Environment,
    secrets: Secrets,
) -> Result<(Description, Result<Config, Problems>), Problems> {
    let Read { root, name, report } = read(origin, env)?;
    let decoded = decode(&root, &name, env, &report);
    let description = Description::of(&root, &report.take_notes(), secrets);
    Ok((description, decoded.settled(report)))
}

/// What the decoder says of the keys of a configuration, good or not.
///
/// # Errors
/// The problem that kept it from being read.
pub fn learn(origin: &Origin, env: &dyn Environment) -> Result<Learned, Problems> {
    let Read { root, name, report } = read(origin, env)?;
    // What is wrong with the values is not asked for.
    let _ = decode(&root, &name, env, &report);
    Ok(report.take_notes().learned)
}

/// A configuration that was read and not decoded yet.
struct Read {
    root: Node,
    name: String,
    report: Report,
}

fn read(origin: &Origin, env: &dyn Environment) -> Result<Read, Problems> {
    let report = Report::default();
    let settings = read_settings(&origin.settings, &report)?;
    let usual = || USUAL_PLACES.into_iter().find(|path| env.exists(Path::new(path))).map(str::to_owned);
    let locations = match origin.locations.as_slice() {
        [] => usual().into_iter().collect(),
        named => named.to_vec(),
    };
    if locations.is_empty() {
        // The embedded default holds values of variables, which are never expanded again.
        let settings = settings.map(|settings| expanded(settings, env, &report));
        let mut root = default::tree(env, &report);
        settings.into_iter().for_each(|settings| merge(&mut root, settings));
        return Ok(Read { root, name: default::SOURCE.to_owned(), report });
    }
    let (mut root, names) = read_all(&locations, env, &report)?;
    settings.into_iter().for_each(|settings| merge(&mut root, settings));
    if matches!(&root.value, Value::Map(entries) if entries.is_empty()) {
        return Err(Problem::new(Some(root.place), "", "empty configuration file").into());
    }
    let root = expanded(root, env, &report);
    Ok(Read { root, name: names.join(", "), report })
}

/// One tree of all sources, and their names.
fn read_all(locations: &[String], env: &dyn Environment, report: &Report) -> Result<(Node, Vec<String>), Problems> {
    let mut whole: Option<Node> = None;
    let mut names = Vec::new();
    for location in locations {
        let source = Location::parse(location).and_then(|location| location.read(env))?;
        let root = tree_of(&source, report)?;
        names.push(source.name.to_string());
        match &mut whole {
            Some(whole) => merge(whole, root),
            None => whole = Some(root),
        }
    }
    let nothing = || Problem::new(None, "", "at least one config flag must be provided");
    Ok((whole.ok_or_else(nothing)?, names))
}

/// The map in `source`; an empty text is an empty map.
fn tree_of(source: &Source, report: &Report) -> Result<Node, Problem> {
    let document = source.document()?;
    let start = Place { source: source.name.clone(), line: 1, column: 1 };
    match noted(document, report) {
        Some(root) if matches!(root.value, Value::Map(_)) => match embedded::around(&root, source) {
            Some(problem) => Err(problem),
            None => Ok(root),
        },
        Some(root) if !root.is_null() => {
            let problem = Problem::new(Some(start), "", "the configuration is no map of sections");
            Err(problem.hint("write receivers:, exporters: and service:"))
        }
        _ => Ok(Node::map(start, Vec::new())),
    }
}

/// One tree of all `settings`.
fn read_settings(settings: &[String], report: &Report) -> Result<Option<Node>, Problem> {
    let mut whole: Option<Node> = None;
    for text in settings {
        let Some(root) = noted(setting(text)?, report) else { continue };
        match &mut whole {
            Some(whole) => merge(whole, root),
            None => whole = Some(root),
        }
    }
    Ok(whole)
}

/// The tree of `document`, whose remarks are kept.
fn noted(document: Document, report: &Report) -> Option<Node> {
    let Document { root, found, second } = document;
    found.into_iter().for_each(|problem| report.refuse(problem));
    if let Some(place) = second {
        let what = "a second YAML document begins here; only the first is read";
        report.warn(Problem::new(Some(place), "", what));
    }
    root
}

fn expanded(root: Node, env: &dyn Environment, report: &Report) -> Node {
    let (root, remarks) = expand(root, env);
    remarks.found.into_iter().for_each(|problem| report.refuse(problem));
    remarks.warnings.into_iter().for_each(|warning| report.warn(warning));
    root
}

/// Where packages of the Collector keep their configuration.
const USUAL_PLACES: [&str; 2] = ["/etc/otelcol/config.yaml", "/etc/otelcol-contrib/config.yaml"];
