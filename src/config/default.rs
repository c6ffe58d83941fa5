//! What runs without any configuration: OTLP in, forwarded to where the standard OTEL_EXPORTER_OTLP_* variables point.
//!
//! Without an endpoint everything is printed by the debug exporter. The protocol is `OTEL_EXPORTER_OTLP_PROTOCOL`; where
//! that is not set it is gRPC for an endpoint on port 4317 and http/protobuf, the default of the OpenTelemetry
//! specification, for any other.

use super::environment::Environment;
use super::problem::{Mistake, Place, Problem};
use super::reading::Report;
use super::yaml::{Entry, Node, Provenance, Scalar, Style, Value};

use crate::signal::Signal;

/// How the embedded default is called in messages.
pub(super) const SOURCE: &str = "embedded default";

/// The tree of the embedded default; a value from a variable has the variable for its place.
pub(super) fn tree(env: &dyn Environment, report: &Report) -> Node {
    let (exporter, settings) = match Variable::read(env, "ENDPOINT") {
        Some(endpoint) => forward(&endpoint, env, report),
        None => ("debug", map([])),
    };
    let ends = |key: &'static str, id: &str| (key, list([id]));
    let pipelines =
        Signal::ALL.map(|signal| (signal.name(), map([ends("receivers", "otlp"), ends("exporters", exporter)])));
    map([
        ("receivers", map([("otlp", map([("protocols", map([("grpc", map([])), ("http", map([]))]))]))])),
        ("exporters", map([(exporter, settings)])),
        ("extensions", map([("health_check", map([]))])),
        ("service", map([("extensions", list(["health_check"])), ("pipelines", map(pipelines))])),
    ])
}

/// A variable that is set to something.
struct Variable {
    place: Place,
    value: String,
}

impl Variable {
    /// `OTEL_EXPORTER_OTLP_<name>`. Empty is the same as not set (OpenTelemetry specification, "SDK environment
    /// variables").
    fn read(env: &dyn Environment, name: &str) -> Option<Variable> {
        let name = format!("OTEL_EXPORTER_OTLP_{name}");
        let value = env.var(&name).filter(|value| !value.is_empty())?;
        let place = Place { source: format!("environment variable {name}").into(), line: 0, column: 0 };
        Some(Variable { place, value })
    }

    fn node(&self) -> Node {
        Node::text(self.place.clone(), self.value.clone())
    }

    fn problem(&self, what: impl Into<String>) -> Problem {
        Problem::new(Some(self.place.clone()), "", what)
    }
}

/// The exporter's type and settings.
fn forward(endpoint: &Variable, env: &dyn Environment, report: &Report) -> (&'static str, Node) {
    let (exporter, encoding) = protocol(endpoint, env, report);
    let mut settings = vec![("endpoint", endpoint.node())];
    settings.extend(encoding.map(|encoding| ("encoding", Node::text(nowhere(), encoding))));
    settings.extend(tls(endpoint, env).map(|tls| ("tls", tls)));
    settings.extend(Variable::read(env, "HEADERS").map(|headers| ("headers", header_list(&headers, report))));
    settings.extend(Variable::read(env, "COMPRESSION").map(|compression| ("compression", compression.node())));
    settings.extend(Variable::read(env, "TIMEOUT").map(|timeout| ("timeout", milliseconds(&timeout, report))));
    (exporter, map(settings))
}

/// The exporter's type and its encoding, where that is not the default.
fn protocol(endpoint: &Variable, env: &dyn Environment, report: &Report) -> (&'static str, Option<&'static str>) {
    let Some(protocol) = Variable::read(env, "PROTOCOL") else {
        let on_grpc_port = endpoint.value.trim_end_matches('/').ends_with(":4317");
        return if on_grpc_port { ("otlp_grpc", None) } else { ("otlp_http", None) };
    };
    match protocol.value.as_str() {
        "grpc" => ("otlp_grpc", None),
        "http/protobuf" => ("otlp_http", None),
        "http/json" => ("otlp_http", Some("json")),
        other => {
            let problem = protocol.problem(format!("unknown protocol {other:?}"));
            report.refuse(problem.hint("write grpc, http/protobuf or http/json"));
            ("otlp_http", None)
        }
    }
}

/// The scheme decides where there is one (OpenTelemetry specification, "OTLP Exporter Configuration").
fn tls(endpoint: &Variable, env: &dyn Environment) -> Option<Node> {
    let at = |place: &Place| boolean(place.clone(), "true");
    if endpoint.value.starts_with("http://") {
        return Some(map([("insecure", at(&endpoint.place))]));
    }
    let mut entries = Vec::new();
    for (key, name) in [("ca_file", "CERTIFICATE"), ("key_file", "CLIENT_KEY"), ("cert_file", "CLIENT_CERTIFICATE")] {
        entries.extend(Variable::read(env, name).map(|file| (key, file.node())));
    }
    let insecure = Variable::read(env, "INSECURE").filter(|insecure| insecure.value.eq_ignore_ascii_case("true"));
    if !endpoint.value.contains("://") {
        entries.extend(insecure.map(|insecure| ("insecure", at(&insecure.place))));
    }
    if entries.is_empty() { None } else { Some(map(entries)) }
}

/// `k=v,k2=v2`, percent-encoded (the W3C Baggage header's format).
fn header_list(variable: &Variable, report: &Report) -> Node {
    let mut entries: Vec<Entry> = Vec::new();
    let pairs = variable.value.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty());
    for (at, pair) in pairs {
        let parts = pair.split_once('=').map(|(name, value)| (decode(name.trim()), decode(value.trim())));
        let Some((Some(key), Some(value))) = parts else {
            let problem = variable.problem(format!("member {} is no key=value, percent-encoded", at + 1));
            report.refuse(problem.hint("write key=value,key2=value2").is(Mistake::InvalidHeader));
            continue;
        };
        let value = Node::text(variable.place.clone(), value);
        entries.push(Entry { key, place: variable.place.clone(), value });
    }
    Node::map(variable.place.clone(), entries)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(if is_hex { u8::from_str_radix(digits, 16).ok()? } else { return None });
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn milliseconds(variable: &Variable, report: &Report) -> Node {
    let is_number = variable.value.chars().all(|c| c.is_ascii_digit());
    if !is_number {
        let problem = variable.problem("the timeout is a whole number of milliseconds");
        report.refuse(problem.hint("write 10000 for ten seconds"));
        return Node::text(variable.place.clone(), "0");
    }
    Node::text(variable.place.clone(), format!("{}ms", variable.value))
}

fn map(entries: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    let entries = entries.into_iter().map(|(key, value)| Entry { key: key.to_owned(), place: nowhere(), value });
    Node::map(nowhere(), entries.collect())
}

fn list<'t>(items: impl IntoIterator<Item = &'t str>) -> Node {
    let items = items.into_iter().map(|item| Node::text(nowhere(), item)).collect();
    Node { place: nowhere(), value: Value::List(items), provenance: Provenance::default() }
}

fn boolean(place: Place, text: &str) -> Node {
    let scalar = Scalar { text: text.to_owned(), style: Style::Plain };
    Node { place, value: Value::Scalar(scalar), provenance: Provenance::default() }
}

fn nowhere() -> Place {
    Place { source: SOURCE.into(), line: 0, column: 0 }
}
