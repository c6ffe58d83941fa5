//! Do the real SDKs get through? Python and Node, over gRPC and HTTP/protobuf, through two relays to a receiver.
//!
//! Each client sends everything to the first relay and to a reference receiver at once; what comes out behind the relays
//! has to equal the reference, item by item. Without python3, node or their package registry a test says so and passes;
//! `OTLP_RELAY_REQUIRE_INTEROP=1` makes that a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;

use support::backend::Backend;
use support::cli::Process;
use support::client::{Coding, Wire};
use support::export::{Export, Signal, assert_same_items};
use support::interop::{Absence, installed};
use support::relay::Relay;
use support::setup::{Setup, exporter_type};

/// Spans, and log records, of one run.
const COUNT: usize = 600;
/// What a client that starts an interpreter and sends some thousand items may take on a loaded machine.
const RUN: Duration = Duration::from_secs(120);

#[tokio::test]
async fn python_over_grpc() {
    check_sdk(Language::Python, Protocol::Grpc, Coding::None).await;
}

#[tokio::test]
async fn python_over_grpc_with_gzip() {
    check_sdk(Language::Python, Protocol::Grpc, Coding::Gzip).await;
}

#[tokio::test]
async fn python_over_http() {
    check_sdk(Language::Python, Protocol::Http, Coding::None).await;
}

#[tokio::test]
async fn python_over_http_with_gzip() {
    check_sdk(Language::Python, Protocol::Http, Coding::Gzip).await;
}

#[tokio::test]
async fn node_over_grpc() {
    check_sdk(Language::Node, Protocol::Grpc, Coding::None).await;
}

#[tokio::test]
async fn node_over_grpc_with_gzip() {
    check_sdk(Language::Node, Protocol::Grpc, Coding::Gzip).await;
}

#[tokio::test]
async fn node_over_http() {
    check_sdk(Language::Node, Protocol::Http, Coding::None).await;
}

#[tokio::test]
async fn node_over_http_with_gzip() {
    check_sdk(Language::Node, Protocol::Http, Coding::Gzip).await;
}

#[tokio::test]
async fn node_in_json() {
    check_sdk(Language::Node, Protocol::Json, Coding::None).await;
}

#[tokio::test]
async fn node_in_json_with_gzip() {
    check_sdk(Language::Node, Protocol::Json, Coding::Gzip).await;
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Grpc,
    Http,
    Json,
}

impl Protocol {
    fn wire(self) -> Wire {
        match self {
            Protocol::Grpc => Wire::Grpc,
            Protocol::Http | Protocol::Json => Wire::Http,
        }
    }

    /// The word for it on the client's command line.
    fn name(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
            Protocol::Json => "json",
        }
    }

    /// How the second hop is to be encoded.
    fn settings(self) -> &'static str {
        match self {
            Protocol::Json => "compression: none, encoding: json",
            Protocol::Grpc | Protocol::Http => "compression: none",
        }
    }
}

/// The second hop goes over the other wire than the client used.
async fn check_sdk(language: Language, protocol: Protocol, coding: Coding) {
    let Some(sdk) = language.installed() else { return };
    let wire = protocol.wire();
    let (reference, behind) = (Backend::start(), Backend::start());
    let second = Relay::start(&Setup::forwarding(wire, &behind, protocol.settings())).await;
    let hop = if wire == Wire::Grpc { Wire::Http } else { Wire::Grpc };
    let first = Setup::new().export_to(exporter_type(hop), hop, second.ports.receiver(hop), "compression: gzip");
    let first = Relay::start(&first).await;

    let client = sdk.client(protocol, coding, first.ports.receiver(wire), reference.port(wire));
    let finished = client.finish_within(RUN).await;
    assert_eq!(finished.code, Some(0), "the client failed: {}{}", finished.stdout, finished.stderr);

    first.stop_without_loss().await;
    second.stop_without_loss().await;
    check_known(&reference, language, coding);
    assert_same_items(&exports(&reference), &exports(&behind));
}

