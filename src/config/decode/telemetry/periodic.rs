//! Where the relay sends its own metrics: `readers::periodic`, in the declarative configuration's words.
//!
//! Those words are put into the ones of the `otlp_grpc` and `otlp_http` exporters, which read them.

use std::time::Duration;

use crate::config::decode::exporters;
use crate::config::model::{Exporter, PeriodicReader};
use crate::config::problem::Place;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};
use crate::config::yaml::{Entry, Node};

use super::metrics::READER_REST;

/// Reads `periodic`.
pub(super) fn read(mut section: Section<'_>) -> Option<PeriodicReader> {
    let interval = milliseconds(&mut section, "interval").unwrap_or(INTERVAL);
    let timeout = milliseconds(&mut section, "timeout").unwrap_or(TIMEOUT);
    let exporter = section.value("exporter").and_then(Reading::section);
    section.rest(READER_REST);
    let Some(mut exporter) = exporter else {
        section.whole().wrong("a periodic reader needs an exporter");
        return None;
    };
    section.finish();
    let written = EXPORTERS.iter().find_map(|(key, wire)| Some((exporter.value(key)?, *wire)));
    exporter.rest(&[("console", Rule::NoEffect("the relay prints its metrics nowhere; read /metrics"))]);
    if written.is_none() && !exporter.has("console") {
        exporter.whole().wrong("a periodic reader needs the exporter otlp");
    }
    exporter.finish();
    let (written, wire) = written?;
    Some(PeriodicReader { interval, exporter: otlp(written.section()?, wire, timeout)? })
}

/// Which exporter a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    /// What its `protocol` says.
    Named,
    Grpc,
    Http,
}

fn otlp(mut section: Section<'_>, wire: Wire, timeout: Duration) -> Option<Exporter> {
    let place = section.whole().node().place.clone();
    let mut keys = Keys { place, entries: Vec::new() };
    let wire = match section.choice("protocol", PROTOCOLS) {
        Some((wire, "proto")) => wire,
        Some((wire, encoding)) => {
            keys.text("encoding", encoding);
            wire
        }
        None if wire == Wire::Named => Wire::Http,
        None => wire,
    };
    let endpoint = section.value("endpoint").and_then(|value| Some((value.text()?, value.node().place.clone())));
    let (key, endpoint) = match (wire, endpoint) {
        (Wire::Grpc, endpoint) => ("endpoint", endpoint.unwrap_or_else(|| keys.default("http://localhost:4317"))),
        (_, endpoint) => of_http(endpoint.unwrap_or_else(|| keys.default("http://localhost:4318/v1/metrics"))),
    };
    keys.push(key, Node::text(endpoint.1, endpoint.0));
    keys.text("compression", section.text("compression").as_deref().unwrap_or("none"));
    if let Some(headers) = section.value("headers") {
        keys.push("headers", headers.node().clone());
    }
    let timeout = milliseconds(&mut section, "timeout").unwrap_or(timeout);
    keys.text("timeout", &format!("{}ms", timeout.as_millis()));
    tls(&mut section, &mut keys);
    section.rest(REST);
    let node = Node::map(keys.place.clone(), keys.entries);
    let mut exporter = section.whole().in_other_words(&node).section()?;
    section.finish();
    let exporter_read = match wire {
        Wire::Grpc => exporters::otlp_grpc(&mut exporter),
        Wire::Named | Wire::Http => exporters::otlp_http(&mut exporter),
    };
    exporter.finish();
    exporter_read
}

/// In the declarative configuration the endpoint is the whole URL, and the signal's path only where it has none.
fn of_http((text, place): (String, Place)) -> (&'static str, (String, Place)) {
    let behind = text.split_once("://").map_or(text.as_str(), |(_, behind)| behind);
    let path = behind.find('/').map_or("", |at| &behind[at..]);
    match path.trim_end_matches('/') {
        "" => ("endpoint", (text, place)),
        "/v1/metrics" => {
            let base = text.trim_end_matches('/').trim_end_matches("/v1/metrics").to_owned();
            ("endpoint", (base, place))
        }
        _ => ("metrics_endpoint", (text, place)),
    }
}

/// The keys about TLS, of earlier versions beside the endpoint and of today under `tls`.
fn tls(section: &mut Section<'_>, keys: &mut Keys) {
    let mut inside = Keys { place: keys.place.clone(), entries: Vec::new() };
    for (key, meant) in TLS {
        if let Some(value) = section.value(key) {
            inside.push(meant, value.node().clone());
        }
    }
    if let Some(value) = section.value("tls") {
        keys.push("tls", value.node().clone());
    } else if !inside.entries.is_empty() {
        keys.push("tls", Node::map(keys.place.clone(), inside.entries));
    }
}

/// Keys of an exporter in the making.
struct Keys {
    place: Place,
    entries: Vec<Entry>,
}

impl Keys {
    fn push(&mut self, key: &str, value: Node) {
        self.entries.push(Entry { key: key.to_owned(), place: value.place.clone(), value });
    }

    fn text(&mut self, key: &str, text: &str) {
        self.push(key, Node::text(self.place.clone(), text));
    }

    fn default(&self, text: &str) -> (String, Place) {
        (text.to_owned(), self.place.clone())
    }
}

/// The declarative configuration counts milliseconds.
fn milliseconds(section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
    let value = section.value(key)?;
    let millis = value.unsigned()?;
    if millis == 0 {
        value.wrong(format!("'{key}' must be greater than zero"));
        return None;
    }
    Some(Duration::from_millis(millis))
}

const INTERVAL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);
const EXPORTERS: [(&str, Wire); 3] = [("otlp", Wire::Named), ("otlp_grpc", Wire::Grpc), ("otlp_http", Wire::Http)];
const PROTOCOLS: &[(&str, (Wire, &str))] =
    &[("grpc", (Wire::Grpc, "proto")), ("http/protobuf", (Wire::Http, "proto")), ("http/json", (Wire::Http, "json"))];
const TLS: [(&str, &str); 4] = [
    ("insecure", "insecure"),
    ("certificate", "ca_file"),
    ("client_certificate", "cert_file"),
    ("client_key", "key_file"),
];
const CUMULATIVE: &str = "the relay's own metrics are cumulative, with explicit buckets";
const REST: &[(&str, Rule)] = &[
    ("temporality_preference", Rule::Fixed("cumulative", CUMULATIVE)),
    ("default_histogram_aggregation", Rule::Fixed("explicit_bucket_histogram", CUMULATIVE)),
    ("headers_list", Rule::NotYet),
    ("encoding", Rule::Only(&["protobuf"])),
];
