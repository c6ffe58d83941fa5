//! What browsers are told of who may send here.

use otlp_relay::protocol::Protocol;

use crate::support::{Got, Rig, traces};

const PAGE: &str = "https://app.example.com";

async fn rig(cors: &str) -> Rig {
    Rig::configured(Protocol::Http, &format!("protocols: {{http: {{cors: {{{cors}}}}}}}")).await
}

/// What a browser asks before a page at `origin` posts with these headers.
async fn preflight(rig: &Rig, origin: &str, headers: &str) -> Got {
    let head = format!(
        "OPTIONS /v1/traces HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: {headers}"
    );
    rig.http1(&head, b"").await
}

async fn check_preflight(cors: &str, origin: &str, headers: &str, expected: &str) {
    let rig = rig(cors).await;
    let got = preflight(&rig, origin, headers).await;
    assert_eq!((got.status, got.body.len()), (204, 0), "{got:?}");
    assert_eq!(got.header("access-control-allow-origin"), expected, "{cors} {origin} {headers}");
    let allowed = if expected.is_empty() { ["", "", ""] } else { ["POST", "true", headers] };
    let names = ["access-control-allow-methods", "access-control-allow-credentials", "access-control-allow-headers"];
    assert_eq!(names.map(|name| got.header(name)), allowed, "{cors} {origin} {headers}");
    assert!(got.headers.contains_key("vary"));
    assert!(rig.refused.take().is_empty());
}

#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_granted() {
    check_preflight("allowed_origins: ['https://app.example.com']", PAGE, "content-type", PAGE).await;
    check_preflight("allowed_origins: ['https://*.example.com']", PAGE, "content-type", PAGE).await;
    check_preflight("allowed_origins: ['HTTPS://App.Example.com', 'http://b']", PAGE, "content-type", PAGE).await;
    check_preflight("allowed_origins: ['*']", PAGE, "content-type", "*").await;
    check_preflight("allowed_origins: ['*']", "null", "content-type", "*").await;
}

#[tokio::test]
async fn a_preflight_of_another_origin_is_answered_without_a_grant() {
    let own = "allowed_origins: ['https://*.example.com']";
    for origin in ["https://example.com", "http://app.example.com", "https://app.example.com.evil.org", "null"] {
        check_preflight(own, origin, "content-type", "").await;
    }
}

#[tokio::test]
async fn headers_have_to_be_allowed_beyond_those_that_everyone_needs() {
    let listed = "allowed_origins: ['*'], allowed_headers: [X-Tenant]";
    check_preflight(listed, PAGE, "content-type,x-tenant", "*").await;
    check_preflight(listed, PAGE, "authorization, content-type", "").await;
    check_preflight("allowed_origins: ['*'], allowed_headers: ['*']", PAGE, "authorization, x-any", "*").await;
    check_preflight("allowed_origins: ['*']", PAGE, "x-tenant", "").await;
}

#[tokio::test]
async fn a_preflight_for_another_method_is_not_granted() {
    let rig = rig("allowed_origins: ['*']").await;
    let head = format!("OPTIONS /v1/traces HTTP/1.1\r\nOrigin: {PAGE}\r\nAccess-Control-Request-Method: DELETE");
    let got = rig.http1(&head, b"").await;
    assert_eq!((got.status, got.header("access-control-allow-origin")), (204, ""));
}

#[tokio::test]
async fn a_preflight_may_be_kept_for_max_age() {
    let rig = rig("allowed_origins: ['*'], max_age: 7200").await;
    assert_eq!(preflight(&rig, PAGE, "content-type").await.header("access-control-max-age"), "7200");
}

#[tokio::test]
async fn every_answer_lets_the_page_see_it() {
    let rig = rig("allowed_origins: ['https://*.example.com'], exposed_headers: [Retry-After, X-Id]").await;
    let body = traces(1, 4);
    for (headers, status) in [("", 200), ("Content-Encoding: br\r\n", 400)] {
        let got = rig.post(&format!("{headers}Origin: {PAGE}"), &body).await;
        assert_eq!((got.status, got.header("access-control-allow-origin")), (status, PAGE), "{got:?}");
        assert_eq!(got.header("access-control-allow-credentials"), "true");
        assert_eq!(got.header("access-control-expose-headers"), "retry-after, x-id");
        assert_eq!(got.header("vary"), "origin");
    }
    let stranger = rig.post("Origin: https://evil.org", &body).await;
    assert_eq!((stranger.status, stranger.header("access-control-allow-origin")), (200, ""));
    assert_eq!(rig.post("", &body).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_origins_nothing_is_said() {
    let rig = rig("").await;
    assert_eq!(preflight(&rig, PAGE, "content-type").await.status, 405);
    let got = rig.post(&format!("Origin: {PAGE}"), &traces(1, 4)).await;
    assert_eq!((got.status, got.header("vary")), (200, ""));
}
