//! Do real SDKs and tools get through, over each protocol that they have, to a receiver behind two relays?
//!
//! Each client sends everything to the first relay and to a reference receiver at once; what comes out behind the relays
//! has to equal the reference, item by item. Without a language or its package registry a test says so and passes;
//! `OTLP_RELAY_REQUIRE_INTEROP=1` makes that a failure. Tools that take minutes to build are asked for with
//! `OTLP_RELAY_INTEROP_TOOLS=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod known;
mod matrix;
mod tools;
