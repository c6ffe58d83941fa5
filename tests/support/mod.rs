//! What do the black-box tests share? A real receiver, the relay as a process, clients, and generated data.

// Each test binary includes the whole module and uses a part of it.
#![allow(dead_code, unreachable_pub)]

pub mod backend;
pub mod chromium;
pub mod cli;
pub mod client;
pub mod export;
pub mod generate;
pub mod interop;
pub mod net;
pub mod relay;
pub mod scrape;
pub mod setup;
pub mod tls;
pub mod web;

use std::time::Duration;

/// How long a test waits for something that must happen: generous, since only a failing test uses it up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until `probe` has an answer; fails the test after [`PATIENCE`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
