//! Do the examples of the failure table hold: is the mended one valid, and the broken one what its class says?

use otlp_relay::failure::Class;

use super::*;

/// Everything that an example leaves out.
const BASE: &str = "\
receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: }
exporters:
  otlp_grpc: {endpoint: 'http://backend:4317'}
  otlp_http: {endpoint: 'http://backend:4318'}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc, otlp_http]}
";

/// What an example comes to on top of [`BASE`]; nothing if it is a command.
fn loaded(example: &str) -> Option<Result<Config, Problems>> {
    let margin = example.lines().find(|line| !line.is_empty()).map_or(0, |line| line.len() - line.trim_start().len());
    let lines: Vec<&str> = example.lines().map(|line| line.get(margin..).unwrap_or_default()).collect();
    let text = lines.join("\n").trim().to_owned();
    let is_yaml = ["receivers:", "processors:", "exporters:"].iter().any(|section| text.starts_with(section));
    let locations = vec![format!("yaml:{BASE}"), format!("yaml:{text}")];
    is_yaml.then(|| load(&Origin { locations, settings: vec![] }, &Played::default()))
}

#[test]
fn mended_examples_are_valid() {
    for class in Class::ALL {
        if let Some(Err(problems)) = loaded(class.row().mended) {
            panic!("{class}: {problems}");
        }
    }
}

#[test]
fn broken_examples_of_the_configuration_are_what_their_class_says() {
    let mut wrong = Vec::new();
    for class in Class::ALL.iter().filter(|class| class.is_configuration()) {
        let found: Vec<Problem> = match loaded(class.row().broken) {
            Some(Ok(config)) => config.warnings,
            Some(Err(problems)) => problems.iter().cloned().collect(),
            None => continue,
        };
        if found.iter().all(|problem| problem.mistake.class() != *class) {
            wrong.push(format!("{class}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
