//! How are the four OTLP services served over gRPC? By tonic, so that another implementation than ours judges.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
    logs_service_server::{LogsService, LogsServiceServer},
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    metrics_service_server::{MetricsService, MetricsServiceServer},
};
use opentelemetry_proto::tonic::collector::profiles::v1development::{
    ExportProfilesPartialSuccess, ExportProfilesServiceRequest, ExportProfilesServiceResponse,
    profiles_service_server::{ProfilesService, ProfilesServiceServer},
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Server, server::TcpIncoming};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::super::client::Wire;
use super::super::export::Export;
use super::{Answer, Shared};

/// Larger than any batch of a test.
const MAX_MESSAGE: usize = 64 << 20;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    macro_rules! service {
        ($server:ident) => {
            $server::new(Services(shared.clone()))
                .accept_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Zstd)
                .max_decoding_message_size(MAX_MESSAGE)
        };
    }
    Server::builder()
        .add_service(service!(TraceServiceServer))
        .add_service(service!(MetricsServiceServer))
        .add_service(service!(LogsServiceServer))
        .add_service(service!(ProfilesServiceServer))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
        .expect("serve gRPC");
}

struct Services(Arc<Shared>);

impl Services {
    /// The number of rejected items where there are any.
    async fn export<T>(&self, request: Request<T>, wrap: fn(T) -> Export) -> Result<Option<i64>, Status> {
        let (metadata, _, message) = request.into_parts();
        let headers = metadata.into_headers();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: BTreeMap<_, _> = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let credentials = headers.get("authorization").cloned().unwrap_or_default();
        match self.0.take(Wire::Grpc, headers, wrap(message)).await {
            Answer::Accept | Answer::Slow(_) | Answer::Hang => Ok(None),
            Answer::Partial { rejected } => Ok(Some(rejected)),
            Answer::Unavailable => Err(Status::unavailable("the test says so")),
            Answer::TooLarge => Err(Status::resource_exhausted("grpc: received message larger than max")),
            Answer::Denied => Err(Status::unauthenticated(format!("not accepted: {credentials}"))),
            Answer::Invalid => Err(Status::invalid_argument("the test says so")),
            Answer::Throttle(delay) => Err(retry_after(Code::Unavailable, delay)),
            Answer::RateLimit(delay) => Err(retry_after(Code::ResourceExhausted, delay)),
        }
    }
}

fn retry_after(code: Code, delay: std::time::Duration) -> Status {
    Status::with_error_details(code, "the test throttles", ErrorDetails::with_retry_info(Some(delay)))
}

macro_rules! services {
    ($($service:ident $variant:ident $request:ident $response:ident $partial:ident $rejected:ident;)+) => {
        $(#[tonic::async_trait]
        impl $service for Services {
            async fn export(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                let rejected = self.export(request, Export::$variant).await?;
                let error_message = "the test rejects some".to_owned();
                let partial_success = rejected.map(|$rejected| $partial { $rejected, error_message });
                Ok(Response::new($response { partial_success }))
            }
        })+
    };
}

services! {
    TraceService Traces ExportTraceServiceRequest ExportTraceServiceResponse
        ExportTracePartialSuccess rejected_spans;
    MetricsService Metrics ExportMetricsServiceRequest ExportMetricsServiceResponse
        ExportMetricsPartialSuccess rejected_data_points;
    LogsService Logs ExportLogsServiceRequest ExportLogsServiceResponse
        ExportLogsPartialSuccess rejected_log_records;
    ProfilesService Profiles ExportProfilesServiceRequest ExportProfilesServiceResponse
        ExportProfilesPartialSuccess rejected_profiles;
}
