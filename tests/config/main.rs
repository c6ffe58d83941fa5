//! What a configuration text leads to: the model, or problems with place and mend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod authenticators;
mod components;
mod connectors;
mod defaults;
mod describe;
mod everything;
mod examples;
mod exporters;
mod fallbacks;
mod links;
mod parts;
mod queues;
mod reference;
mod running;
mod shipped;
mod sources;
mod surface;
mod texts;
mod transport;

use std::collections::HashMap;
use std::io;
use std::path::Path;

use otlp_relay::config::{Config, Environment, FetchError, Mistake, Origin, Problem, Problems, load};
use otlp_relay::ident::ComponentId;

/// An environment that a test makes up.
#[derive(Default)]
struct Played {
    variables: HashMap<&'static str, &'static str>,
    files: HashMap<&'static str, Vec<u8>>,
}

impl Environment for Played {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }

    fn exists(&self, path: &Path) -> bool {
        path.to_str().is_some_and(|path| self.files.contains_key(path))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path.ends_with("directory") {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        path.to_str().and_then(|path| self.files.get(path)).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn fetch(&self, url: &http::Uri) -> Result<Vec<u8>, FetchError> {
        self.files.get(url.to_string().as_str()).cloned().ok_or(FetchError::Status(404))
    }
}

type Variables<'v> = &'v [(&'static str, &'static str)];

fn load_with(variables: Variables<'_>, text: impl Into<Vec<u8>>) -> Result<Config, Problems> {
    let files = HashMap::from([("c.yaml", text.into())]);
    let env = Played { variables: variables.iter().copied().collect(), files };
    load(&Origin { locations: vec!["c.yaml".to_owned()], ..Origin::default() }, &env)
}

#[track_caller]
fn good(text: &str) -> Config {
    load_with(&[], text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

fn shown<'p>(problems: impl IntoIterator<Item = &'p Problem>) -> Vec<String> {
    problems.into_iter().map(ToString::to_string).collect()
}

/// Every problem of `text`, in order, as a person reads it.
#[track_caller]
fn check_problems(variables: Variables<'_>, text: &str, expected: &[&str]) {
    let problems = load_with(variables, text).expect_err("problems");
    assert_eq!(shown(problems.iter()), expected, "{text}");
}

/// Every warning of `text`, in order.
#[track_caller]
fn check_warnings(variables: Variables<'_>, text: &str, expected: &[&str]) {
    let config = load_with(variables, text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(shown(&config.warnings), expected, "{text}");
}

#[track_caller]
fn check_mistake(text: &str, mistake: Mistake) {
    let problems = load_with(&[], text).expect_err("a problem");
    assert!(problems.iter().any(|problem| problem.mistake == mistake), "{problems}");
}

/// A configuration around one exporter, which stands on line 4.
fn with_exporter(exporter: &str) -> String {
    let id = exporter.split(':').next().unwrap();
    format!(
        "receivers:\n  nop:\nexporters:\n  {exporter}\n\
         service: {{pipelines: {{traces: {{receivers: [nop], exporters: [{id}]}}}}}}\n"
    )
}

/// A configuration around one processor, which stands on line 4.
fn with_processor(processor: &str) -> String {
    let id = processor.split(':').next().unwrap();
    format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nprocessors:\n  {processor}\n\
         service: {{pipelines: {{traces: {{receivers: [nop], processors: [{id}], exporters: [nop]}}}}}}\n"
    )
}

/// A configuration around an otlp receiver, which stands on line 3.
fn with_receiver(receiver: &str) -> String {
    format!(
        "exporters: {{nop: }}\nreceivers:\n  {receiver}\n\
         service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}\n"
    )
}

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).unwrap()
}
