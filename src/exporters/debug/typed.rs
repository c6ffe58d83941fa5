//! What is in a request: the module that looks inside, so that signals differ by type here and nowhere else.

use std::fmt;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::{DecodeError, Message};

use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::signal::Signal;
use crate::units::Items;

use super::{Layout, detailed, normal};

/// A decoded request, and how many items it has.
pub(super) struct Request {
    signal: Signal,
    kind: Kind,
    items: Items,
}

enum Kind {
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
        let kind = match payload.signal() {
            Signal::Traces => Kind::Traces(Message::decode(bytes)?),
            Signal::Metrics => Kind::Metrics(Message::decode(bytes)?),
            Signal::Logs => Kind::Logs(Message::decode(bytes)?),
            Signal::Profiles => Kind::Profiles(Message::decode(bytes)?),
        };
        Ok(Request { signal: payload.signal(), kind, items: payload.items() })
    }

    /// How much it is, in the Collector's words.
    pub(super) fn summary(&self) -> Summary {
        let items = self.items.0;
        let counts = match &self.kind {
            Kind::Traces(request) => {
                vec![("resource spans", request.resource_spans.len() as u64), ("spans", items)]
            }
            Kind::Metrics(request) => {
                let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
                let metrics: usize = scopes.map(|scope| scope.metrics.len()).sum();
                let resources = request.resource_metrics.len() as u64;
                vec![("resource metrics", resources), ("metrics", metrics as u64), ("data points", items)]
            }
            Kind::Logs(request) => {
                vec![("resource logs", request.resource_logs.len() as u64), ("log records", items)]
            }
            Kind::Profiles(request) => {
                vec![("resource profiles", request.resource_profiles.len() as u64), ("sample records", items)]
            }
        };
        Summary { title: title(self.signal), counts }
    }
}

impl Summary {
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

impl fmt::Display for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.request.kind, self.layout) {
            (Kind::Traces(request), Layout::Normal) => normal::traces(f, request),
            (Kind::Traces(request), Layout::Detailed) => detailed::traces(f, request),
            (Kind::Metrics(request), Layout::Normal) => normal::metrics(f, request),
            (Kind::Metrics(request), Layout::Detailed) => detailed::metrics(f, request),
            (Kind::Logs(request), Layout::Normal) => normal::logs(f, request),
            (Kind::Logs(request), Layout::Detailed) => detailed::logs(f, request),
            (Kind::Profiles(request), Layout::Normal) => normal::profiles(f, request),
            (Kind::Profiles(request), Layout::Detailed) => detailed::profiles(f, request),
        }
    }
}
