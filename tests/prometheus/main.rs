//! Do metrics reach a Prometheus, and are they had from one? The built program between OTLP clients and whoever scrapes its
//! `prometheus` exporter or is written to, and between targets and OTLP backends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod collector;
mod metrics;
mod pages;
mod parser;
mod reaching;
mod refusing;
mod scraping;
mod targets;
mod writing;
mod written;
