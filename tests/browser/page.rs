//! Where does a page come from that sends telemetry, and how does it tell a test what became of it?

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::chromium::Chromium;
use crate::support::net::{free_port, local};

/// What a browser that starts on a loaded machine may take.
const RUN: std::time::Duration = std::time::Duration::from_secs(60);

/// By what a page sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `fetch`, which tells what was answered.
    Fetch,
    /// `navigator.sendBeacon`, which only tells that the browser will send it.
    Beacon,
}

/// A request of the page. The content type is the first header.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) path: &'static str,
    pub(crate) way: Way,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<u8>,
}

/// A page at an origin of its own.
pub(crate) struct Page {
    port: u16,
}

impl Page {
    pub(crate) fn new() -> Page {
        Page { port: free_port() }
    }

    /// As browsers send it.
    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Opens the page in `browser`, which sends `posts` one after another to `target`; answers what the page saw of each, and
    /// the browser, which may not have sent every beacon yet.
    pub(crate) async fn run(&self, browser: &Path, target: u16, posts: &[Post]) -> (Vec<Value>, Chromium) {
        let html = document(target, posts);
        let (report, mut reported) = mpsc::unbounded_channel();
        let listener = TcpListener::bind(local(self.port)).await.expect("bind the page's port");
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (html, report) = (html.clone(), report.clone());
                let service = service_fn(move |request| answer(request, html.clone(), report.clone()));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service),
                );
            }
        });
        let chromium = Chromium::open(browser, &self.origin());
        let outcomes = tokio::time::timeout(RUN, reported.recv()).await.expect("the page reports").expect("a report");
        server.abort();
        (outcomes, chromium)
    }
}

/// The page at `/`; what it sends to `/report` is reported.
async fn answer(
    request: Request<Incoming>,
    html: String,
    report: mpsc::UnboundedSender<Vec<Value>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.method() == Method::POST && request.uri().path() == "/report" {
        let body = request.into_body().collect().await?.to_bytes();
        let _ = report.send(serde_json::from_slice(&body).expect("a list"));
        return Ok(Response::new(Full::default()));
    }
    let response = Response::builder().header("content-type", "text/html; charset=utf-8");
    Ok(response.body(Full::from(html)).expect("a response"))
}

fn document(target: u16, posts: &[Post]) -> String {
    let posts: Vec<Value> = posts
        .iter()
        .map(|post| {
            let headers: Value = post.headers.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
            json!({
                "url": format!("http://127.0.0.1:{target}{}", post.path),
                "beacon": post.way == Way::Beacon,
                "type": post.headers[0].1,
                "headers": headers,
                "body": BASE64_STANDARD.encode(&post.body),
            })
        })
        .collect();
    format!("<!doctype html><title>a page</title><script>const posts = {};{SCRIPT}</script>", Value::Array(posts))
}

const SCRIPT: &str = r#"
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
async function send(post) {
    const body = bytes(post.body);
    if (post.beacon) {
        return {queued: navigator.sendBeacon(post.url, new Blob([body], {type: post.type}))};
    }
    try {
        const answer = await fetch(post.url, {method: 'POST', headers: post.headers, body});
        return {
            status: answer.status,
            contentType: answer.headers.get('content-type'),
            servedBy: answer.headers.get('x-served-by'),
            body: await answer.text(),
        };
    } catch (error) {
        return {error: String(error)};
    }
}
(async () => {
    const outcomes = [];
    for (const post of posts) {
        outcomes.push(await send(post));
    }
    await fetch('/report', {method: 'POST', body: JSON.stringify(outcomes)});
})();
"#;
