//! Do metrics reach a Prometheus? The built program between OTLP clients and whoever scrapes its `prometheus` exporter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod metrics;
mod parser;
mod refusing;
mod scraping;
