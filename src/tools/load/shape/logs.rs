//! Log records of a service: access lines, mostly, each within a trace.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use prost::Message;

use super::{Dice, END, Order, SPAN_ID, TRACE_ID, any, int, marks, resource, scope, text};

pub(super) fn request(order: &Order<'_>) -> Vec<u8> {
    let mut dice = order.dice(0x6c6f_6773);
    let log_records = order.sequences.clone().map(|sequence| record(order, sequence, &mut dice)).collect();
    let scope_logs =
        vec![ScopeLogs { scope: Some(scope("com.shop.checkout.AccessLog")), log_records, ..ScopeLogs::default() }];
    let logs = ResourceLogs { resource: Some(resource(order)), scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![logs] }.encode_to_vec()
}

fn record(order: &Order<'_>, sequence: u64, dice: &mut Dice) -> LogRecord {
    let (number, severity) = dice.pick(&SEVERITIES).unwrap_or((SeverityNumber::Info, "INFO"));
    let (cart, took) = (dice.below(10_000_000), dice.below(900));
    let thread = dice.below(64);
    let mut attributes = vec![
        text("log.logger", "com.shop.checkout.AccessLog"),
        text("thread.name", &format!("http-8443-exec-{thread}")),
        text("client.address", &format!("10.32.{}.{}", dice.below(255), dice.below(255))),
        text("user_agent.original", "okhttp/4.12.0 (Linux; Android 14)"),
        int("http.response.status_code", 200),
    ];
    attributes.extend(marks(order, sequence, dice));
    let body =
        format!("POST /api/v2/cart/{cart}/items answered in {took} ms: 3 items, reserved until the cart is paid");
    LogRecord {
        time_unix_nano: END,
        observed_time_unix_nano: END,
        severity_number: number as i32,
        severity_text: severity.to_owned(),
        body: Some(any(Value::StringValue(body))),
        attributes,
        flags: 1,
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        ..LogRecord::default()
    }
}

const SEVERITIES: [(SeverityNumber, &str); 8] = [
    (SeverityNumber::Info, "INFO"),
    (SeverityNumber::Info, "INFO"),
    (SeverityNumber::Info, "INFO"),
    (SeverityNumber::Info, "INFO"),
    (SeverityNumber::Info, "INFO"),
    (SeverityNumber::Debug, "DEBUG"),
    (SeverityNumber::Warn, "WARN"),
    (SeverityNumber::Error, "ERROR"),
];
