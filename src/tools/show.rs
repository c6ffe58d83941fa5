//! `dump show`: all that is known of one export, for people or as JSON.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::records::payload_of;
use crate::interface::record::record::Payload as Kept;
use crate::interface::record::{Failure, Field, Head, Record};
use crate::telemetry::clock::Moment;

/// Everything in `record`, for people.
pub fn show(record: &Record) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{key:<10} {value}");
        }
    };
    line("exporter", &record.exporter);
    line("endpoint", &record.endpoint);
    line("connected", &record.peer);
    line("via", &record.via);
    line("signal", &format!("{}, {} items", record.signal, record.items));
    line("attempt", &unless_zero(record.attempt.into()));
    line("began", &moment(record.began_unix_nano));
    line("ended", &moment(record.time_unix_nano));
    line("steps", &steps(record));
    match &record.failure {
        Some(failure) => failure_lines(failure, &mut line),
        None => line("outcome", "delivered"),
    }
    if let Some(tls) = &record.tls {
        let words = [("", &tls.version), ("", &tls.cipher_suite), ("alpn ", &tls.alpn), ("name ", &tls.server_name)];
        let said = words.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}{value}"));
        line("tls", &said.collect::<Vec<_>>().join(", "));
    }
    for (name, head) in [("request", &record.request), ("response", &record.response)] {
        if let Some(head) = head {
            head_lines(name, head, &mut text);
        }
    }
    payload_lines(record, &mut text);
    text
}

fn failure_lines(failure: &Failure, line: &mut impl FnMut(&str, &str)) {
    line("class", &format!("{} ({}), in {}", failure.class, failure.family, failure.phase));
    line("cause", failure.chain.first().unwrap_or(&failure.cause));
    for cause in failure.chain.iter().skip(1) {
        line("", &format!("because {cause}"));
    }
    line("retry", if failure.retryable { "another try may help" } else { "another try cannot help" });
    line("remedy", &failure.remedy);
    line("help", &format!("otlp-relay explain {}", failure.class));
}

fn head_lines(name: &str, head: &Head, text: &mut String) {
    let _ = writeln!(text, "\n{name}\n  {}", head.line);
    for Field { name, value } in &head.headers {
        let _ = writeln!(text, "  {name}: {value}");
    }
    if !head.trailers.is_empty() {
        let _ = writeln!(text, "  trailers");
    }
    for Field { name, value } in &head.trailers {
        let _ = writeln!(text, "    {name}: {value}");
    }
    if !head.body.is_empty() {
        let _ = writeln!(text, "\n{}", indented(&printable(&head.body)));
    }
}

fn payload_lines(record: &Record, text: &mut String) {
    let shown = match (&record.payload, json_of(record)) {
        (_, Some(json)) => format!("{json:#}"),
        (Some(Kept::Summary(words)), None) => words.clone(),
        (Some(_), None) => "it is no valid OTLP".to_owned(),
        (None, None) => "it was not recorded".to_owned(),
    };
    let _ = writeln!(text, "\npayload\n{}", indented(&shown));
}

/// Everything in `record` as one object.
pub fn show_json(record: &Record) -> String {
    let head = |head: &Head| {
        let fields = |fields: &[Field]| -> Vec<Value> {
            fields.iter().map(|field| json!({"name": field.name, "value": field.value})).collect()
        };
        json!({
            "line": head.line, "headers": fields(&head.headers), "trailers": fields(&head.trailers),
            "body": String::from_utf8_lossy(&head.body),
        })
    };
    let steps = record.steps.iter();
    let steps = steps.map(|step| json!({"phase": step.phase, "seconds": step.duration_nanos as f64 / 1e9}));
    let shown = json!({
        "time": moment(record.time_unix_nano),
        "began": moment(record.began_unix_nano),
        "exporter": record.exporter,
        "endpoint": record.endpoint,
        "peer": record.peer,
        "via": record.via,
        "signal": record.signal,
        "items": record.items,
        "attempt": record.attempt,
        "steps": steps.collect::<Vec<_>>(),
        "failure": record.failure.as_ref().map(|failure| json!({
            "class": failure.class, "family": failure.family, "phase": failure.phase, "cause": failure.cause,
            "remedy": failure.remedy, "retryable": failure.retryable, "chain": failure.chain,
        })),
        "tls": record.tls.as_ref().map(|tls| json!({
            "version": tls.version, "cipher_suite": tls.cipher_suite, "alpn": tls.alpn,
            "server_name": tls.server_name,
        })),
        "request": record.request.as_ref().map(head),
        "response": record.response.as_ref().map(head),
        "payload": json_of(record),
        "summary": match &record.payload {
            Some(Kept::Summary(words)) => Some(words),
            _ => None,
        },
    });
    format!("{shown:#}\n")
}

/// The payload as OTLP/JSON.
fn json_of(record: &Record) -> Option<Value> {
    serde_json::from_slice(&payload_of(record)?.to_json()).ok()
}

fn steps(record: &Record) -> String {
    let step = |step: &crate::interface::record::Step| {
        format!("{} {:.1?}", step.phase, Duration::from_nanos(step.duration_nanos))
    };
    record.steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

fn moment(unix_nanos: u64) -> String {
    if unix_nanos == 0 { String::new() } else { Moment::from_unix_nanos(unix_nanos).to_string() }
}

fn unless_zero(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

/// What a terminal can show of a peer's bytes: nothing that moves its cursor.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
