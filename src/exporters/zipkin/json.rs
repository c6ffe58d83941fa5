//! Zipkin's JSON: ids in hexadecimal digits, and nothing for what is not there.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::wire;

/// The list as an array.
pub(super) fn write(list: &wire::ListOfSpans) -> String {
    Value::Array(list.spans.iter().map(span).collect()).to_string()
}

fn span(span: &wire::Span) -> Value {
    let mut shown = Map::new();
    let mut show = |key: &str, value: Value| drop(shown.insert(key.to_owned(), value));
    show("traceId", json!(hex(&span.trace_id)));
    show("id", json!(hex(&span.id)));
    if !span.parent_id.is_empty() {
        show("parentId", json!(hex(&span.parent_id)));
    }
    if let Some(kind) = KINDS.iter().find(|(number, _)| *number == span.kind) {
        show("kind", json!(kind.1));
    }
    show("name", json!(span.name));
    for (key, time) in [("timestamp", span.timestamp), ("duration", span.duration)] {
        if time != 0 {
            show(key, json!(time));
        }
    }
    for (key, endpoint) in [("localEndpoint", &span.local_endpoint), ("remoteEndpoint", &span.remote_endpoint)] {
        if let Some(endpoint) = endpoint {
            show(key, endpoint_of(endpoint));
        }
    }
    if !span.annotations.is_empty() {
        let of = |annotation: &wire::Annotation| json!({"timestamp": annotation.timestamp, "value": annotation.value});
        show("annotations", span.annotations.iter().map(of).collect());
    }
    if !span.tags.is_empty() {
        show("tags", json!(span.tags));
    }
    Value::Object(shown)
}

fn endpoint_of(endpoint: &wire::Endpoint) -> Value {
    let mut shown = Map::new();
    shown.insert("serviceName".to_owned(), json!(endpoint.service_name));
    if let Ok(octets) = <[u8; 4]>::try_from(&*endpoint.ipv4) {
        shown.insert("ipv4".to_owned(), json!(Ipv4Addr::from(octets).to_string()));
    }
    if let Ok(octets) = <[u8; 16]>::try_from(&*endpoint.ipv6) {
        shown.insert("ipv6".to_owned(), json!(Ipv6Addr::from(octets).to_string()));
    }
    if endpoint.port != 0 {
        shown.insert("port".to_owned(), json!(endpoint.port));
    }
    Value::Object(shown)
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

const KINDS: &[(i32, &str)] =
    &[(wire::CLIENT, "CLIENT"), (wire::SERVER, "SERVER"), (wire::PRODUCER, "PRODUCER"), (wire::CONSUMER, "CONSUMER")];
