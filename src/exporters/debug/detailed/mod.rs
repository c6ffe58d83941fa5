//! The debug exporter's `detailed` layout: every field of a request, one a line.

mod metrics;
mod profiles;

use std::fmt::{Display, Formatter, Result};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::value::{Hex, Typed, time};

pub(super) use metrics::metrics;
pub(super) use profiles::{Dictionary, profiles};

pub(super) fn traces(f: &mut Formatter<'_>, request: &ExportTraceServiceRequest) -> Result {
    for (i, of_resource) in request.resource_spans.iter().enumerate() {
        writeln!(f, "ResourceSpans #{i}")?;
        resource(f, &of_resource.schema_url, of_resource.resource.as_ref())?;
        for (j, of_scope) in of_resource.scope_spans.iter().enumerate() {
            writeln!(f, "ScopeSpans #{j}\nScopeSpans SchemaURL: {}", of_scope.schema_url)?;
            scope(f, of_scope.scope.as_ref())?;
            for (k, one) in of_scope.spans.iter().enumerate() {
                writeln!(f, "Span #{k}")?;
                span(f, one)?;
            }
        }
    }
    Ok(())
}

pub(super) fn logs(f: &mut Formatter<'_>, request: &ExportLogsServiceRequest) -> Result {
    for (i, of_resource) in request.resource_logs.iter().enumerate() {
        writeln!(f, "ResourceLog #{i}")?;
        resource(f, &of_resource.schema_url, of_resource.resource.as_ref())?;
        for (j, of_scope) in of_resource.scope_logs.iter().enumerate() {
            writeln!(f, "ScopeLogs #{j}\nScopeLogs SchemaURL: {}", of_scope.schema_url)?;
            scope(f, of_scope.scope.as_ref())?;
            for (k, one) in of_scope.log_records.iter().enumerate() {
                writeln!(f, "LogRecord #{k}")?;
                record(f, one)?;
            }
        }
    }
    Ok(())
}

fn span(f: &mut Formatter<'_>, span: &Span) -> Result {
    let none = Status::default();
    let status = span.status.as_ref().unwrap_or(&none);
    labelled(f, "Trace ID", Hex(&span.trace_id))?;
    labelled(f, "Parent ID", Hex(&span.parent_span_id))?;
    labelled(f, "ID", Hex(&span.span_id))?;
    labelled(f, "Name", &span.name)?;
    labelled(f, "Kind", kind_name(span.kind))?;
    if !span.trace_state.is_empty() {
        labelled(f, "TraceState", &span.trace_state)?;
    }
    labelled(f, "Start time", time(span.start_time_unix_nano))?;
    labelled(f, "End time", time(span.end_time_unix_nano))?;
    labelled(f, "Status code", status_name(status.code))?;
    labelled(f, "Status message", &status.message)?;
    labelled(f, "DroppedAttributesCount", span.dropped_attributes_count)?;
    labelled(f, "DroppedEventsCount", span.dropped_events_count)?;
    labelled(f, "DroppedLinksCount", span.dropped_links_count)?;
    attributes(f, "", "Attributes", &span.attributes)?;
    listed(f, "Events:", &span.events, event)?;
    listed(f, "Links:", &span.links, link)
}

fn event(f: &mut Formatter<'_>, index: usize, event: &Event) -> Result {
    writeln!(f, "SpanEvent #{index}")?;
    writeln!(f, "     -> Name: {}", event.name)?;
    writeln!(f, "     -> Timestamp: {}", time(event.time_unix_nano))?;
    writeln!(f, "     -> DroppedAttributesCount: {}", event.dropped_attributes_count)?;
    // The second colon is the Collector's.
    attributes(f, "     ", "-> Attributes:", &event.attributes)
}

fn link(f: &mut Formatter<'_>, index: usize, link: &Link) -> Result {
    writeln!(f, "SpanLink #{index}")?;
    writeln!(f, "     -> Trace ID: {}", Hex(&link.trace_id))?;
    writeln!(f, "     -> ID: {}", Hex(&link.span_id))?;
    writeln!(f, "     -> TraceState: {}", link.trace_state)?;
    writeln!(f, "     -> DroppedAttributesCount: {}", link.dropped_attributes_count)?;
    attributes(f, "     ", "-> Attributes:", &link.attributes)
}

