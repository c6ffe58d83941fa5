//! Is what lies in deploy/ right? By the parsers of those who read it, and by the relay itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod kubernetes;
mod monitoring;
mod prometheus;
mod systemd;

use std::path::{Path, PathBuf};

/// A file of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
