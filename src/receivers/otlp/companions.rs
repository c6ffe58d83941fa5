//! What gRPC servers have beside their own services: health for probes, and reflection for tools such as grpcurl.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::{Request, Response};
use tonic::Status;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::protocol::Protocol;
use crate::signal::Signal;
use crate::transport::server::{Reply, Services, service_of};

use super::{Entries, RequestBody, Route};

/// The services that stand beside Export.
pub(super) struct Companions(Services);

/// `grpc.health.v1.Health`: everything that is offered is served, from the first connection to the last one. How exporters
/// fare is not asked here, since clients would turn away from a relay that could have kept their data.
struct Serving(Vec<&'static str>);

impl Companions {
    /// The companions of a server that takes the signals of `entries` by gRPC.
    pub(super) fn of(entries: &Entries) -> Companions {
        let taken = Signal::ALL.into_iter().filter(|signal| entries.next(Protocol::Grpc, *signal).is_some());
        let services: Vec<&str> = taken.filter_map(|signal| service_of(signal.facts().grpc_path)).collect();
        let health = HealthServer::new(Serving(services.clone())).max_decoding_message_size(LARGEST);
        let told: Vec<&str> = services.into_iter().chain([HEALTH]).collect();
        let descriptors = [opentelemetry_proto::DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET];
        Companions(Services::default().with(HEALTH, health).with_reflection(&told, &descriptors))
    }

    /// Whether one of them has the gRPC method `path`.
    pub(super) fn offer(&self, path: &str) -> bool {
        self.0.offer(path)
    }

    /// What the service of the request's path says.
    pub(super) async fn answer(&self, request: Request<impl RequestBody>) -> Response<Reply> {
        tokio::time::timeout(PATIENCE, self.0.answer(request))
            .await
            .unwrap_or_else(|_| Status::deadline_exceeded("the request does not come to its end").into_http())
    }
}

impl Serving {
    fn status(&self, service: &str) -> Option<HealthCheckResponse> {
        let known = service.is_empty() || self.0.contains(&service);
        known.then(|| HealthCheckResponse { status: ServingStatus::Serving.into() })
    }
}

#[tonic::async_trait]
impl Health for Serving {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        let status = self.status(&request.get_ref().service);
        status.map(tonic::Response::new).ok_or_else(|| Status::not_found("the relay has no such service"))
    }

    /// The state never changes; the stream lives as long as its connection.
    async fn watch(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        let unknown = HealthCheckResponse { status: ServingStatus::ServiceUnknown.into() };
        let status = self.status(&request.get_ref().service).unwrap_or(unknown);
        let stream = stream::once(async move { Ok(status) }).chain(stream::pending());
        Ok(tonic::Response::new(stream.boxed()))
    }
}

/// Of the methods of `grpc.health.v1.Health`.
pub(super) const HEALTH_PATH: &str = "/grpc.health.v1.Health/";

/// More than a name of a service has.
const LARGEST: usize = 16 << 10;

/// For a whole request, which is one short message.
const PATIENCE: Duration = Duration::from_secs(30);

const HEALTH: &str = "grpc.health.v1.Health";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_and_both_reflections_are_offered() {
        let companions = Companions::of(&Entries::new());
        let reflections = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
        for service in reflections.into_iter().chain([HEALTH]) {
            assert!(companions.offer(&format!("/{service}/Any")), "{service}");
        }
        assert!(!companions.offer("/grpc.health.v1.Health") && !companions.offer("/other/Check"));
    }
}
