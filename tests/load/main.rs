//! Does `load` send what it says, when it says, and tell what came of it? The built program against a real receiver.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod failing;
mod pacing;
mod sending;

use serde_json::Value;

use otlp_relay::payload::Payload;
use support::backend::Backend;
use support::cli::{self, Finished};
use support::client::Wire;
use support::export::{Export, Signal};

/// The signals that can be generated.
const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];
/// The attribute that carries an item's place in the run.
const SEQUENCE: &str = "otlp_relay.load.sequence";
/// The attribute that carries the run's name.
const RUN: &str = "otlp_relay.load.run";

/// The endpoint and the protocol flag for `wire`.
fn aim(backend: &Backend, wire: Wire) -> [String; 2] {
    let protocol = if wire == Wire::Grpc { "grpc" } else { "http/protobuf" };
    [format!("http://127.0.0.1:{}", backend.port(wire)), format!("--protocol={protocol}")]
}

/// `load` with `arguments`, to its end.
async fn load(arguments: &[&str]) -> Finished {
    let all: Vec<&str> = ["load"].into_iter().chain(arguments.iter().copied()).collect();
    cli::run(&all, &[]).await
}

/// What `load --json` over gRPC with `arguments` prints; it must exit with `code`.
async fn report(backend: &Backend, arguments: &[&str], code: i32) -> Value {
    let [endpoint, _] = aim(backend, Wire::Grpc);
    let all: Vec<&str> = [endpoint.as_str(), "--json"].into_iter().chain(arguments.iter().copied()).collect();
    let finished = load(&all).await;
    assert_eq!(finished.code, Some(code), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

/// The sequences of the accepted items of `signal`, sorted; each item also has the name of the run.
fn sequences(backend: &Backend, signal: Signal, run: &str) -> Vec<u64> {
    let exports = backend.accepted().into_iter().filter(|export| export.signal() == signal);
    let mut all = Vec::new();
    for piece in exports.flat_map(|export| export.pieces()) {
        assert_eq!(values(&piece, RUN, "stringValue"), [run], "{piece:?}");
        all.extend(values(&piece, SEQUENCE, "intValue").iter().map(|number| number.parse::<u64>().unwrap()));
    }
    all.sort_unstable();
    all
}

/// The values of the attribute `name` in `export`, however deep.
fn values(export: &Export, name: &str, kind: &str) -> Vec<String> {
    let signal = otlp_relay::signal::Signal::from_name(export.signal().name()).unwrap();
    let json = Payload::parse(signal, export.encode().into()).unwrap().to_json();
    let mut found = Vec::new();
    collect(&serde_json::from_slice(&json).unwrap(), name, kind, &mut found);
    found
}

fn collect(value: &Value, name: &str, kind: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.get("key").is_some_and(|key| key == name) {
                found.extend(fields["value"][kind].as_str().map(str::to_owned));
            }
            fields.values().for_each(|value| collect(value, name, kind, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, name, kind, found)),
        _ => {}
    }
}
