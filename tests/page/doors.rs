//! Who may look, how, and what browsers are told to do with the answer.

use http::Method;

use crate::scene::start;
use crate::support::client::http_request;
use crate::support::setup::Setup;

async fn relay() -> (crate::support::relay::Relay, u16) {
    let setup = Setup::new().exporter("nop", "").pipeline("traces", "receivers: [otlp], exporters: [nop]");
    start(&setup).await
}

#[tokio::test]
async fn a_page_of_the_web_that_points_its_name_here_learns_nothing() {
    let (relay, port) = relay().await;
    for (host, expected) in [
        ("localhost", 200),
        ("localhost:55679", 200),
        ("127.0.0.1", 200),
        ("[::1]:55679", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
    ] {
        for path in ["/", "/api/status", "/debug/pipelinez"] {
            let answer = http_request(Method::GET, port, path, &[("host", host)], "").await;
            assert_eq!(answer.status, expected, "{path} of {host}");
        }
    }
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn pages_are_looked_at_and_not_posted_to() {
    let (relay, port) = relay().await;
    for path in ["/", "/api/status", "/debug/servicez"] {
        let posted = http_request(Method::POST, port, path, &[], "x").await;
        assert_eq!((posted.status.as_u16(), posted.header("allow")), (405, Some("GET, HEAD")), "{path}");
        let head = http_request(Method::HEAD, port, path, &[], "").await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{path}");
        assert!(head.header("content-length").is_some_and(|length| length != "0"), "{path}");
    }
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn browsers_are_told_to_load_nothing_and_keep_nothing() {
    let (relay, port) = relay().await;
    for path in ["/", "/api/status", "/debug/featurez", "/nothing"] {
        let answer = http_request(Method::GET, port, path, &[], "").await;
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")]
        {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let policy = answer.header("content-security-policy").unwrap_or_default().to_owned();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
    }
    let policy = |_| async {
        let answer = http_request(Method::GET, port, "/", &[], "").await;
        answer.header("content-security-policy").unwrap_or_default().to_owned()
    };
    assert_ne!(policy(1).await, policy(2).await, "each answer has a nonce of its own");
    relay.stop_without_loss().await;
}
