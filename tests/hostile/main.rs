//! Does the relay stay itself among the hostile? The built program under attack, while a legitimate client goes on.
//!
//! Each test asserts that its memory is bounded, that no file is left open, and that not one request of the client
//! beside the attack fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod floods;
mod forms;
mod guarded;
mod idle;
mod mixed;
mod peers;
mod range;
mod slow;
mod stuck;
mod wire;
