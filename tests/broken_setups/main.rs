//! Does the relay say rightly what is wrong with a set-up? The built program, against servers that are wrong in one way each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

// Each test binary uses a part of it.
#[allow(dead_code)]
#[path = "../exporters/stubs.rs"]
mod stubs;

mod answers;
mod certificates;
mod controls;
mod local;
mod mixups;
mod names;
mod reaching;
mod trial;
