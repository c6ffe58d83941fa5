//! Spans of HTTP services, about 600 bytes each.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::{Dice, END, Order, SPAN_ID, START, TRACE_ID, int, marks, pair, resource, scope, text};

pub(super) fn request(order: &Order<'_>) -> Vec<u8> {
    let mut dice = order.dice(0x7370_616e);
    let mut scopes = SCOPES.map(|name| ScopeSpans { scope: Some(scope(name)), ..ScopeSpans::default() });
    for (sequence, number) in order.items() {
        let span = span(order, sequence, number, &mut dice);
        // Of every four spans one is a call to another service.
        let scope = usize::from(span.kind == SpanKind::Client as i32);
        scopes[scope].spans.push(span);
    }
    let scope_spans = scopes.into_iter().filter(|scope| !scope.spans.is_empty()).collect();
    let spans = ResourceSpans { resource: Some(resource(order)), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![spans] }.encode_to_vec()
}

fn span(order: &Order<'_>, sequence: u64, number: u64, dice: &mut Dice) -> Span {
    let (method, route) = dice.pick(&ROUTES).unwrap_or_default();
    let status = dice.pick(&STATUSES).unwrap_or(200);
    let kind = if number % 4 == 3 { SpanKind::Client } else { SpanKind::Server };
    let has_parent = dice.below(8) > 0;
    let has_event = dice.below(7) == 0;
    Span {
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        parent_span_id: if has_parent { dice.id() } else { Vec::new() },
        name: format!("{method} {route}"),
        kind: kind as i32,
        start_time_unix_nano: START,
        end_time_unix_nano: END,
        attributes: attributes(order, sequence, dice, method, route, status),
        events: if has_event { vec![exception()] } else { Vec::new() },
        status: (status >= 500)
            .then(|| Status { message: "upstream timeout".to_owned(), code: StatusCode::Error as i32 }),
        flags: 0x101,
        ..Span::default()
    }
}

fn attributes(
    order: &Order<'_>,
    sequence: u64,
    dice: &mut Dice,
    method: &str,
    route: &str,
    status: i64,
) -> Vec<KeyValue> {
    let id = dice.below(10_000_000).to_string();
    let client = format!("10.32.{}.{}", dice.below(255), dice.below(255));
    let thread = dice.below(64);
    let mut attributes = vec![
        text("http.request.method", method),
        text("http.route", route),
        text("url.path", &route.replace("{id}", &id)),
        text("url.scheme", "https"),
        int("http.response.status_code", status),
        text("server.address", "checkout.shop.svc.cluster.local"),
        int("server.port", 8443),
        text("client.address", &client),
        text("network.protocol.version", "1.1"),
        text("user_agent.original", "okhttp/4.12.0 (Linux; Android 14)"),
        int("thread.id", 20 + i64::try_from(thread).unwrap_or(0)),
        text("thread.name", &format!("http-8443-exec-{thread}")),
        pair("app.cart.total", Value::DoubleValue(dice.below(50_000) as f64 / 100.0)),
        pair("app.user.premium", Value::BoolValue(dice.below(5) == 0)),
    ];
    attributes.extend(marks(order, sequence, dice));
    attributes
}

fn exception() -> Event {
    Event {
        time_unix_nano: END,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "java.net.SocketTimeoutException"),
            text("exception.message", "Read timed out after 2000 ms"),
        ],
        ..Event::default()
    }
}

const SCOPES: [&str; 2] = ["io.opentelemetry.tomcat-10.0", "io.opentelemetry.okhttp-3.0"];
const ROUTES: [(&str, &str); 5] = [
    ("GET", "/api/v2/products/{id}"),
    ("GET", "/api/v2/cart/{id}/items"),
    ("POST", "/api/v2/cart/{id}/items"),
    ("POST", "/api/v2/checkout"),
    ("PUT", "/api/v2/users/{id}/addresses"),
];
const STATUSES: [i64; 20] =
    [200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 201, 201, 204, 304, 404, 500];
