//! What Prometheus scrapes: `/metrics`.

use std::sync::Arc;

use http::StatusCode;

use crate::telemetry::Registry;

use super::server::{Route, not_found, now, page};

/// Answers `/metrics` with everything in `registry`, in the text exposition format.
pub fn metrics_route(registry: Registry) -> Route {
    Arc::new(move |request| {
        now(match request.uri.path() {
            "/metrics" => page(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", registry.render()),
            _ => not_found(),
        })
    })
}
