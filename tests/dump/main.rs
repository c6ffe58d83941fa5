//! Is what goes wrong kept, without secrets, and can it be sent again? The built program on real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod dead_letters;
mod echo;
mod recording;
mod replaying;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use support::cli::{self, Finished};

/// What the relay prints for `arguments`, which must succeed.
async fn said(arguments: &[&str]) -> String {
    let finished = cli::run(arguments, &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.stdout
}

async fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&said(arguments).await).unwrap()
}

/// `dump ls --json` of what is in `directory`.
async fn listed(directory: &Path) -> Vec<Value> {
    let listed = json(&["dump", "ls", "--json", directory.to_str().unwrap()]).await;
    listed.as_array().unwrap().clone()
}

/// `replay` of what is in `directory`, with more `arguments`.
async fn replay(directory: &Path, arguments: &[&str]) -> Finished {
    let all: Vec<&str> = ["replay", directory.to_str().unwrap()].into_iter().chain(arguments.iter().copied()).collect();
    cli::run(&all, &[]).await
}

/// All bytes in the files of `directory`, none of which others may read.
fn bytes_of(directory: &Path) -> Vec<u8> {
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory), 0o700);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        all.extend(std::fs::read(path).unwrap());
    }
    all
}

#[track_caller]
fn assert_without(bytes: &[u8], secrets: &[&str]) {
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is there");
    }
}
