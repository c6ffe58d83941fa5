//! What gRPC backends, and proxies before them, answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use otlp_relay::config::{Compression, Secret};
use otlp_relay::failure::{Class, Phase, Retry};
use otlp_relay::flow::Receipt;
use otlp_relay::ident::ComponentId;
use otlp_relay::signal::Signal;
use otlp_relay::units::Items;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::stubs::{Grpc, Stub, accepting, grpc_status, http2, response};
use crate::support::{SHORT, check, grpc, grpc_config, payload, send};

#[tokio::test]
async fn a_tonic_server_gets_the_spans_and_the_headers() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let seen = Arc::new(Mutex::new(None));
        let put = Arc::clone(&seen);
        let stub = Grpc::new(move |headers, message| {
            *put.lock().unwrap() = Some((headers.clone(), message));
            Ok(ExportTraceServiceResponse::default())
        });
        let stub = stub.start().await;
        let mut config = grpc_config(stub.address);
        config.compression = compression;
        config.headers = vec![(http::HeaderName::from_static("x-tenant"), Secret::new("blue"))];
        let receipt = send(&grpc(&config)).await.unwrap();
        assert_eq!(
            Receipt { attempt: None, ..receipt },
            Receipt::delivered(Arc::new(ComponentId::parse("otlp_grpc").unwrap()))
        );
        let (headers, message) = seen.lock().unwrap().take().unwrap();
        assert_eq!(message.resource_spans[0].scope_spans[0].spans[0].name, "a span");
        assert_eq!(headers["x-tenant"], "blue");
        assert_eq!(headers["otlp-relay-instance"], "instance-1");
        assert_eq!(headers["grpc-timeout"], "10000m");
        assert!(headers["user-agent"].to_str().unwrap().starts_with("otlp-relay/"));
    }
}

#[tokio::test]
async fn a_large_request_arrives_whole() {
    let stub = Grpc::new(|_, message| {
        let name = &message.resource_spans[0].scope_spans[0].spans[0].name;
        assert_eq!(name.len(), 2_000_000);
        Ok(ExportTraceServiceResponse::default())
    });
    let stub = stub.start().await;
    for compression in [Compression::None, Compression::Gzip] {
        let mut config = grpc_config(stub.address);
        config.compression = compression;
        let large = payload(&"x".repeat(2_000_000));
        grpc(&config).stage(Signal::Traces).unwrap().consume(large).await.unwrap();
    }
}

#[tokio::test]
async fn rejected_spans_are_on_the_receipt() {
    let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "too old".to_owned() };
    let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
    let stub = Grpc::new(move |_, _| Ok(answer.clone())).start().await;
    let receipt = send(&grpc(&grpc_config(stub.address))).await.unwrap();
    assert_eq!((receipt.rejected, receipt.message.as_deref()), (Items(3), Some("too old")));
}

#[tokio::test]
async fn retry_info_is_obeyed() {
    let delay = Duration::from_secs(7);
    let stub = Grpc::new(move |_, _| {
        let details = ErrorDetails::with_retry_info(Some(delay));
        Err(Status::with_error_details(Code::ResourceExhausted, "slow down", details))
    });
    let stub = stub.start().await;
    let failure = check(&grpc(&grpc_config(stub.address)), Class::RateLimited, &["slow down"]).await;
    assert_eq!(failure.retry(), Retry::After(delay));
    assert_eq!(failure.peer().map(|peer| peer.code), Some(Code::ResourceExhausted));
}

#[tokio::test]
async fn a_status_of_the_backend_keeps_its_words() {
    for (status, class) in [
        (Status::unauthenticated("no token"), Class::Unauthenticated),
        (Status::permission_denied("no token"), Class::PermissionDenied),
        (Status::unavailable("no token"), Class::ServerUnavailable),
        (Status::internal("no token"), Class::ServerInternalError),
        (Status::unimplemented("no token"), Class::GrpcUnimplemented),
        (Status::invalid_argument("no token"), Class::InvalidData),
    ] {
        let stub = Grpc::new(move |_, _| Err(status.clone())).start().await;
        check(&grpc(&grpc_config(stub.address)), class, &["no token"]).await;
    }
}

