//! The requests that every bench measures with.

// Each bench includes the whole module and uses a part of it.
#![allow(dead_code, unreachable_pub)]

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use prost::Message;

/// Ids must not compress: SplitMix64's finalizer.
fn scrambled(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Spans of some 600 bytes each, as a web service with a database makes them.
pub fn request(spans: u64) -> Bytes {
    let text = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    };
    let attributes = |number: u64| {
        let (customer, order) = (scrambled(number) % 100_000, scrambled(number + 1) % 10_000_000);
        let url = format!("https://shop.example.com/api/v2/customers/{customer}/orders/{order}?expand=lines,payments");
        vec![
            text("http.request.method", "GET"),
            text("http.route", "/api/v2/customers/{customer}/orders/{order}"),
            text("url.full", &url),
            text("db.system", "postgresql"),
            text("db.statement", "SELECT id, customer, created_at, total FROM orders WHERE customer = $1 AND id = $2"),
            text("server.address", "orders.shop.svc.cluster.local"),
            text(
                "user_agent.original",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36",
            ),
        ]
    };
    let span = |number: u64| Span {
        trace_id: [scrambled(number), scrambled(!number)].map(u64::to_be_bytes).concat(),
        span_id: scrambled(number + 7).to_be_bytes().to_vec(),
        name: "GET /api/v2/customers/{customer}/orders/{order}".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_790_000_000_000_000_000 + number,
        end_time_unix_nano: 1_790_000_000_250_000_000 + number,
        attributes: attributes(number),
        ..Span::default()
    };
    let scope = InstrumentationScope { name: "bench".to_owned(), version: "1".to_owned(), ..Default::default() };
    let resource = Resource { attributes: vec![text("service.name", "orders")], ..Default::default() };
    let scope_spans =
        ScopeSpans { scope: Some(scope), spans: (0..spans).map(span).collect(), schema_url: String::new() };
    let resource_spans =
        ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], schema_url: String::new() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec().into()
}

/// `body` as a payload.
pub fn parsed(body: &Bytes) -> Payload {
    Payload::parse(Signal::Traces, body.clone()).unwrap()
}
