//! What runs without any configuration: OTLP in, forwarded to where the standard OTEL_EXPORTER_OTLP_* variables point.
//!
//! Without an endpoint everything is printed by the debug exporter. A signal with variables of its own
//! (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) has an exporter of its own. The protocol is `OTEL_EXPORTER_OTLP_PROTOCOL`; where
//! that is not set it is gRPC for an endpoint on port 4317 and http/protobuf, the default of the OpenTelemetry
//! specification, for any other.

use super::environment::Environment;
use super::percent;
use super::problem::{Mistake, Place, Problem};
use super::reading::Report;
use super::yaml::{Entry, Node, Provenance, Scalar, Style, Value};

use crate::signal::Signal;

/// How the embedded default is called in messages.
pub(super) const SOURCE: &str = "embedded default";

/// The tree of the embedded default; a value from a variable has the variable for its place.
pub(super) fn tree(env: &dyn Environment, report: &Report) -> Node {
    let mut exporters: Vec<(String, Node)> = Vec::new();
    let pipelines = Signal::ALL.map(|signal| {
        let scope = Scope::of(signal, env);
        let id = scope.id();
        if !exporters.iter().any(|(known, _)| *known == id) {
            exporters.push((id.clone(), scope.settings(report)));
        }
        (signal.name(), map([("receivers", list(["otlp"])), ("exporters", list([id.as_str()]))]))
    });
    map([
        (
            "receivers",
            map([("otlp", map([("protocols", map([("grpc", map::<&str>([])), ("http", map::<&str>([]))]))]))]),
        ),
        ("exporters", map(exporters)),
        ("extensions", map([("health_check", map::<&str>([]))])),
        ("service", map([("extensions", list(["health_check"])), ("pipelines", map(pipelines))])),
    ])
}

/// The variables that count for one signal: its own, such as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, before those of all.
struct Scope<'e> {
    env: &'e dyn Environment,
    /// Nothing where the signal has no variables of its own.
    signal: Option<Signal>,
}

impl<'e> Scope<'e> {
    fn of(signal: Signal, env: &'e dyn Environment) -> Scope<'e> {
        let is_own = NAMES.into_iter().any(|name| Variable::read(env, &own_name(signal, name)).is_some());
        Scope { env, signal: is_own.then_some(signal) }
    }

    fn read(&self, name: &str) -> Option<Variable> {
        let own = self.signal.and_then(|signal| Variable::read(self.env, &own_name(signal, name)));
        own.or_else(|| Variable::read(self.env, name))
    }

    /// The exporter: `otlp_http`, or `otlp_http/traces` where the signal has variables of its own.
    fn id(&self) -> String {
        let Some(endpoint) = self.read("ENDPOINT") else { return "debug".to_owned() };
        let exporter = protocol(&endpoint, self, &Report::default()).exporter();
        match self.signal {
            Some(signal) => format!("{exporter}/{signal}"),
            None => exporter.to_owned(),
        }
    }

    fn settings(&self, report: &Report) -> Node {
        match self.read("ENDPOINT") {
            Some(endpoint) => forward(&endpoint, self, report),
            None => map::<&str>([]),
        }
    }
}

fn own_name(signal: Signal, name: &str) -> String {
    format!("{}_{name}", signal.name().to_ascii_uppercase())
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

/// The exporter's settings.
fn forward(endpoint: &Variable, scope: &Scope<'_>, report: &Report) -> Node {
    // A URL of the signal's own is taken as it is (OpenTelemetry specification, "Endpoint URLs for OTLP/HTTP").
    let of_signal = scope.signal.filter(|signal| Variable::read(scope.env, &own_name(*signal, "ENDPOINT")).is_some());
    let wire = protocol(endpoint, scope, report);
    let key = match of_signal {
        Some(signal) if wire != Wire::Grpc => signal.facts().endpoint_key,
        _ => "endpoint",
    };
    let mut settings = vec![(key, endpoint.node())];
    settings.extend((wire == Wire::HttpJson).then(|| ("encoding", Node::text(nowhere(), "json"))));
    settings.extend(tls(endpoint, scope).map(|tls| ("tls", tls)));
    settings.extend(scope.read("HEADERS").map(|headers| ("headers", header_list(&headers, report))));
    settings.extend(scope.read("COMPRESSION").map(|compression| ("compression", compression.node())));
    settings.extend(scope.read("TIMEOUT").map(|timeout| ("timeout", milliseconds(&timeout, report))));
    map(settings)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Grpc,
    Http,
    HttpJson,
}

impl Wire {
    fn exporter(self) -> &'static str {
        match self {
            Wire::Grpc => "otlp_grpc",
            Wire::Http | Wire::HttpJson => "otlp_http",
        }
    }
}

fn protocol(endpoint: &Variable, scope: &Scope<'_>, report: &Report) -> Wire {
    let Some(protocol) = scope.read("PROTOCOL") else {
        let on_grpc_port = endpoint.value.trim_end_matches('/').ends_with(":4317");
        return if on_grpc_port { Wire::Grpc } else { Wire::Http };
    };
    match protocol.value.as_str() {
        "grpc" => Wire::Grpc,
        "http/protobuf" => Wire::Http,
        "http/json" => Wire::HttpJson,
        other => {
            let problem = protocol.problem(format!("unknown protocol {other:?}"));
            report.refuse(problem.hint("write grpc, http/protobuf or http/json"));
            Wire::Http
        }
    }
}

/// The scheme decides where there is one (OpenTelemetry specification, "OTLP Exporter Configuration").
fn tls(endpoint: &Variable, scope: &Scope<'_>) -> Option<Node> {
    let at = |place: &Place| boolean(place.clone(), "true");
    if endpoint.value.starts_with("http://") {
        return Some(map([("insecure", at(&endpoint.place))]));
    }
    let mut entries = Vec::new();
    for (key, name) in [("ca_file", "CERTIFICATE"), ("key_file", "CLIENT_KEY"), ("cert_file", "CLIENT_CERTIFICATE")] {
        entries.extend(scope.read(name).map(|file| (key, file.node())));
    }
    let insecure = scope.read("INSECURE").filter(|insecure| insecure.value.eq_ignore_ascii_case("true"));
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
        let parts =
            pair.split_once('=').map(|(name, value)| (percent::decode(name.trim()), percent::decode(value.trim())));
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

fn milliseconds(variable: &Variable, report: &Report) -> Node {
    let is_number = variable.value.chars().all(|c| c.is_ascii_digit());
    if !is_number {
        let problem = variable.problem("the timeout is a whole number of milliseconds");
        report.refuse(problem.hint("write 10000 for ten seconds"));
        return Node::text(variable.place.clone(), "0");
    }
    Node::text(variable.place.clone(), format!("{}ms", variable.value))
}

fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Node)>) -> Node {
    let entries = entries.into_iter().map(|(key, value)| Entry { key: key.into(), place: nowhere(), value });
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

/// The variables that a signal may have for itself.
const NAMES: [&str; 9] = [
    "ENDPOINT",
    "PROTOCOL",
    "HEADERS",
    "COMPRESSION",
    "TIMEOUT",
    "CERTIFICATE",
    "CLIENT_KEY",
    "CLIENT_CERTIFICATE",
    "INSECURE",
];
