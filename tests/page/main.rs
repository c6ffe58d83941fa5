//! Does the status page tell the truth? The built program between real backends, read by HTTP, gRPC and a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod devtools;
mod diagnostics;
mod doors;
mod facts;
mod routing;
mod scene;
