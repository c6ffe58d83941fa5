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
    kind: Kind,
    items: Items,
}

enum Kind {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
    Profiles(ExportProfilesServiceRequest),
}

/// A request as text.
pub(super) struct Block<'a> {
    pub(super) request: &'a Request,
    pub(super) layout: Layout,
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
        Ok(Request { kind, items: payload.items() })
    }

    /// Logs how much it is, in the Collector's words.
    pub(super) fn log_summary(&self, exporter: &ComponentId) {
        let items = self.items.0;
        match &self.kind {
            Kind::Traces(request) => {
                let resources = request.resource_spans.len();
                tracing::info!(%exporter, data_type = "traces", "resource spans" = resources, "spans" = items, "Traces");
            }
            Kind::Metrics(request) => {
                let resources = request.resource_metrics.len();
                let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
                let metrics: usize = scopes.map(|scope| scope.metrics.len()).sum();
                tracing::info!(
                    %exporter, data_type = "metrics", "resource metrics" = resources, "metrics" = metrics,
                    "data points" = items, "Metrics"
                );
            }
            Kind::Logs(request) => {
                let resources = request.resource_logs.len();
                tracing::info!(%exporter, data_type = "logs", "resource logs" = resources, "log records" = items, "Logs");
            }
            Kind::Profiles(request) => {
                let resources = request.resource_profiles.len();
                tracing::info!(
                    %exporter, data_type = "profiles", "resource profiles" = resources, "sample records" = items,
                    "Profiles"
                );
            }
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
