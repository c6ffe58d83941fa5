//! The debug exporter's `normal` layout: one line for each resource, scope and item.

mod metrics;

use std::fmt::{Formatter, Result};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::detailed::Dictionary;
use super::value::{Hex, Pairs, Plain};

pub(super) use metrics::metrics;

pub(super) fn traces(f: &mut Formatter<'_>, request: &ExportTraceServiceRequest) -> Result {
    for (i, of_resource) in request.resource_spans.iter().enumerate() {
        resource_line(f, "ResourceTraces", i, &of_resource.schema_url, of_resource.resource.as_ref())?;
        for (j, of_scope) in of_resource.scope_spans.iter().enumerate() {
            scope_line(f, "ScopeTraces", j, &of_scope.schema_url, of_scope.scope.as_ref())?;
            for span in &of_scope.spans {
                write!(f, "{} {} {}", span.name, Hex(&span.trace_id), Hex(&span.span_id))?;
                trailing_pairs(f, &span.attributes)?;
                writeln!(f)?;
            }
        }
    }
    Ok(())
}

pub(super) fn logs(f: &mut Formatter<'_>, request: &ExportLogsServiceRequest) -> Result {
    for (i, of_resource) in request.resource_logs.iter().enumerate() {
        resource_line(f, "ResourceLog", i, &of_resource.schema_url, of_resource.resource.as_ref())?;
        for (j, of_scope) in of_resource.scope_logs.iter().enumerate() {
            scope_line(f, "ScopeLog", j, &of_scope.schema_url, of_scope.scope.as_ref())?;
            for record in &of_scope.log_records {
                // The blank is there even if no attribute follows.
                writeln!(f, "{} {}", Plain(record.body.as_ref()), spaced(&record.attributes))?;
            }
        }
    }
    Ok(())
}

pub(super) fn profiles(f: &mut Formatter<'_>, request: &ExportProfilesServiceRequest) -> Result {
    let dictionary = Dictionary::of(request);
    for (i, of_resource) in request.resource_profiles.iter().enumerate() {
        resource_line(f, "ResourceProfiles", i, &of_resource.schema_url, of_resource.resource.as_ref())?;
        for (j, of_scope) in of_resource.scope_profiles.iter().enumerate() {
            scope_line(f, "ScopeProfiles", j, &of_scope.schema_url, of_scope.scope.as_ref())?;
            for profile in &of_scope.profiles {
                write!(f, "{} samples={}", Hex(&profile.profile_id), profile.samples.len())?;
                for &index in &profile.attribute_indices {
                    write!(f, " {}", dictionary.attribute(index, "="))?;
                }
                writeln!(f)?;
            }
        }
    }
    Ok(())
}

fn resource_line(
    f: &mut Formatter<'_>,
    title: &str,
    index: usize,
    schema: &str,
    resource: Option<&Resource>,
) -> Result {
    write!(f, "{title} #{index}")?;
    bracketed(f, schema)?;
    trailing_pairs(f, resource.map_or(&[], |resource| &resource.attributes))?;
    writeln!(f)
}

fn scope_line(
    f: &mut Formatter<'_>,
    title: &str,
    index: usize,
    schema: &str,
    scope: Option<&InstrumentationScope>,
) -> Result {
    write!(f, "{title} #{index}")?;
    if let Some(scope) = scope {
        if !scope.name.is_empty() || !scope.version.is_empty() {
            write!(f, " {}", scope.name)?;
        }
        if !scope.version.is_empty() {
            write!(f, "@{}", scope.version)?;
        }
    }
    bracketed(f, schema)?;
    trailing_pairs(f, scope.map_or(&[], |scope| &scope.attributes))?;
    writeln!(f)
}

fn bracketed(f: &mut Formatter<'_>, schema: &str) -> Result {
    if schema.is_empty() { Ok(()) } else { write!(f, " [{schema}]") }
}

fn trailing_pairs(f: &mut Formatter<'_>, attributes: &[KeyValue]) -> Result {
    if attributes.is_empty() { Ok(()) } else { write!(f, " {}", spaced(attributes)) }
}

fn spaced(attributes: &[KeyValue]) -> Pairs<'_> {
    Pairs { attributes, separator: " " }
}
