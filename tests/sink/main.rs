//! Does `otlp-relay sink` count what it takes, and fail as it is told to? The built program, with real clients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod counting;
mod faults;
mod flags;
mod relaying;
mod scene;