fn record(f: &mut Formatter<'_>, record: &LogRecord) -> Result {
    writeln!(f, "ObservedTimestamp: {}", time(record.observed_time_unix_nano))?;
    writeln!(f, "Timestamp: {}", time(record.time_unix_nano))?;
    writeln!(f, "SeverityText: {}", record.severity_text)?;
    writeln!(f, "SeverityNumber: {}({})", severity_name(record.severity_number), record.severity_number)?;
    if !record.event_name.is_empty() {
        writeln!(f, "EventName: {}", record.event_name)?;
    }
    writeln!(f, "Body: {}", Typed(record.body.as_ref()))?;
    attributes(f, "", "Attributes", &record.attributes)?;
    writeln!(f, "Trace ID: {}", Hex(&record.trace_id))?;
    writeln!(f, "Span ID: {}", Hex(&record.span_id))?;
    writeln!(f, "Flags: {}", record.flags)
}

/// What all signals tell of a resource, below its heading.
fn resource(f: &mut Formatter<'_>, schema_url: &str, resource: Option<&Resource>) -> Result {
    writeln!(f, "Resource SchemaURL: {schema_url}")?;
    let Some(resource) = resource else { return Ok(()) };
    attributes(f, "", "Resource attributes", &resource.attributes)?;
    listed(f, "Resource entity refs:", &resource.entity_refs, |f, index, entity| {
        writeln!(f, "     -> Entity ref #{index}:")?;
        writeln!(f, "          -> Type: {}", entity.r#type)?;
        if !entity.schema_url.is_empty() {
            writeln!(f, "          -> Schema URL: {}", entity.schema_url)?;
        }
        let key = |f: &mut Formatter<'_>, _, key: &String| writeln!(f, "               -> {key}");
        listed(f, "          -> ID keys:", &entity.id_keys, key)?;
        listed(f, "          -> Description keys:", &entity.description_keys, key)
    })
}

/// What all signals tell of a scope, below its schema URL.
fn scope(f: &mut Formatter<'_>, scope: Option<&InstrumentationScope>) -> Result {
    let none = InstrumentationScope::default();
    let scope = scope.unwrap_or(&none);
    writeln!(f, "InstrumentationScope {} {}", scope.name, scope.version)?;
    attributes(f, "", "InstrumentationScope attributes", &scope.attributes)
}

/// `title:` and a line for each attribute; nothing where there is none.
fn attributes(f: &mut Formatter<'_>, indent: &str, title: &str, attributes: &[KeyValue]) -> Result {
    if attributes.is_empty() {
        return Ok(());
    }
    writeln!(f, "{indent}{title}:")?;
    for KeyValue { key, value, .. } in attributes {
        writeln!(f, "{indent}     -> {key}: {}", Typed(value.as_ref()))?;
    }
    Ok(())
}

/// `heading` and every element as `line` writes it; nothing where there is none.
fn listed<T>(
    f: &mut Formatter<'_>,
    heading: &str,
    elements: &[T],
    line: impl Fn(&mut Formatter<'_>, usize, &T) -> Result,
) -> Result {
    if elements.is_empty() {
        return Ok(());
    }
    writeln!(f, "{heading}")?;
    elements.iter().enumerate().try_for_each(|(index, element)| line(f, index, element))
}

fn labelled(f: &mut Formatter<'_>, label: &str, value: impl Display) -> Result {
    writeln!(f, "    {label:<15}: {value}")
}

/// Nothing for a kind that has no name.
fn kind_name(kind: i32) -> &'static str {
    SpanKind::try_from(kind).map_or("", |kind| match kind {
        SpanKind::Unspecified => "Unspecified",
        SpanKind::Internal => "Internal",
        SpanKind::Server => "Server",
        SpanKind::Client => "Client",
        SpanKind::Producer => "Producer",
        SpanKind::Consumer => "Consumer",
    })
}

fn status_name(code: i32) -> &'static str {
    StatusCode::try_from(code).map_or("", |code| match code {
        StatusCode::Unset => "Unset",
        StatusCode::Ok => "Ok",
        StatusCode::Error => "Error",
    })
}

/// `Info` of `SEVERITY_NUMBER_INFO`.
fn severity_name(number: i32) -> String {
    let Ok(severity) = SeverityNumber::try_from(number) else { return String::new() };
    let name = severity.as_str_name().trim_start_matches("SEVERITY_NUMBER_");
    let (first, rest) = name.split_at(1.min(name.len()));
    format!("{first}{}", rest.to_ascii_lowercase())
}
