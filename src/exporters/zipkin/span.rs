//! How one span becomes one of Zipkin's.

use std::collections::BTreeMap;
use std::net::IpAddr;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde_json::{Map, json};

use super::wire;
use crate::exporters::debug::value::Plain;

/// Where spans are from.
pub(super) struct Source<'a> {
    pub(super) resource: &'a [KeyValue],
    pub(super) scope: Option<&'a InstrumentationScope>,
    /// The name of a service that has none.
    pub(super) nameless: &'a str,
}

impl Source<'_> {
    pub(super) fn span(&self, span: &Span) -> wire::Span {
        let service = text(self.resource, "service.name").filter(|name| !name.is_empty());
        let local = wire::Endpoint {
            service_name: service.unwrap_or_else(|| self.nameless.to_owned()),
            ..wire::Endpoint::default()
        };
        let parent = span.parent_span_id.iter().any(|byte| *byte != 0);
        wire::Span {
            trace_id: span.trace_id.clone(),
            parent_id: if parent { span.parent_span_id.clone() } else { Vec::new() },
            id: span.span_id.clone(),
            kind: kind(span.kind()),
            name: span.name.clone(),
            timestamp: micros(span.start_time_unix_nano),
            duration: duration(span),
            local_endpoint: Some(local),
            remote_endpoint: remote(span),
            annotations: span.events.iter().map(annotation).collect(),
            tags: self.tags(span),
            debug: false,
            shared: false,
        }
    }

    /// Attributes of the span win over those of its resource.
    fn tags(&self, span: &Span) -> BTreeMap<String, String> {
        let of_resource = self.resource.iter().filter(|pair| pair.key != "service.name");
        let mut tags: BTreeMap<String, String> = of_resource.chain(&span.attributes).map(pair).collect();
        let mut tag = |name: &str, value: String| drop(tags.insert(name.to_owned(), value));
        if let Some(scope) = self.scope {
            for (name, value) in [("otel.scope.name", &scope.name), ("otel.scope.version", &scope.version)] {
                if !value.is_empty() {
                    tag(name, value.clone());
                }
            }
        }
        if let Some(status) = &span.status {
            if let Some(code) = status_word(status) {
                tag("otel.status_code", code.to_owned());
            }
            if status.code() == StatusCode::Error {
                tag("error", status.message.clone());
            }
        }
        if !span.trace_state.is_empty() {
            tag("w3c.tracestate", span.trace_state.clone());
        }
        for (name, count) in [
            ("otel.dropped_attributes_count", span.dropped_attributes_count),
            ("otel.dropped_events_count", span.dropped_events_count),
            ("otel.dropped_links_count", span.dropped_links_count),
        ] {
            if count != 0 {
                tag(name, count.to_string());
            }
        }
        // Zipkin has no links: as the Collector does, each is a tag.
        for (index, link) in span.links.iter().enumerate() {
            tag(&format!("otlp.link.{index}"), linked(link));
        }
        tags
    }
}

fn kind(kind: SpanKind) -> i32 {
    match kind {
        SpanKind::Unspecified | SpanKind::Internal => wire::NO_KIND,
        SpanKind::Client => wire::CLIENT,
        SpanKind::Server => wire::SERVER,
        SpanKind::Producer => wire::PRODUCER,
        SpanKind::Consumer => wire::CONSUMER,
    }
}

/// At least a microsecond: to Zipkin nothing at all is a span that has not ended.
fn duration(span: &Span) -> u64 {
    let nanos = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
    micros(nanos).max(u64::from(span.end_time_unix_nano != 0))
}

fn micros(nanos: u64) -> u64 {
    nanos / 1000
}

/// Who was called, of a client or a producer, by the attributes that the specification ranks.
fn remote(span: &Span) -> Option<wire::Endpoint> {
    if !matches!(span.kind(), SpanKind::Client | SpanKind::Producer) {
        return None;
    }
    let first = |keys: &[&str]| keys.iter().find_map(|key| text(&span.attributes, key).filter(|text| !text.is_empty()));
    let address = first(&["network.peer.address", "server.socket.address", "net.sock.peer.addr", "net.peer.ip"]);
    let name = first(&["peer.service", "server.address", "net.peer.name", "server.socket.domain", "peer.hostname"]);
    let name = name.or_else(|| address.clone()).or_else(|| first(&["peer.address", "http.host", "db.name"]))?;
    let port = first(&["network.peer.port", "server.port", "net.sock.peer.port", "net.peer.port"]);
    let mut endpoint = wire::Endpoint {
        service_name: name,
        port: port.and_then(|port| port.parse::<u16>().ok()).map_or(0, i32::from),
        ..wire::Endpoint::default()
    };
    match address.and_then(|address| address.parse::<IpAddr>().ok()) {
        Some(IpAddr::V4(ip)) => endpoint.ipv4 = ip.octets().to_vec(),
        Some(IpAddr::V6(ip)) => endpoint.ipv6 = ip.octets().to_vec(),
        None => {}
    }
    Some(endpoint)
}

/// The name of an event, and its attributes as JSON where it has some.
fn annotation(event: &Event) -> wire::Annotation {
    let value = if event.attributes.is_empty() {
        event.name.clone()
    } else {
        json!({ &event.name: typed(&event.attributes) }).to_string()
    };
    wire::Annotation { timestamp: micros(event.time_unix_nano), value }
}

fn linked(link: &Link) -> String {
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let attributes = serde_json::Value::Object(typed(&link.attributes));
    format!(
        "{}|{}|{}|{attributes}|{}",
        hex(&link.trace_id),
        hex(&link.span_id),
        link.trace_state,
        link.dropped_attributes_count
    )
}

fn typed(attributes: &[KeyValue]) -> Map<String, serde_json::Value> {
    let value = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::BoolValue(truth)) => json!(truth),
        Some(Value::IntValue(number)) => json!(number),
        Some(Value::DoubleValue(number)) => json!(number),
        _ => json!(Plain(pair.value.as_ref()).to_string()),
    };
    attributes.iter().map(|pair| (pair.key.clone(), value(pair))).collect()
}

fn status_word(status: &Status) -> Option<&'static str> {
    match status.code() {
        StatusCode::Unset => None,
        StatusCode::Ok => Some("OK"),
        StatusCode::Error => Some("ERROR"),
    }
}

fn pair(pair: &KeyValue) -> (String, String) {
    (pair.key.clone(), Plain(pair.value.as_ref()).to_string())
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes.iter().rev().find(|pair| pair.key == key).map(|found| pair(found).1)
}
