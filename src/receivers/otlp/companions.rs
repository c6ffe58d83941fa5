//! What gRPC servers have beside their own services: health for probes, and reflection for tools such as grpcurl.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::codegen::Service;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::server::Builder;

use crate::protocol::Protocol;
use crate::signal::Signal;
use crate::transport::server::Reply;

use super::Entries;

/// The services that stand beside Export.
pub(super) struct Companions {
    health: Call,
    /// Which services are told of.
    services: Vec<&'static str>,
    reflection: Reflection,
    reflection_alpha: Reflection,
}

/// Reflection, built when somebody first asks: its descriptions take a megabyte, and hardly anybody does. None: they cannot
/// be read, which would be a fault of the build, found by the tests.
type Reflection = OnceLock<Option<Call>>;

/// Calls a service.
type Call = Box<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Reply>> + Send + Sync>;

/// `grpc.health.v1.Health`: everything that is offered is served, from the first connection to the last one. How exporters
/// fare is not asked here, since clients would turn away from a relay that could have kept their data.
struct Serving(Vec<&'static str>);

impl Companions {
    /// The companions of a server that takes the signals of `entries` by gRPC.
    pub(super) fn of(entries: &Entries) -> Companions {
        let taken = Signal::ALL.into_iter().filter(|signal| entries.get(Protocol::Grpc, *signal).is_some());
        let services: Vec<&str> = taken.filter_map(|signal| service_of(signal.facts().grpc_path)).collect();
        let health = call(HealthServer::new(Serving(services.clone())).max_decoding_message_size(LARGEST));
        Companions { health, services, reflection: OnceLock::new(), reflection_alpha: OnceLock::new() }
    }

    /// Whether one of them has the gRPC method `path`.
    pub(super) fn offer(&self, path: &str) -> bool {
        service_of(path).is_some_and(|service| [HEALTH, REFLECTION, REFLECTION_ALPHA].contains(&service))
    }

    /// What the service of the request's path says.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Reply> {
        match self.find(request.uri().path()) {
            Some(call) => tokio::time::timeout(PATIENCE, call(request))
                .await
                .unwrap_or_else(|_| Status::deadline_exceeded("the request does not come to its end").into_http()),
            None => Status::new(Code::Unimplemented, "unknown service").into_http(),
        }
    }

    fn find(&self, path: &str) -> Option<&Call> {
        match service_of(path)? {
            HEALTH => Some(&self.health),
            REFLECTION => {
                let build = || reflection(&self.services).build_v1().ok();
                let built = self.reflection.get_or_init(|| Some(call(build()?.max_decoding_message_size(LARGEST))));
                built.as_ref()
            }
            REFLECTION_ALPHA => {
                let build = || reflection(&self.services).build_v1alpha().ok();
                let built =
                    self.reflection_alpha.get_or_init(|| Some(call(build()?.max_decoding_message_size(LARGEST))));
                built.as_ref()
            }
            _ => None,
        }
    }
}

/// The descriptions of everything, of which `services` are told.
fn reflection(services: &[&str]) -> Builder<'static> {
    let described = Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(opentelemetry_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET);
    let own = [HEALTH, REFLECTION, REFLECTION_ALPHA];
    services.iter().chain(&own).fold(described, |builder, name| builder.with_service_name(*name))
}

fn call<S>(service: S) -> Call
where
    S: Service<Request<Incoming>, Response = Response<tonic::body::Body>> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    Box::new(move |request| {
        let mut service = service.clone();
        Box::pin(async move {
            match service.call(request).await {
                Ok(response) => response.map(Reply::streamed),
                Err(_) => Status::new(Code::Internal, "the service failed").into_http(),
            }
        })
    })
}

/// The service in `/service/method`.
fn service_of(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split_once('/').map(|(service, _)| service)
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

const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";

const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_and_both_reflections_are_offered() {
        let companions = Companions::of(&Entries::new());
        for service in [HEALTH, REFLECTION, REFLECTION_ALPHA] {
            let path = format!("/{service}/Any");
            assert!(companions.offer(&path) && companions.find(&path).is_some(), "{service}");
        }
        assert!(!companions.offer("/grpc.health.v1.Health") && !companions.offer("/other/Check"));
    }
}
