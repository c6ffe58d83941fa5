//! What the zpages address answers: `POST /reload`.
//!
//! Only for this machine: the client must connect over loopback, name the relay by an address or as localhost (a page of
//! the web that points its own name at 127.0.0.1 does not), and be no page of a browser.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode, header};
use tokio::sync::{mpsc, oneshot};

use super::server::{Answer, Answering, Route, not_found, now, page};

/// Asks for another reading of the configuration, and hears what came of it: nothing, or what is wrong.
pub type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// The page, whose reloads are asked for over `reloads`.
pub fn zpages_route(reloads: mpsc::Sender<ReloadRequest>) -> Route {
    Arc::new(move |request| match (request.uri.path(), &request.method) {
        ("/reload", &Method::POST) if is_local(request) => reload(reloads.clone()),
        ("/reload", &Method::POST) => now(text(StatusCode::FORBIDDEN, "reload is for clients on this machine only\n")),
        ("/reload", _) => now(text(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed, supported: [POST]\n")),
        _ => now(not_found()),
    })
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

fn is_no_name_of_the_web(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn text(status: StatusCode, body: &str) -> Answer {
    page(status, "text/plain; charset=utf-8", body.to_owned())
}
