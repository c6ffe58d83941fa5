//! What is in a request: the module that looks inside, so that signals differ by type here and nowhere else.

use std::fmt;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::{DecodeError, Message};

use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::signal::Signal;

use super::{Layout, detailed, normal};

/// A decoded request.
pub(super) enum Request {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
    Profiles(ExportProfilesServiceRequest),
}

/// How much a request is: what the line is called, and its numbers in their order.
pub(super) struct Summary {
    pub(super) title: &'static str,
    pub(super) counts: Vec<(&'static str, u64)>,
}

/// A request as text.
pub(super) struct Block<'a> {
    pub(super) request: &'a Request,
    pub(super) layout: Layout,
}

/// What the summary line of a signal is called.
pub(super) fn title(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "Traces",
        Signal::Metrics => "Metrics",
        Signal::Logs => "Logs",
        Signal::Profiles => "Profiles",
    }
}

impl Request {
    pub(super) fn decode(payload: &Payload) -> Result<Request, DecodeError> {
        let bytes = payload.to_bytes();
        Ok(match payload.signal() {
            Signal::Traces => Request::Traces(Message::decode(bytes)?),
            Signal::Metrics => Request::Metrics(Message::decode(bytes)?),
            Signal::Logs => Request::Logs(Message::decode(bytes)?),
            Signal::Profiles => Request::Profiles(Message::decode(bytes)?),
        })
    }
}

impl Summary {
    /// How much `payload` is, in the Collector's words. Nothing is decoded for it: as structs, many small items are a
    /// hundred times as large.
    pub(super) fn of(payload: &Payload) -> Result<Summary, DecodeError> {
        let (bytes, items) = (payload.to_bytes(), payload.items().0);
        let resources = count(&bytes, RESOURCES)?;
        let counts = match payload.signal() {
            Signal::Traces => vec![("resource spans", resources), ("spans", items)],
            Signal::Metrics => {
                vec![("resource metrics", resources), ("metrics", count(&bytes, METRICS)?), ("data points", items)]
            }
            Signal::Logs => vec![("resource logs", resources), ("log records", items)],
            Signal::Profiles => vec![("resource profiles", resources), ("sample records", items)],
        };
        Ok(Summary { title: title(payload.signal()), counts })
    }

    /// Writes it to the log. Fields of the log have names that are known when the relay is built.
    pub(super) fn log(&self, exporter: &ComponentId, signal: Signal) {
        let data_type = signal.name();
        match (signal, &self.counts[..]) {
            (Signal::Traces, [(_, a), (_, b)]) => {
                tracing::info!(%exporter, data_type, "resource spans" = a, "spans" = b, "Traces");
            }
            (Signal::Metrics, [(_, a), (_, b), (_, c)]) => {
                tracing::info!(%exporter, data_type, "resource metrics" = a, "metrics" = b, "data points" = c, "Metrics");
            }
            (Signal::Logs, [(_, a), (_, b)]) => {
                tracing::info!(%exporter, data_type, "resource logs" = a, "log records" = b, "Logs");
            }
            (Signal::Profiles, [(_, a), (_, b)]) => {
                tracing::info!(%exporter, data_type, "resource profiles" = a, "sample records" = b, "Profiles");
            }
            (_, counts) => tracing::info!(%exporter, data_type, ?counts, "{}", self.title),
        }
    }
}

/// How many messages there are behind `path`, the numbers of the fields that lead to them.
fn count(mut message: &[u8], path: &[u32]) -> Result<u64, DecodeError> {
    let [first, rest @ ..] = path else { return Ok(1) };
    let mut found = 0;
    while !message.is_empty() {
        let (number, wire) = decode_key(&mut message)?;
        if number != *first || wire != WireType::LengthDelimited {
            skip_field(wire, number, &mut message, DecodeContext::default())?;
            continue;
        }
        let length = usize::try_from(decode_varint(&mut message)?).unwrap_or(usize::MAX);
        let (inner, after) = message.split_at_checked(length).unwrap_or((message, &[]));
        found += count(inner, rest)?;
        message = after;
    }
    Ok(found)
}

/// From any request to its resources.
const RESOURCES: &[u32] = &[1];

/// From a metrics request over resources and scopes to its metrics.
const METRICS: &[u32] = &[1, 2, 2];

impl fmt::Display for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.request, self.layout) {
            (Request::Traces(request), Layout::Normal) => normal::traces(f, request),
            (Request::Traces(request), Layout::Detailed) => detailed::traces(f, request),
            (Request::Metrics(request), Layout::Normal) => normal::metrics(f, request),
            (Request::Metrics(request), Layout::Detailed) => detailed::metrics(f, request),
            (Request::Logs(request), Layout::Normal) => normal::logs(f, request),
            (Request::Logs(request), Layout::Detailed) => detailed::logs(f, request),
            (Request::Profiles(request), Layout::Normal) => normal::profiles(f, request),
            (Request::Profiles(request), Layout::Detailed) => detailed::profiles(f, request),
        }
    }
}
