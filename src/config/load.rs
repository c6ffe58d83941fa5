//! Where a configuration comes from: the file that was named, a file in a usual place, or the embedded default.

use std::path::Path;
use std::sync::Arc;

use super::decode::decode;
use super::default;
use super::environment::Environment;
use super::expand::expand;
use super::model::Config;
use super::problem::{Mistake, Place, Problem, Problems};
use super::reading::Report;
use super::yaml::{Document, Value, parse};

/// What the command line says about the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The values of `--config`, in order: paths or URIs.
    Files(Vec<String>),
    /// No `--config`: a file in a usual place, or the embedded default.
    Default,
}

/// Reads and checks a configuration. Opens its file and nothing else.
///
/// # Errors
/// Every problem of the text at once, or the one that kept it from being read.
pub fn load(origin: &Origin, env: &dyn Environment) -> Result<Config, Problems> {
    let path = match origin {
        Origin::Files(values) => file_of(values)?,
        Origin::Default => match USUAL_PLACES.into_iter().find(|path| env.exists(Path::new(path))) {
            Some(path) => path.to_owned(),
            None => return embedded(env),
        },
    };
    let bytes = env.read(Path::new(&path)).map_err(|error| {
        let problem = Problem::new(None, "", format!("unable to read the file {path}: {error}"));
        problem.hint("check the path as this process sees it: inside a container, the file must be mounted")
    })?;
    let source: Arc<str> = path.as_str().into();
    let text = String::from_utf8(bytes)
        .map_err(|error| not_utf8(error.as_bytes(), error.utf8_error().valid_up_to(), &source))?;
    from_text(&text, &source, env)
}

fn embedded(env: &dyn Environment) -> Result<Config, Problems> {
    let report = Report::default();
    let root = default::tree(env, &report);
    decode(&root, default::SOURCE, env, report)
}

fn from_text(text: &str, source: &Arc<str>, env: &dyn Environment) -> Result<Config, Problems> {
    let Document { root, found, second } = parse(text, source)?;
    let start = Place { source: source.clone(), line: 1, column: 1 };
    let Some(root) = root.filter(|root| !root.is_null()) else {
        return Err(Problem::new(Some(start), "", "empty configuration file").into());
    };
    if !matches!(root.value, Value::Map(_)) {
        let problem = Problem::new(Some(start), "", "the configuration is no map of sections");
        return Err(problem.hint("write receivers:, exporters: and service:").into());
    }
    let report = Report::default();
    if let Some(place) = second {
        let what = "a second YAML document begins here; only the first is read";
        report.warn(Problem::new(Some(place), "", what));
    }
    let (root, remarks) = expand(root, env);
    for problem in found.into_iter().chain(remarks.found) {
        report.refuse(problem);
    }
    for warning in remarks.warnings {
        report.warn(warning);
    }
    decode(&root, source, env, report)
}

/// The one file among the values of `--config`.
fn file_of(values: &[String]) -> Result<String, Problem> {
    let [value] = values else {
        let what = match values.len() {
            0 => "at least one config flag must be provided",
            _ => "several --config sources are not supported by otlp-relay yet",
        };
        return Err(Problem::new(None, "", what).hint("name one file: --config relay.yaml"));
    };
    if let Some(path) = value.strip_prefix("file:") {
        return Ok(path.to_owned());
    }
    for scheme in ["env", "yaml", "http", "https"] {
        if value.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':')) {
            let what = format!("the Collector's configuration source \"{scheme}:\" is not supported by otlp-relay yet");
            return Err(Problem::new(None, "", what).hint("name a file").is(Mistake::NotSupportedYet));
        }
    }
    Ok(value.clone())
}

fn not_utf8(bytes: &[u8], valid: usize, source: &Arc<str>) -> Problem {
    let before = bytes.get(..valid).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let in_line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let column = String::from_utf8_lossy(in_line).chars().count() + 1;
    let place = Place { source: source.clone(), line, column };
    Problem::new(Some(place), "", "the text is not UTF-8").hint("save the file as UTF-8")
}

/// Where packages of the Collector keep their configuration.
const USUAL_PLACES: [&str; 2] = ["/etc/otelcol/config.yaml", "/etc/otelcol-contrib/config.yaml"];