#[tokio::test]
async fn an_oversize_message_is_not_retried() {
    let words = "grpc: received message larger than max (5242880 vs. 4194304)";
    let stub = Grpc::new(move |_, _| Err(Status::resource_exhausted(words))).start().await;
    let failure = check(&grpc(&grpc_config(stub.address)), Class::MessageTooLarge, &["5242880"]).await;
    assert_eq!(failure.retry(), Retry::Never);
}

#[tokio::test]
async fn an_unknown_compression_is_told_from_an_unknown_method() {
    let words = "grpc: Decompressor is not installed for grpc-encoding \"zstd\"";
    let stub = Grpc::new(move |_, _| Err(Status::unimplemented(words))).start().await;
    check(&grpc(&grpc_config(stub.address)), Class::UnsupportedCompression, &["zstd"]).await;
}

#[tokio::test]
async fn a_proxys_page_is_read_as_http_and_not_as_grpc() {
    let page = "<html><head><title>502 Bad Gateway</title></head><body>no upstream</body></html>";
    let stub = http2(move |_| response(502, &[("content-type", "text/html"), ("server", "nginx")], page)).await;
    let failure =
        check(&grpc(&grpc_config(stub.address)), Class::BadGateway, &["502 Bad Gateway", "server: nginx"]).await;
    assert_eq!(failure.retry(), Retry::BackOff);
}

#[tokio::test]
async fn a_login_page_is_no_success() {
    let stub = http2(|_| response(200, &[("content-type", "text/html")], "<title>Sign in</title>")).await;
    check(&grpc(&grpc_config(stub.address)), Class::NotOtlpResponse, &["Sign in"]).await;
}

#[tokio::test]
async fn details_that_are_not_base64_do_no_harm() {
    let stub = http2(|_| grpc_status(&[("grpc-status", "14"), ("grpc-status-details-bin", "!!not base64!!")])).await;
    check(&grpc(&grpc_config(stub.address)), Class::ServerUnavailable, &["UNAVAILABLE"]).await;
}

#[tokio::test]
async fn an_answer_without_a_status_is_a_class_of_its_own() {
    let stub = http2(|_| response(200, &[("content-type", "application/grpc")], &b"\0\0\0\0\0"[..])).await;
    check(&grpc(&grpc_config(stub.address)), Class::GrpcMissingStatus, &[]).await;
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let stub = http2(|_| response(200, &[("content-type", "application/grpc")], vec![0; 1 << 20])).await;
    check(&grpc(&grpc_config(stub.address)), Class::ResponseTooLarge, &[]).await;
}

#[tokio::test]
async fn a_backend_that_never_answers_meets_the_timeout() {
    let stub = Stub::start(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let mut kept = Vec::new();
        while let Some(request) = connection.accept().await {
            kept.push(request);
        }
    })
    .await;
    let mut config = grpc_config(stub.address);
    config.timeout = Some(SHORT);
    let backend = grpc(&config);
    for connections in 1..3 {
        let failure = check(&backend, Class::DeadlineExceeded, &["300ms", "the request was sent", "timeout"]).await;
        assert_eq!(failure.phase(), Phase::Response);
        assert!(failure.attempt().unwrap().request_written);
        // A connection that said nothing is not used again.
        assert_eq!(stub.connections(), connections);
    }
}

#[tokio::test]
async fn many_requests_at_once_share_few_connections() {
    let stub = accepting().start().await;
    let backend = Arc::new(grpc(&grpc_config(stub.address)));
    let sends: Vec<_> = (0..300)
        .map(|_| {
            let backend = Arc::clone(&backend);
            tokio::spawn(async move { send(&backend).await.map(|_| ()) })
        })
        .collect();
    for sent in sends {
        sent.await.unwrap().unwrap();
    }
    assert!(stub.connections() <= 4, "{}", stub.connections());
}
