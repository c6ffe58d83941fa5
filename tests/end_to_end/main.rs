//! Does the relay keep its promises? The built program, between real clients and a real receiver on real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod auth;
mod batching;
mod carrying;
mod combined;
mod command_line;
mod command_line_sources;
mod connectors;
mod defaults;
mod doors;
mod durable;
mod encryption;
mod explaining;
mod fallback;
mod figures;
mod json;
mod kills;
mod loops;
mod memory;
mod outages;
mod refusals;
mod reload;
mod renewal;
mod salvage;
mod sheltered;
mod shutdown;
mod statuses;
mod zipkin;
