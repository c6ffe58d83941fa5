//! What Prometheus scrapes: `/metrics`.

use std::sync::Arc;

use http::StatusCode;

use crate::telemetry::{Registry, View};

use super::server::{Route, not_found, now, page};

/// Answers `/metrics` with what `view` shows of `registry`, in the text exposition format.
pub fn metrics_route(registry: Registry, view: View) -> Route {
    Arc::new(move |request| {
        now(match request.uri.path() {
            "/metrics" => page(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", registry.render_as(view)),
            _ => not_found(),
        })
    })
}
