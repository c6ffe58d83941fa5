//! Does a page in a real browser get its telemetry through? Chromium, and the built program with `cors:`.
//!
//! Without Chromium a test says so and passes; `OTLP_RELAY_REQUIRE_INTEROP=1` has it installed where that can be done.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod page;

use std::sync::Arc;

use otlp_relay::payload::Payload;
use serde_json::{Value, json};

use page::{Page, Post, Way};
use support::backend::Backend;
use support::chromium::Chromium;
use support::client::{Coding, Wire, compress};
use support::export::{Export, Signal, assert_same_items};
use support::generate;
use support::relay::Relay;
use support::setup::Setup;

/// A relay that lets pages of these origins send.
async fn relay(backend: &Backend, origins: &str) -> Relay {
    let setup = Setup::forwarding(Wire::Grpc, backend, "");
    let cors = format!(
        ", cors: {{allowed_origins: [{origins}], allowed_headers: [content-encoding, x-tenant], \
         exposed_headers: [x-served-by], max_age: 60}}, response_headers: {{x-served-by: relay}}"
    );
    let (grpc, http) = (setup.ports.grpc, setup.ports.http);
    Relay::start(&setup.receiver("otlp", grpc, http, &cors)).await
}

/// `export` as a client of OTLP/JSON writes it.
fn json_of(export: &Export) -> Vec<u8> {
    let signal = otlp_relay::signal::Signal::from_http_path(export.signal().path()).unwrap();
    Payload::parse(signal, export.encode().into()).unwrap().to_json().into()
}

fn post(export: &Export, way: Way, content_type: &'static str, body: Vec<u8>) -> Post {
    let headers = vec![("content-type", content_type)];
    Post { path: export.signal().path(), way, headers, body }
}

/// Every signal, in both formats, plain and compressed; and one that the page sends as it is left.
fn posts() -> (Vec<Export>, Vec<Post>) {
    let (mut exports, mut posts) = (Vec::new(), Vec::new());
    let mut next = 0;
    for signal in Signal::ALL {
        for (content_type, json) in [("application/json", true), ("application/x-protobuf", false)] {
            for coding in [Coding::None, Coding::Gzip] {
                let export = generate::request(signal, "page", next..next + 3);
                next += 3;
                let plain = if json { json_of(&export) } else { export.encode() };
                let mut post = post(&export, Way::Fetch, content_type, compress(coding, &plain));
                post.headers.push(("x-tenant", "acme"));
                if coding == Coding::Gzip {
                    post.headers.push(("content-encoding", "gzip"));
                }
                exports.push(export);
                posts.push(post);
            }
        }
    }
    let last = generate::request(Signal::Logs, "page", next..next + 1);
    posts.push(post(&last, Way::Beacon, "application/json", json_of(&last)));
    exports.push(last);
    (exports, posts)
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_sends_json_and_protobuf() {
    let Some(browser) = Chromium::installed() else { return };
    let backend = Backend::start();
    let page = Page::new();
    let relay = relay(&backend, &format!("'{}'", page.origin())).await;
    let (exports, posts) = posts();
    let (outcomes, _open) = page.run(&browser, relay.ports.http, &posts).await;

    assert_eq!(outcomes.len(), posts.len());
    for (post, outcome) in posts.iter().zip(&outcomes) {
        match post.way {
            Way::Beacon => assert_eq!(*outcome, json!({"queued": true})),
            Way::Fetch => check_taken(post, outcome),
        }
    }
    backend.wait_for_items(exports.iter().map(Export::items).sum()).await;
    relay.stop_without_loss().await;
    assert_same_items(&exports, backend.accepted().iter().map(Arc::as_ref));
}

/// What the page saw: the answer in its own format, and the header that it may see.
fn check_taken(post: &Post, outcome: &Value) {
    let (_, content_type) = post.headers[0];
    assert_eq!(outcome["status"], 200, "{outcome} to {post:?}");
    assert_eq!(outcome["contentType"], content_type, "{outcome}");
    assert_eq!(outcome["servedBy"], "relay", "{outcome}");
    let expected = if content_type == "application/json" { r#"{"partialSuccess":{}}"# } else { "\n\0" };
    assert_eq!(outcome["body"], expected, "{outcome}");
}

#[tokio::test]
async fn a_page_sees_why_its_data_is_refused() {
    let Some(browser) = Chromium::installed() else { return };
    let backend = Backend::start();
    let page = Page::new();
    let relay = relay(&backend, "'http://127.0.0.1:*'").await;
    let logs = generate::request(Signal::Logs, "page", 0..1);
    let posts = [post(&logs, Way::Fetch, "application/json", b"{\"resourceLogs\":7}".to_vec())];
    let (outcomes, _open) = page.run(&browser, relay.ports.http, &posts).await;
    assert_eq!(outcomes[0]["status"], 400, "{}", outcomes[0]);
    assert!(outcomes[0]["body"].as_str().unwrap().contains("resourceLogs"), "{}", outcomes[0]);
    relay.stop_without_loss().await;
    assert!(backend.records().is_empty());
}

/// `fetch` fails for the page, and nothing arrives.
async fn check_stopped_by_the_browser(origins: &str, header: (&'static str, &'static str)) {
    let Some(browser) = Chromium::installed() else { return };
    let backend = Backend::start();
    let page = Page::new();
    let relay = relay(&backend, origins).await;
    let logs = generate::request(Signal::Logs, "page", 0..1);
    let mut posts = [
        post(&logs, Way::Fetch, "application/json", json_of(&logs)),
        post(&logs, Way::Fetch, "application/x-protobuf", logs.encode()),
    ];
    posts.iter_mut().for_each(|post| post.headers.push(header));
    let (outcomes, _open) = page.run(&browser, relay.ports.http, &posts).await;
    for outcome in outcomes {
        assert_eq!(outcome["error"], "TypeError: Failed to fetch", "{outcome}");
    }
    let ended = relay.stop_without_loss().await;
    assert_eq!((ended.delivered, backend.records().len()), (0, 0), "{}", ended.log);
}

#[tokio::test]
async fn a_page_of_another_origin_is_stopped_by_the_browser() {
    check_stopped_by_the_browser("'https://app.example.com', 'http://localhost:*'", ("x-tenant", "acme")).await;
}

#[tokio::test]
async fn a_header_that_is_not_allowed_is_stopped_by_the_browser() {
    check_stopped_by_the_browser("'http://127.0.0.1:*'", ("x-other", "acme")).await;
}

#[tokio::test]
async fn every_origin_may_be_allowed() {
    let Some(browser) = Chromium::installed() else { return };
    let backend = Backend::start();
    let page = Page::new();
    let relay = relay(&backend, "'*'").await;
    let logs = generate::request(Signal::Logs, "page", 0..5);
    let posts = [post(&logs, Way::Fetch, "application/json", json_of(&logs))];
    let (outcomes, _open) = page.run(&browser, relay.ports.http, &posts).await;
    check_taken(&posts[0], &outcomes[0]);
    backend.wait_for_items(5).await;
    relay.stop_without_loss().await;
}
