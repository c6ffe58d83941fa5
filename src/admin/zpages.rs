//! What the zpages address answers: the status page, its JSON, the Collector's `/debug` pages, and `POST /reload`.
//!
//! A page of the web that points its own name at this address must learn nothing: pages are for those who name the relay
//! by an address, as localhost, or as the configuration does. A reload is only for this machine: the client must also
//! connect over loopback and be no page of a browser.

use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Method, StatusCode, header};
use tokio::sync::{mpsc, oneshot};

use super::host::{is_named_rightly, is_no_name_of_the_web};
use super::page::Page;
use super::server::{Answer, Answering, Route, not_found, now, page};
use super::status::{StatusFacts, to_json};

/// Asks for another reading of the configuration, and hears what came of it: nothing, or what is wrong.
pub type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// What the address answers with.
#[derive(Clone, Debug)]
pub struct Zpages {
    /// Whom to ask for a reload.
    pub reloads: mpsc::Sender<ReloadRequest>,
    /// What to show.
    pub facts: Arc<StatusFacts>,
    /// The host that the configuration listens on, which clients may name.
    pub host: String,
}

/// Answers all of it.
pub fn zpages_route(zpages: Zpages) -> Route {
    Arc::new(move |request| {
        let path = request.uri.path();
        if path == "/reload" {
            return zpages.reload(request);
        }
        now(secured(zpages.show(path, request)))
    })
}

impl Zpages {
    fn reload(&self, request: &Parts) -> Answering {
        match request.method {
            Method::POST if is_local(request) => reload(self.reloads.clone()),
            Method::POST => now(text(StatusCode::FORBIDDEN, "reload is for clients on this machine only\n")),
            _ => now(not_allowed("POST")),
        }
    }

    fn show(&self, path: &str, request: &Parts) -> Answer {
        let Some(shown) = Shown::at(path) else { return not_found() };
        if !self.is_named_rightly(request) {
            return text(StatusCode::FORBIDDEN, WRONG_HOST);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return not_allowed("GET, HEAD");
        }
        let status = self.facts.status();
        match shown {
            Shown::Json => page(StatusCode::OK, "application/json", format!("{:#}\n", to_json(&status))),
            Shown::Page(which) => which.answer(&status),
        }
    }

    /// Whether the client calls the relay by a name that no page of the web can have.
    fn is_named_rightly(&self, request: &Parts) -> bool {
        is_named_rightly(request, |host| names(host, &self.host))
    }
}

/// What there is to be shown.
enum Shown {
    Json,
    Page(Page),
}

impl Shown {
    fn at(path: &str) -> Option<Shown> {
        match path {
            "/api/status" => Some(Shown::Json),
            path => Page::at(path).map(Shown::Page),
        }
    }
}

fn names(authority: &str, host: &str) -> bool {
    authority.parse::<Authority>().is_ok_and(|authority| authority.host().eq_ignore_ascii_case(host))
}

fn not_allowed(allowed: &'static str) -> Answer {
    let words = format!("405 method not allowed, supported: [{allowed}]\n");
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, &words);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// What every answer says to browsers. A page of HTML has a policy of its own already.
fn secured(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'"));
    answer
}

fn reload(reloads: mpsc::Sender<ReloadRequest>) -> Answering {
    Box::pin(async move {
        let (answer, answered) = oneshot::channel();
        if reloads.send(answer).await.is_err() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "the relay is stopping\n");
        }
        match answered.await {
            Ok(Ok(())) => text(StatusCode::OK, "reloaded\n"),
            Ok(Err(why)) => text(StatusCode::BAD_REQUEST, &format!("{why}\n")),
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the relay is stopping\n"),
        }
    })
}

fn is_local(request: &Parts) -> bool {
    let from_here = request.extensions.get::<SocketAddr>().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let named_locally = hosts.all(|host| host.to_str().is_ok_and(is_no_name_of_the_web));
    from_here && named_locally && !request.headers.contains_key(header::ORIGIN)
}

fn text(status: StatusCode, body: &str) -> Answer {
    page(status, "text/plain; charset=utf-8", body.to_owned())
}

const WRONG_HOST: &str =
    "403: ask for this page by an IP address, as localhost, or by the host of the zpages endpoint\n";
