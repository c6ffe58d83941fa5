//! What a check finds on the way to an endpoint, and in its answers.

use crate::looks::{check, checked, sending};
use crate::servers::{answer, http1, silent};
use crate::support::backend::Backend;
use crate::support::cli::run;
use crate::support::net::free_port;

fn grpc(port: u16) -> String {
    sending("otlp_grpc", &format!("endpoint: '127.0.0.1:{port}', tls: {{insecure: true}}"))
}

fn http(port: u16) -> String {
    sending("otlp_http", &format!("endpoint: 'http://127.0.0.1:{port}'"))
}

#[tokio::test]
async fn a_healthy_backend_takes_an_empty_export_and_no_data() {
    let backend = Backend::start();
    for yaml in [grpc(backend.grpc), http(backend.http)] {
        let found = check(&yaml, &[], &[]).await;
        found.is_well();
        assert!(found.text.contains("compression gzip accepted"), "{}", found.text);
    }
    let records = backend.records();
    assert!(!records.is_empty() && records.iter().all(|record| record.items == 0), "{records:?}");
}

#[tokio::test]
async fn nobody_listens_and_the_rest_is_not_tried() {
    let found = check(&grpc(free_port()), &[], &[]).await;
    found.fails(
        "connect",
        "connection_refused",
        "connect",
        &["refused the connection", "not tried: needs a connection"],
    );
}

#[tokio::test]
async fn grpc_on_a_port_of_http_and_the_other_way_round() {
    let port = http1(|_| answer("404 Not Found", "text/plain", "nothing here"));
    check(&grpc(port), &[], &[]).await.fails("protocol", "grpc_to_http1_port", "http2", &["HTTP/1.1", "otlp_http"]);
    let backend = Backend::start();
    let found = check(&http(backend.grpc), &[], &[]).await;
    found.fails("protocol", "http1_to_grpc_port", "response", &["HTTP/2", "otlp_grpc"]);
}

#[tokio::test]
async fn tls_on_a_plaintext_port_is_seen_whether_it_answers_or_closes() {
    let port = http1(|_| answer("200 OK", "text/plain", ""));
    let backend = Backend::start();
    for port in [port, backend.grpc] {
        let yaml = sending("otlp_grpc", &format!("endpoint: 'https://127.0.0.1:{port}'"));
        let found = check(&yaml, &[], &[]).await;
        found.fails("tls", "tls_to_plaintext_port", "tls", &["endpoint: http://127.0.0.1"]);
    }
}

#[tokio::test]
async fn a_refusal_is_told_once_and_a_token_that_is_said_back_is_masked() {
    let port = http1(|head| {
        let token =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("authorization: ").map(str::to_owned));
        answer("401 Unauthorized", "text/plain", &format!("bad token: {}", token.unwrap_or_default()))
    });
    let settings = format!("endpoint: 'http://127.0.0.1:{port}', headers: {{authorization: 'Bearer s3cr3t-abc'}}");
    let found = check(&sending("otlp_http", &settings), &[], &[]).await;
    found.fails("export", "unauthenticated", "auth", &["401", "bad token", "[REDACTED]"]);
    assert_eq!(found.with("failed").len(), 1, "{}", found.text);
    assert!(found.text.contains("fails like traces: unauthenticated"), "{}", found.text);
    assert!(!found.text.contains("s3cr3t-abc"), "{}", found.text);
    let settings = format!("endpoint: 'http://127.0.0.1:{port}', auth: {{authenticator: bearertokenauth}}");
    let extension = "extensions: {bearertokenauth: {token: s3cr3t-abc}}\nservice:\n  extensions: [bearertokenauth]\n";
    let found = check(&sending("otlp_http", &settings).replace("service:\n", extension), &[], &[]).await;
    found.fails("export", "unauthenticated", "auth", &["bad token", "[REDACTED]"]);
    assert!(!found.text.contains("s3cr3t-abc"), "{}", found.text);
    let url = format!("http://127.0.0.1:{port}");
    let text = run(&["check", &url, "--header", "authorization=Bearer s3cr3t-abc", "-v"], &[]).await;
    assert!(text.code == Some(2) && !text.stdout.contains("s3cr3t-abc"), "{text:?}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_seen_by_the_date_of_the_answer() {
    let dated = |date: &'static str| {
        http1(move |_| format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
    };
    let found = check(&http(dated("Thu, 01 Jan 2015 00:00:00 GMT")), &[], &[]).await;
    let clock = found.with("warning").into_iter().find(|check| check["id"] == "clock").cloned();
    let cause = clock.unwrap_or_else(|| panic!("no warning of the clock in\n{}", found.text))["cause"].clone();
    assert!(cause.as_str().unwrap().contains("ahead of the backend's Date"), "{cause}");
    assert_eq!(found.code, Some(0), "{}", found.text);
}

