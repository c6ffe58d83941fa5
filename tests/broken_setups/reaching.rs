//! Backends that cannot be reached, or do not answer.

use crate::stubs::{Stub, accepting, closed_port, http1, response};
use crate::support::setup::{QUICK_RETRY, Setup};
use crate::trial::{Again, Expected, SECRET, check, exporting};

fn grpc_to(endpoint: &str, settings: &str) -> Setup {
    exporting("otlp_grpc", &format!("endpoint: '{endpoint}', {QUICK_RETRY}, tls: {{insecure: true}}, {settings}"))
}

#[tokio::test]
async fn nothing_listens() {
    let port = closed_port();
    let expected = Expected {
        class: "connection_refused",
        phase: "connect",
        retry: Again::Yes,
        words: &[&port.to_string(), "refused", "running|listening"],
        never: &[],
    };
    check(|| grpc_to(&format!("http://{port}"), ""), &[], &expected).await;
}

#[tokio::test]
async fn the_backend_listens_on_the_other_family_only() {
    let port = accepting().start().await.address.port();
    let expected = Expected {
        class: "connection_refused",
        phase: "connect",
        retry: Again::Yes,
        words: &[&format!("[::1]:{port}"), &format!("127.0.0.1:{port} accepts connections"), "IPv4 only"],
        never: &[],
    };
    check(|| grpc_to(&format!("http://[::1]:{port}"), ""), &[], &expected).await;
}

#[tokio::test]
async fn the_backend_accepts_and_never_answers() {
    let stub = Stub::start(|stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        let mut calls = Vec::new();
        while let Some(Ok(call)) = connection.accept().await {
            calls.push(call);
        }
    })
    .await;
    let expected = Expected {
        class: "deadline_exceeded",
        phase: "response",
        retry: Again::Yes,
        words: &["300ms", "timeout", "was sent", "no answer"],
        never: &["cancelled"],
    };
    check(|| grpc_to(&format!("http://{}", stub.address), "timeout: 300ms"), &[], &expected).await;
}

#[tokio::test]
async fn the_tls_handshake_is_never_answered() {
    let stub = Stub::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let expected = Expected {
        class: "tls_handshake_timeout",
        phase: "tls",
        retry: Again::Yes,
        words: &["300ms", "TLS handshake", "TCP connects"],
        never: &[],
    };
    let settings = format!("endpoint: 'https://{}', timeout: 300ms, {QUICK_RETRY}", stub.address);
    check(|| exporting("otlp_grpc", &settings), &[], &expected).await;
}

#[tokio::test]
async fn nobody_made_the_unix_socket() {
    let expected = Expected {
        class: "connection_refused",
        phase: "connect",
        retry: Again::Yes,
        words: &["/no/such.sock", "unix socket"],
        never: &["127.0.0.1:0", "host.docker.internal"],
    };
    check(|| grpc_to("unix:///no/such.sock", ""), &[], &expected).await;
}

#[tokio::test]
async fn the_proxy_wants_a_login() {
    let proxy = http1(|_| response(407, &[("proxy-authenticate", "Negotiate")], "")).await;
    let url = format!("http://{}", proxy.address);
    let expected = Expected {
        class: "proxy_auth_required",
        phase: "proxy",
        retry: Again::Yes,
        words: &["407", "HTTPS_PROXY", &proxy.address.to_string(), "user", "Negotiate"],
        never: &[],
    };
    let settings = format!("endpoint: 'https://backend.example.test:4318', {QUICK_RETRY}");
    check(|| exporting("otlp_http", &settings), &[("HTTPS_PROXY", &url)], &expected).await;
}

#[tokio::test]
async fn the_proxy_is_not_there() {
    let port = closed_port();
    let url = format!("http://user:{SECRET}@{port}");
    let expected = Expected {
        class: "proxy_unreachable",
        phase: "proxy",
        retry: Again::Yes,
        words: &["HTTPS_PROXY", &port.to_string(), "NO_PROXY", "refused"],
        never: &[],
    };
    let settings = format!("endpoint: 'https://backend.example.test:4318', {QUICK_RETRY}");
    check(|| exporting("otlp_http", &settings), &[("HTTPS_PROXY", &url)], &expected).await;
}

#[tokio::test]
async fn a_proxy_that_takes_the_connection_itself() {
    let proxy = http1(|_| response(200, &[], "")).await;
    let url = format!("http://{}", proxy.address);
    let expected = Expected {
        class: "tls_handshake_closed",
        phase: "tls",
        retry: Again::Yes,
        words: &["HTTPS_PROXY", &url, "goes through the proxy"],
        never: &[],
    };
    let settings = format!("endpoint: 'https://backend.example.test:4318', {QUICK_RETRY}");
    check(|| exporting("otlp_http", &settings), &[("HTTPS_PROXY", &url)], &expected).await;
}

#[tokio::test]
async fn a_proxy_of_plain_http_that_answers_itself() {
    let proxy = http1(|_| response(403, &[("server", "squid/6")], "<title>Access denied</title>")).await;
    let url = format!("http://{}", proxy.address);
    let expected = Expected {
        class: "permission_denied",
        phase: "auth",
        retry: Again::No,
        words: &["403", "HTTP_PROXY", &url, "may have answered itself"],
        never: &[],
    };
    let settings = format!("endpoint: 'http://backend.example.test:4318', {QUICK_RETRY}");
    check(|| exporting("otlp_http", &settings), &[("HTTP_PROXY", &url)], &expected).await;
}

#[tokio::test]
async fn the_proxy_forbids_the_backend() {
    let proxy = http1(|_| response(403, &[("server", "squid/6")], "<title>Access denied</title>")).await;
    let url = format!("http://{}", proxy.address);
    let expected = Expected {
        class: "proxy_denied",
        phase: "proxy",
        retry: Again::Yes,
        words: &["403", "HTTPS_PROXY", "squid/6", "Access denied"],
        never: &[],
    };
    let settings = format!("endpoint: 'https://backend.example.test:4318', {QUICK_RETRY}");
    check(|| exporting("otlp_http", &settings), &[("HTTPS_PROXY", &url)], &expected).await;
}
