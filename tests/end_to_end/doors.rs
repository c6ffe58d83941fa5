//! What does a client meet that uses the wrong port, or a receiver that wants to be met otherwise?

use http::Method;

use crate::support::backend::Backend;
use crate::support::client::{self, Client, Coding, Wire, http_request};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

#[tokio::test]
async fn a_client_on_the_wrong_port_is_served_and_told_once_where_it_belongs() {
    let backend = Backend::start();
    let relay = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "")).await;
    let (grpc, http) = (relay.ports.grpc, relay.ports.http);
    let mut on_grpc = Client::connect(Wire::Http, grpc, Coding::None).await;
    let mut on_http = Client::connect(Wire::Grpc, http, Coding::None).await;
    for round in 0..3 {
        on_grpc.deliver(&lean_spans("app", round..round + 1)).await;
        on_http.deliver(&lean_spans("app", round..round + 1)).await;
    }
    backend.wait_for_items(6).await;
    let log = relay.stop_without_loss().await.log;
    for place in [format!("OTLP/HTTP is on port {http}"), format!("OTLP/gRPC is on port {grpc}")] {
        assert_eq!(log.matches(&place).count(), 1, "{log}");
    }
    assert_eq!(log.matches("it works here, but not with a Collector").count(), 2, "{log}");
}

#[tokio::test]
async fn without_detection_a_client_on_the_wrong_port_is_refused_in_its_own_protocol() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "").receiver_key("protocol_detection", "off");
    let relay = Relay::start(&setup).await;
    let (grpc, http) = (relay.ports.grpc, relay.ports.http);
    let body = lean_spans("app", 0..1).encode();

    let answer = http_request(Method::POST, grpc, "/v1/traces", &[PROTOBUF], body.clone()).await;
    let words = format!("this is the port of OTLP/gRPC; OTLP/HTTP is on port {http}");
    assert_eq!((answer.status.as_u16(), answer.text()), (400, words));

    let answer = client::grpc_call(http, Signal::Traces.method(), &[], &body).await;
    assert_eq!(answer.header("grpc-status"), Some("12"));
    let message = answer.header("grpc-message").unwrap().replace("%20", " ");
    assert!(message.contains(&format!("OTLP/gRPC is on port {grpc}")), "{message}");

    let ended = relay.stop().await;
    assert!(ended.delivered == 0 && backend.records().is_empty());
    let log = ended.log;
    for class in ["peer_sent_http1_to_grpc", "peer_sent_h2_to_http1"] {
        assert_eq!(log.matches(class).count(), 1, "{log}");
    }
}

#[tokio::test]
async fn a_receiver_is_met_as_its_configuration_says() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let (grpc, http) = (setup.ports.grpc, setup.ports.http);
    let surface = ", traces_url_path: /collect, compression_algorithms: [zlib, ''], \
                   cors: {allowed_origins: ['https://*.example.com']}, response_headers: {x-served-by: relay}";
    let relay = Relay::start(&setup.receiver("otlp", grpc, http, surface)).await;

    let page = ("origin", "https://app.example.com");
    let asked = ("access-control-request-method", "POST");
    let preflight = http_request(Method::OPTIONS, http, "/collect", &[page, asked], "").await;
    assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-origin")), (204, Some(page.1)));

    let body = client::compress(Coding::Zlib, &lean_spans("app", 0..4).encode());
    let headers = [PROTOBUF, page, ("content-encoding", "zlib")];
    let answer = http_request(Method::POST, http, "/collect", &headers, body.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-served-by")), (200, Some("relay")));
    assert_eq!(answer.header("access-control-allow-origin"), Some(page.1));

    let gzip = http_request(Method::POST, http, "/collect", &[PROTOBUF, ("content-encoding", "gzip")], "").await;
    assert_eq!(gzip.status, 400);
    assert_eq!(http_request(Method::POST, http, "/v1/traces", &headers, body).await.status, 404);
    backend.wait_for_items(4).await;
    relay.stop_without_loss().await;
}
