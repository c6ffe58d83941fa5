//! Does the relay answer odd requests as the Collector does, and print what it prints?
//!
//! The tables hold what both answer. They are checked on the built program, and on a Collector where one was built
//! (`tests/interop/install.sh collector`, or `OTLP_RELAY_COLLECTOR` names its program); without one, those tests say so
//! and pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod peer;
mod posts;
mod printed;
mod wire;
