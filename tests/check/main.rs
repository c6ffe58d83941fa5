//! Does `otlp-relay check` say what is wrong before the relay starts? The built program against real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod configurations;
mod encrypted;
mod endpoints;
mod listeners;
mod looks;
mod neighbours;
mod roles;
mod servers;
mod storage;
