//! Backends that answer, but not what one hopes for.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use crate::stubs::{grpc_status, http1, http2, response};
use crate::support::setup::{QUICK_RETRY, Setup};
use crate::trial::{Again, Expected, SECRET, check, exporting};

/// An `otlp_http` exporter with a secret header, to a backend with one answer for everything.
async fn check_http<F>(answer: F, expected: &Expected<'_>)
where
    F: Fn(Request<Bytes>) -> Response<Full<Bytes>> + Clone + Send + 'static,
{
    let stub = http1(answer).await;
    let settings =
        format!("endpoint: 'http://{}', headers: {{authorization: 'Bearer {SECRET}'}}, {QUICK_RETRY}", stub.address);
    check(|| exporting("otlp_http", &settings), &[], expected).await;
}

fn grpc_to(address: std::net::SocketAddr) -> impl Fn() -> Setup {
    move || exporting("otlp_grpc", &format!("endpoint: 'http://{address}', tls: {{insecure: true}}, {QUICK_RETRY}"))
}

async fn check_grpc(headers: &'static [(&'static str, &'static str)], expected: &Expected<'_>) {
    let stub = http2(move |_| grpc_status(headers)).await;
    check(grpc_to(stub.address), &[], expected).await;
}

#[tokio::test]
async fn a_path_that_does_not_exist() {
    let stub = http1(|_| response(404, &[], "404 page not found")).await;
    let expected = Expected {
        class: "http_not_found",
        phase: "response",
        retry: Again::No,
        words: &["404", "/v1/traces", "traces_endpoint", &format!("http://{}/", stub.address)],
        never: &[],
    };
    let settings = format!("traces_endpoint: 'http://{}', {QUICK_RETRY}", stub.address);
    let setup = || exporting("otlp_http", &settings).pipeline("traces", "receivers: [otlp], exporters: [otlp_http]");
    check(setup, &[], &expected).await;
}

#[tokio::test]
async fn credentials_that_are_refused() {
    let expected = Expected {
        class: "unauthenticated",
        phase: "auth",
        retry: Again::No,
        words: &["401", "no token", "the request has the header authorization", "Bearer realm=x"],
        never: &[],
    };
    let headers = [("www-authenticate", "Bearer realm=x"), ("content-type", "application/json")];
    check_http(move |_| response(401, &headers, r#"{"error":"no token"}"#), &expected).await;
}

#[tokio::test]
async fn a_permission_that_is_denied_over_grpc() {
    let expected = Expected {
        class: "permission_denied",
        phase: "auth",
        retry: Again::No,
        words: &["PERMISSION_DENIED", "wrong tenant", "no header with credentials"],
        never: &[],
    };
    check_grpc(&[("grpc-status", "7"), ("grpc-message", "wrong tenant")], &expected).await;
}

#[tokio::test]
async fn a_message_over_the_limit() {
    let expected = Expected {
        class: "message_too_large",
        phase: "request",
        retry: Again::No,
        words: &["5.0 MiB", "4.0 MiB", "send_batch_max_size|max_size"],
        never: &[],
    };
    const GO: &str = "grpc: received message larger than max (5242880 vs. 4194304)";
    check_grpc(&[("grpc-status", "8"), ("grpc-message", GO)], &expected).await;
    // What servers of tonic say, with a code that clients would retry for ever.
    const TONIC: &str = "Error, decoded message length too large: found 5242880 bytes, the limit is: 4194304 bytes";
    check_grpc(&[("grpc-status", "11"), ("grpc-message", TONIC)], &expected).await;
}

#[tokio::test]
async fn a_rate_limit_with_a_delay() {
    let expected = Expected {
        class: "rate_limited",
        phase: "response",
        retry: Again::Yes,
        words: &["429", "1s", "rate|quota"],
        never: &[],
    };
    check_http(|_| response(429, &[("retry-after", "1")], ""), &expected).await;
}

#[tokio::test]
async fn a_load_balancer_that_answers_for_the_backend() {
    let expected = Expected {
        class: "bad_gateway",
        phase: "response",
        retry: Again::Yes,
        words: &["502", "answered by the load balancer or proxy awselb/2.0, not by the backend"],
        never: &["compression flag"],
    };
    let page = |_| response(502, &[("server", "awselb/2.0"), ("content-type", "text/html")], "<html>502</html>");
    check_http(page, &expected).await;
    check(grpc_to(http2(page).await.address), &[], &expected).await;
}

#[tokio::test]
async fn a_web_server_that_knows_no_grpc() {
    for (status, class) in [(404, "http_not_found"), (415, "http_unsupported_media_type")] {
        let stub = http2(move |_| response(status, &[], "")).await;
        let expected = Expected {
            class,
            phase: "response",
            retry: Again::No,
            words: &[&status.to_string(), "knows no gRPC at this path", "otlphttp"],
            never: &["traces_endpoint and its kin are used as they are written"],
        };
        check(grpc_to(stub.address), &[], &expected).await;
    }
}

#[tokio::test]
async fn data_that_cannot_be_processed() {
    let expected = Expected {
        class: "invalid_data",
        phase: "response",
        retry: Again::No,
        words: &["422", "bad span"],
        never: &[],
    };
    check_http(|_| response(422, &[], "bad span"), &expected).await;
}

#[tokio::test]
async fn a_status_without_a_name() {
    let expected = Expected {
        class: "lb_protocol_mismatch",
        phase: "response",
        retry: Again::No,
        words: &["HTTP 464", "awselb"],
        never: &["unknown status"],
    };
    check_http(|_| response(464, &[("server", "awselb/2.0")], ""), &expected).await;
}

#[tokio::test]
async fn a_login_page_with_200() {
    let expected = Expected {
        class: "not_otlp_response",
        phase: "response",
        retry: Again::No,
        words: &["200", "Sign in", "login page"],
        never: &["compression flag"],
    };
    let page = |_| response(200, &[("content-type", "text/html")], "<title>Sign in</title>");
    check_http(page, &expected).await;
    check(grpc_to(http2(page).await.address), &[], &expected).await;
}

#[tokio::test]
async fn a_redirect() {
    let expected = Expected {
        class: "http_redirect",
        phase: "response",
        retry: Again::No,
        words: &["301", "https://elsewhere.example/"],
        never: &[],
    };
    check_http(|_| response(301, &[("location", "https://elsewhere.example/")], ""), &expected).await;
}

#[tokio::test]
async fn a_compression_that_is_not_known() {
    let expected = Expected {
        class: "unsupported_compression",
        phase: "request",
        retry: Again::No,
        words: &["compressed with gzip", "accepts identity", "compression: none"],
        never: &[],
    };
    const WORDS: &str = "grpc: Decompressor is not installed for grpc-encoding \"gzip\"";
    const HEADERS: &[(&str, &str)] =
        &[("grpc-status", "12"), ("grpc-message", WORDS), ("grpc-accept-encoding", "identity")];
    check_grpc(HEADERS, &expected).await;
}

#[tokio::test]
async fn a_signal_that_the_backend_does_not_offer() {
    let expected = Expected {
        class: "grpc_unimplemented",
        phase: "response",
        retry: Again::No,
        words: &["UNIMPLEMENTED", "unknown service"],
        never: &[],
    };
    check_grpc(&[("grpc-status", "12"), ("grpc-message", "unknown service")], &expected).await;
}

#[tokio::test]
async fn an_answer_without_a_verdict() {
    let expected = Expected {
        class: "grpc_missing_status",
        phase: "response",
        retry: Again::Yes,
        words: &["without a grpc-status", "may or may not have arrived"],
        never: &[],
    };
    check_grpc(&[], &expected).await;
}
