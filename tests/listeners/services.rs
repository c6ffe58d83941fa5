//! What probes and grpcurl find beside OTLP: health and reflection.

use futures_util::stream;
use otlp_relay::transport::server::Limits;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1alpha;

use crate::support::Rig;

const TRACES: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
const METRICS: &str = "opentelemetry.proto.collector.metrics.v1.MetricsService";

async fn channel(rig: &Rig) -> Channel {
    Endpoint::from_shared(format!("http://{}", rig.address)).unwrap().connect().await.unwrap()
}

async fn ask(rig: &Rig, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(channel(rig).await);
    let mut answers = client.server_reflection_info(stream::iter([request])).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap().message_response.unwrap()
}

#[tokio::test]
async fn what_is_taken_is_serving() {
    let rig = Rig::with_limits(Limits::default()).await;
    let mut client = HealthClient::new(channel(&rig).await);
    let request = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for service in ["", TRACES] {
        let answer = client.check(request(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let refused = client.check(request(METRICS)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let mut watched = client.watch(request(TRACES)).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let mut unknown = client.watch(request("other")).await.unwrap().into_inner();
    assert_eq!(unknown.message().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn somebody_who_watches_does_not_hold_up_a_shutdown() {
    let rig = Rig::with_limits(Limits::default()).await;
    let mut client = HealthClient::new(channel(&rig).await);
    let mut watched = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    watched.message().await.unwrap();
    let limit = std::time::Duration::from_secs(20);
    assert_eq!(rig.lifetime.drain(limit).await, otlp_relay::flow::Drained::Clean);
}

#[tokio::test]
async fn services_with_a_pipeline_are_listed_and_described() {
    let rig = Rig::with_limits(Limits::default()).await;
    let listed = ask(&rig, MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(listed) = listed else { panic!("{listed:?}") };
    let names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    for expected in [TRACES, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        assert!(names.iter().any(|name| name == expected), "{expected}: {names:?}");
    }
    assert!(!names.iter().any(|name| name == METRICS), "{names:?}");
    let profiles = "opentelemetry.proto.collector.profiles.v1development.ProfilesService";
    for symbol in [TRACES, profiles, "opentelemetry.proto.trace.v1.Span", "grpc.health.v1.Health"] {
        let found = ask(&rig, MessageRequest::FileContainingSymbol(symbol.to_owned())).await;
        assert!(matches!(found, MessageResponse::FileDescriptorResponse(_)), "{symbol}: {found:?}");
    }
}

#[tokio::test]
async fn older_tools_are_answered_as_well() {
    use v1alpha::server_reflection_request::MessageRequest;
    let rig = Rig::with_limits(Limits::default()).await;
    let question = Some(MessageRequest::ListServices(String::new()));
    let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: question };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel(&rig).await);
    let mut answers = client.server_reflection_info(stream::iter([request])).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
}
