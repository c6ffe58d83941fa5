//! What Prometheus scrapes: `/metrics`.

use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;

use crate::config::ListenAddress;
use crate::telemetry::{Registry, View};

use super::host::is_named_rightly;
use super::server::{Route, not_found, now, page};

/// Who may ask for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever reaches it, by any name: scrapers call a service by the name that it has in their network.
    Anyone,
    /// Those on this machine, who call it `localhost` or by its address: no page of the web through their browser.
    ThisMachine,
}

impl Audience {
    /// Of a page at `listen`: what listens on a loopback address is for this machine.
    pub fn of(listen: &ListenAddress) -> Audience {
        let host = listen.host.as_str();
        let loopback = host.parse::<IpAddr>().map_or(host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback());
        if loopback { Audience::ThisMachine } else { Audience::Anyone }
    }
}

/// Answers `/metrics` with what `view` shows of `registry`, in the text exposition format.
pub fn metrics_route(registry: Registry, view: View, audience: Audience) -> Route {
    Arc::new(move |request| {
        now(match request.uri.path() {
            _ if audience == Audience::ThisMachine && !is_named_rightly(request, |_| false) => {
                page(StatusCode::FORBIDDEN, "text/plain; charset=utf-8", WRONG_HOST.to_owned())
            }
            "/metrics" => page(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", registry.render_as(view)),
            _ => not_found(),
        })
    })
}

const WRONG_HOST: &str = "403: ask for this page by an IP address or as localhost\n";