fn exports(backend: &Backend) -> Vec<Export> {
    backend.accepted().iter().map(|export| Export::clone(export)).collect()
}

/// That the client did send what it was written for, so that two empty sides are no success.
fn check_known(reference: &Backend, language: Language, coding: Coding) {
    assert!(reference.records().iter().all(|record| record.encoding == coding.token()), "compressed as asked");
    assert_eq!(reference.accepted_ids(Signal::Traces), (1..=COUNT as u64).collect::<Vec<_>>());
    let exports = reference.accepted();
    let items = |signal| exports.iter().filter(|e| e.signal() == signal).map(|e| e.items()).sum::<u64>();
    assert_eq!(items(Signal::Logs), COUNT as u64);
    // Five instruments, ten attribute sets, three collections.
    assert!(items(Signal::Metrics) >= 150, "{} data points", items(Signal::Metrics));
    let spans: Vec<Span> = exports.iter().flat_map(spans_of).collect();
    let parent = spans.iter().find(|span| span.name == "parent").expect("a parent");
    assert_eq!(sorted(&parent.attributes), sorted(&known_attributes()), "attributes of {language:?}");
}

fn spans_of(export: &Arc<Export>) -> Vec<Span> {
    match export.as_ref() {
        Export::Traces(request) => {
            let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
            scopes.flat_map(|scope| scope.spans.clone()).collect()
        }
        _ => Vec::new(),
    }
}

fn sorted(attributes: &[KeyValue]) -> BTreeSet<String> {
    attributes.iter().map(|attribute| format!("{attribute:?}")).collect()
}

/// `ATTRIBUTES` of both clients.
fn known_attributes() -> Vec<KeyValue> {
    let list = |values: Vec<Value>| {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Value::ArrayValue(ArrayValue { values })
    };
    let text = |text: &str| Value::StringValue(text.to_owned());
    let all = [
        ("test.string", text("grüße \u{1f30d}")),
        ("test.empty", text("")),
        ("test.bool", Value::BoolValue(true)),
        ("test.int", Value::IntValue(-9_007_199_254_740_991)),
        ("test.double", Value::DoubleValue(0.1)),
        ("test.strings", list(vec![text("a"), text(""), text("ß")])),
        ("test.bools", list(vec![Value::BoolValue(true), Value::BoolValue(false)])),
        ("test.ints", list(vec![Value::IntValue(1), Value::IntValue(-2)])),
        ("test.doubles", list(vec![Value::DoubleValue(0.5), Value::DoubleValue(-1.25)])),
    ];
    let pair = |(key, value): (&str, Value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    all.into_iter().map(pair).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Python,
    Node,
}

/// An SDK that is ready to run.
struct Sdk {
    language: Language,
    place: PathBuf,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Node => "node",
        }
    }

    /// Installs the SDK unless it is there. None, after a word about why, where it cannot be had.
    fn installed(self) -> Option<Sdk> {
        let place = installed(self.name(), Absence::FailsInCi)?;
        Some(Sdk { language: self, place })
    }
}

impl Sdk {
    /// Starts the client program.
    fn client(&self, protocol: Protocol, coding: Coding, target: u16, reference: u16) -> Process {
        let mut command = match self.language {
            Language::Python => {
                let mut command = Command::new(self.place.join("venv/bin/python"));
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/python/client.py"));
                command
            }
            Language::Node => {
                let mut command = Command::new("node");
                command.arg(self.place.join("client.js"));
                command
            }
        };
        command.args(["--protocol", protocol.name(), "--compression", coding.name(), "--count", &COUNT.to_string()]);
        command.args(["--target", &format!("http://127.0.0.1:{target}")]);
        command.args(["--reference", &format!("http://127.0.0.1:{reference}")]);
        // A proxy for the world outside must not come between two local programs.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        Process::spawn(self.language.name(), command)
    }
}
