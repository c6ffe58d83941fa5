//! Exporters on ports that speak something else.

use std::sync::{Arc, Mutex};

use otlp_relay::config::Secret;
use otlp_relay::failure::{Class, Phase, Retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stubs::{Stub, accepting, http1, response};
use crate::support::{RUNS, check, grpc, grpc_config, http, http_config, trusting};
use crate::tls::{Authority, start_tls};

#[tokio::test]
async fn grpc_to_a_port_that_only_knows_http1() {
    let stub = http1(|_| response(404, &[], "")).await;
    for _ in 0..RUNS {
        let words = ["HTTP/1.1", "gRPC", "otlphttp|4318"];
        let failure = check(&grpc(&grpc_config(stub.address)), Class::GrpcToHttp1Port, &words).await;
        assert_eq!((failure.phase(), failure.retry()), (Phase::Http2, Retry::Hold));
        assert!(!failure.cause().contains("broken pipe"));
    }
}

/// It costs the backend four connections, none of which carries data or a header of the configuration.
#[tokio::test]
async fn the_look_is_taken_once_and_shows_nothing_of_ours() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let stub = http1(move |request| {
        let has_header = request.headers().contains_key("x-tenant");
        noted.lock().unwrap().push((request.uri().path().to_owned(), has_header, request.body().len()));
        response(404, &[], "")
    })
    .await;
    let mut config = grpc_config(stub.address);
    config.headers = vec![(http::HeaderName::from_static("x-tenant"), Secret::new("blue"))];
    let backend = grpc(&config);
    const ATTEMPTS: usize = 3;
    for _ in 0..ATTEMPTS {
        check(&backend, Class::GrpcToHttp1Port, &[]).await;
    }
    assert_eq!(stub.connections(), ATTEMPTS + 4);
    assert_eq!(*seen.lock().unwrap(), [("/v1/traces".to_owned(), false, 0)]);
}

#[tokio::test]
async fn grpc_to_a_web_server_that_answers_400() {
    let stub = Stub::start(|mut stream| async move {
        let mut head = [0; 24];
        let _ = stream.read_exact(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    for _ in 0..RUNS {
        check(&grpc(&grpc_config(stub.address)), Class::GrpcToHttp1Port, &["HTTP/1.1"]).await;
    }
}

#[tokio::test]
async fn http1_to_a_grpc_port() {
    let stub = accepting().start().await;
    for _ in 0..RUNS {
        let words = ["gRPC|HTTP/2", "otlphttp", "4318"];
        let failure = check(&http(&http_config(stub.address)), Class::Http1ToGrpcPort, &words).await;
        assert_eq!(failure.phase(), Phase::Response);
        assert!(!failure.cause().contains("invalid HTTP version"));
    }
}

#[tokio::test]
async fn plaintext_to_a_tls_port() {
    let stub = start_tls(Authority::new("test CA").server(&["localhost"])).await;
    for _ in 0..RUNS {
        let failure = check(&grpc(&grpc_config(stub.address)), Class::PlaintextToTlsPort, &["TLS", "insecure"]).await;
        assert_eq!(failure.phase(), Phase::Http2);
        check(&http(&http_config(stub.address)), Class::PlaintextToTlsPort, &["TLS"]).await;
    }
}

#[tokio::test]
async fn tls_to_a_plaintext_port() {
    let authority = Authority::new("test CA");
    let grpc_stub = accepting().start().await;
    let http_stub = http1(|_| response(200, &[], "")).await;
    for _ in 0..RUNS {
        for address in [grpc_stub.address, http_stub.address] {
            let mut config = grpc_config(address);
            config.tls = trusting(&authority.pem());
            let failure = check(&grpc(&config), Class::TlsToPlaintextPort, &["plaintext"]).await;
            assert_eq!(failure.phase(), Phase::Tls);
            assert!(!failure.cause().contains("InvalidContentType"));
        }
    }
}

#[tokio::test]
async fn another_service_is_shown_by_its_banner() {
    let stub = Stub::start(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    for _ in 0..RUNS {
        check(&grpc(&grpc_config(stub.address)), Class::ProtocolMismatch, &["SSH-2.0"]).await;
    }
}
