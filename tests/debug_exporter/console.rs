//! What is written beside the relay's log, and where.

use otlp_relay::config::{Debug, DebugOutput, Verbosity};
use otlp_relay::ident::ComponentId;
use otlp_relay::signal::Signal;
use prost::Message;

use crate::samples::{logs, metrics, profiles, traces};
use crate::{export, settings};

/// Exports one request twice and compares what the file then holds.
#[track_caller]
fn check<M: Message + Clone>(signal: Signal, verbosity: Verbosity, request: M, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("debug.txt");
    std::fs::write(&path, "from before\n").unwrap();
    let output = DebugOutput::Paths(vec![path.to_str().unwrap().to_owned()]);
    export(signal, Debug { output, ..settings(verbosity) }, &[request.clone(), request]);
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text, format!("from before\n{expected}{expected}"), "\n--- got\n{text}");
}

#[test]
fn summaries_are_a_name_and_json_behind_a_tab() {
    check(Signal::Traces, Verbosity::Basic, traces(), "Traces\t{\"resource spans\": 1, \"spans\": 2}\n");
    let expected = "Metrics\t{\"resource metrics\": 1, \"metrics\": 6, \"data points\": 7}\n";
    check(Signal::Metrics, Verbosity::Basic, metrics(), expected);
    check(Signal::Logs, Verbosity::Basic, logs(), "Logs\t{\"resource logs\": 1, \"log records\": 2}\n");
    let expected = "Profiles\t{\"resource profiles\": 1, \"sample records\": 1}\n";
    check(Signal::Profiles, Verbosity::Basic, profiles(), expected);
}

/// The block ends its last line itself, and the entry ends with one more end of line.
#[test]
fn blocks_stand_for_themselves() {
    let expected = concat!(
        "Logs\t{\"resource logs\": 1, \"log records\": 2}\n",
        "ResourceLog #0\n",
        "ScopeLog #0 [https://s]\n",
        "two\nlines \\u{1b}[31m k=v l=w\n",
        " \n",
        "\n",
    );
    check(Signal::Logs, Verbosity::Normal, logs(), expected);
}

#[test]
fn an_output_that_cannot_be_opened_is_a_problem_at_start() {
    let id = std::sync::Arc::new(ComponentId::parse("debug").unwrap());
    let output = DebugOutput::Paths(vec!["stdout".to_owned(), "/nowhere/at/all".to_owned()]);
    let opened = otlp_relay::exporters::debug::Debug::open(id, &Debug { output, ..settings(Verbosity::Basic) });
    let problem = opened.err().unwrap();
    assert_eq!(problem.index, 1);
    assert!(problem.to_string().starts_with("cannot open \"/nowhere/at/all\": "), "{problem}");
}
