//! Exporters on ports that speak something else.

use crate::certificates::{Authority, serve_tls};
use crate::stubs::{Stub, accepting, http1, response};
use crate::support::setup::{QUICK_RETRY, Setup};
use crate::trial::{Again, Expected, check, exporting};
use tokio::io::AsyncWriteExt;

fn to(exporter: &'static str, endpoint: String) -> impl Fn() -> Setup {
    move || exporting(exporter, &format!("endpoint: '{endpoint}', {QUICK_RETRY}"))
}

#[tokio::test]
async fn grpc_to_a_port_that_only_knows_http1() {
    let stub = http1(|_| response(404, &[], "")).await;
    let expected = Expected {
        class: "grpc_to_http1_port",
        phase: "http2",
        retry: Again::Yes,
        words: &["HTTP/1.1", "gRPC", "otlphttp|4318"],
        never: &["broken pipe"],
    };
    check(to("otlp_grpc", format!("http://{}", stub.address)), &[], &expected).await;
}

#[tokio::test]
async fn http_to_a_grpc_port() {
    let stub = accepting().start().await;
    let expected = Expected {
        class: "http1_to_grpc_port",
        phase: "response",
        retry: Again::Yes,
        words: &["gRPC", "HTTP/2", "otlphttp", "4318"],
        never: &["invalid HTTP version"],
    };
    check(to("otlp_http", format!("http://{}", stub.address)), &[], &expected).await;
}

#[tokio::test]
async fn plaintext_to_a_tls_port() {
    let stub = serve_tls(Authority::new("test CA").server(&["localhost"])).await;
    let expected = Expected {
        class: "plaintext_to_tls_port",
        phase: "http2",
        retry: Again::Yes,
        words: &["TLS", "insecure", "https://|insecure: false"],
        never: &["broken pipe"],
    };
    check(to("otlp_grpc", format!("http://{}", stub.address)), &[], &expected).await;
    check(to("otlp_http", format!("http://{}", stub.address)), &[], &expected).await;
}

#[tokio::test]
async fn tls_to_a_plaintext_port() {
    let (grpc, http) = (accepting().start().await, http1(|_| response(200, &[], "")).await);
    let expected = Expected {
        class: "tls_to_plaintext_port",
        phase: "tls",
        retry: Again::Yes,
        words: &["plaintext", "insecure: true|http://"],
        never: &["InvalidContentType"],
    };
    check(to("otlp_grpc", format!("https://{}", grpc.address)), &[], &expected).await;
    check(to("otlp_http", format!("https://{}", http.address)), &[], &expected).await;
}

#[tokio::test]
async fn tls_to_another_service() {
    let stub = Stub::start(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    let expected = Expected {
        class: "protocol_mismatch",
        phase: "tls",
        retry: Again::Yes,
        words: &["neither TLS nor HTTP", "another service"],
        never: &["InvalidContentType", "http://"],
    };
    check(to("otlp_grpc", format!("https://{}", stub.address)), &[], &expected).await;
}

#[tokio::test]
async fn another_service_on_the_port() {
    let stub = Stub::start(|mut stream| async move {
        let _ = stream.write_all(b"-ERR unknown command 'PRI'\r\n").await;
    })
    .await;
    let expected = Expected {
        class: "protocol_mismatch",
        phase: "http2",
        retry: Again::Yes,
        words: &["-ERR unknown command", "neither HTTP nor TLS", "Redis"],
        never: &[],
    };
    check(to("otlp_grpc", format!("http://{}", stub.address)), &[], &expected).await;
}