#[tokio::test]
async fn a_login_page_is_no_success() {
    let port = http1(|_| answer("200 OK", "text/html", "<html><title>Sign in</title></html>"));
    check(&http(port), &[], &[]).await.fails("export", "not_otlp_response", "response", &["Sign in"]);
}

#[tokio::test]
async fn a_compression_that_is_not_taken_is_told_from_other_refusals() {
    let port = http1(|head| match head.to_ascii_lowercase().contains("content-encoding") {
        true => answer("400 Bad Request", "text/plain", "cannot read this"),
        false => answer("200 OK", "application/x-protobuf", ""),
    });
    let words = ["without compression, but not with gzip", "compression: none"];
    check(&http(port), &[], &[]).await.fails("export", "unsupported_compression", "request", &words);
}

#[tokio::test]
async fn a_proxy_that_wants_a_login_is_blamed_with_who_chose_it() {
    let port = http1(|_| answer("407 Proxy Authentication Required", "text/plain", "who are you"));
    let yaml = sending("otlp_grpc", "endpoint: 'backend.example:4317', tls: {insecure: true}");
    let proxy = format!("http://127.0.0.1:{port}");
    let found = check(&yaml, &[], &[("HTTPS_PROXY", &proxy)]).await;
    found.fails("tunnel", "proxy_auth_required", "proxy", &["407", "HTTPS_PROXY", &proxy]);
    let dead = format!("http://127.0.0.1:{}", free_port());
    let found = check(&yaml, &[], &[("HTTPS_PROXY", &dead)]).await;
    found.fails("connect", "proxy_unreachable", "proxy", &["HTTPS_PROXY", "needs a connection"]);
}

#[tokio::test]
async fn an_endpoint_that_goes_directly_says_why() {
    let backend = Backend::start();
    let proxy = ("HTTPS_PROXY", "http://127.0.0.1:1");
    let found = check(&grpc(backend.grpc), &[], &[proxy]).await;
    found.is_well();
    assert!(found.text.contains("this machine itself is never asked through a proxy"), "{}", found.text);
}

#[tokio::test]
async fn a_dead_name_fails_at_the_lookup() {
    let yaml = sending("otlp_http", "endpoint: 'http://nosuch.invalid:4318'");
    let found = check(&yaml, &[], &[]).await;
    let class = found.with("failed")[0]["class"].as_str().unwrap().to_owned();
    // A machine without any nameserver cannot know.
    assert!(["dns_not_found", "dns_temporary_failure"].contains(&class.as_str()), "{}", found.text);
    found.fails("resolve", &class, "resolve", &["nosuch.invalid", "not tried: needs an address"]);
}

#[tokio::test]
async fn a_peer_that_never_answers_does_not_hold_the_check_up() {
    let (_listener, port) = silent();
    let yaml = sending("otlp_grpc", &format!("endpoint: 'https://127.0.0.1:{port}'"));
    check(&yaml, &[], &[]).await.fails("tls", "tls_handshake_timeout", "tls", &["not tried: needs TLS"]);
    check(&http(port), &[], &[]).await.fails("export", "deadline_exceeded", "response", &["no answer"]);
}

#[tokio::test]
async fn one_endpoint_is_checked_without_a_configuration() {
    let backend = Backend::start();
    let url = format!("http://127.0.0.1:{}", backend.grpc);
    let found = checked(&["check", &url, "--protocol", "grpc", "--json"], &[]).await;
    found.is_well();
    let url = format!("http://127.0.0.1:{}", backend.http);
    checked(&["check", &url, "--json"], &[]).await.is_well();
    let found = checked(&["check", "http://u:s3cr3t@127.0.0.1:1", "--json"], &[]).await;
    assert!(found.code == Some(3) && !found.text.contains("s3cr3t"), "{}", found.text);
}
