//! Is the same told over gRPC, and found by reflection?

use futures_util::StreamExt;
use otlp_relay::interface::diagnostics::diagnostics_client::DiagnosticsClient;
use otlp_relay::interface::diagnostics::{ListEventsRequest, StatusRequest, WatchRequest};
use tonic::transport::Channel;
use tonic_reflection::pb::{v1, v1alpha};

use crate::scene::Scene;

async fn channel(port: u16) -> Channel {
    Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn grpc_says_what_the_page_says() {
    let scene = Scene::set().await;
    let mut client = DiagnosticsClient::new(channel(scene.port).await);
    let (json, status) = (scene.status().await, client.status(StatusRequest {}).await.unwrap().into_inner());
    let states: Vec<_> =
        status.exporters.iter().map(|exporter| (exporter.id.as_str(), exporter.state.as_str())).collect();
    let told = json["exporters"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|one| (one["id"].as_str().unwrap(), one["state"].as_str().unwrap())).collect();
    assert_eq!(states, told);
    assert_eq!(status.receivers[0].flows[0].accepted, 20);

    let mut events = async |exporter: &str, class: &str| {
        let request = ListEventsRequest { exporter: exporter.to_owned(), class: class.to_owned() };
        client.list_events(request).await.unwrap().into_inner().events
    };
    assert!(events("", "refused").await.len() >= 2, "a family selects");
    assert!(events("otlp_grpc/failing", "connection_refused").await.iter().all(|event| event.count > 0));
    assert!(events("otlp_grpc/healthy", "").await.is_empty());
    scene.relay.signal("KILL");
}

#[tokio::test]
async fn a_watch_goes_on_until_the_relay_ends() {
    let setup = crate::support::setup::Setup::new()
        .exporter("nop", "")
        .pipeline("traces", "receivers: [otlp], exporters: [nop]");
    let (relay, port) = crate::scene::start(&setup).await;
    let mut client = DiagnosticsClient::new(channel(port).await);
    let mut statuses = client.watch(WatchRequest { interval_millis: 500 }).await.unwrap().into_inner();
    let first = statuses.next().await.unwrap().unwrap();
    let second = statuses.next().await.unwrap().unwrap();
    assert!(first.time_unix_nano + 400_000_000 < second.time_unix_nano);
    assert_eq!(second.state, "running");
    relay.stop_without_loss().await;
    // Whatever was on its way may still come; then it ends.
    while let Some(Ok(_)) = statuses.next().await {}
}

#[tokio::test]
async fn who_is_connected_does_not_hold_up_the_end() {
    let setup = crate::support::setup::Setup::new()
        .exporter("nop", "")
        .pipeline("traces", "receivers: [otlp], exporters: [nop]");
    let (relay, port) = crate::scene::start(&setup).await;
    let mut client = DiagnosticsClient::new(channel(port).await);
    client.status(StatusRequest {}).await.unwrap();
    let began = std::time::Instant::now();
    relay.stop_without_loss().await;
    assert!(began.elapsed() < std::time::Duration::from_millis(900), "{:?}", began.elapsed());
}

#[tokio::test]
async fn no_more_than_sixteen_watch() {
    let setup = crate::support::setup::Setup::new()
        .exporter("nop", "")
        .pipeline("traces", "receivers: [otlp], exporters: [nop]");
    let (relay, port) = crate::scene::start(&setup).await;
    let mut client = DiagnosticsClient::new(channel(port).await);
    let mut watching = Vec::new();
    for _ in 0..16 {
        watching.push(client.watch(WatchRequest::default()).await.unwrap());
    }
    let refused = client.watch(WatchRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert!(client.status(StatusRequest {}).await.is_ok(), "others are still answered");
    drop(watching);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn reflection_shows_the_service() {
    let setup = crate::support::setup::Setup::new()
        .exporter("nop", "")
        .pipeline("traces", "receivers: [otlp], exporters: [nop]");
    let (relay, port) = crate::scene::start(&setup).await;
    let channel = channel(port).await;
    macro_rules! check {
        ($version:ident) => {{
            use $version::server_reflection_client::ServerReflectionClient;
            use $version::server_reflection_request::MessageRequest;
            use $version::server_reflection_response::MessageResponse;
            let ask =
                |message| $version::ServerReflectionRequest { host: String::new(), message_request: Some(message) };
            let questions = vec![
                ask(MessageRequest::ListServices(String::new())),
                ask(MessageRequest::FileContainingSymbol(SERVICE.to_owned())),
            ];
            let mut client = ServerReflectionClient::new(channel.clone());
            let answers = client.server_reflection_info(futures_util::stream::iter(questions)).await.unwrap();
            let answers: Vec<_> = answers.into_inner().map(|answer| answer.unwrap().message_response).collect().await;
            let Some(MessageResponse::ListServicesResponse(list)) = &answers[0] else { panic!("{answers:?}") };
            assert!(list.service.iter().any(|service| service.name == SERVICE), "{list:?}");
            assert!(matches!(&answers[1], Some(MessageResponse::FileDescriptorResponse(_))), "{answers:?}");
        }};
    }
    check!(v1);
    check!(v1alpha);
    relay.stop_without_loss().await;
}

const SERVICE: &str = "otlp_relay.diagnostics.v1.Diagnostics";
