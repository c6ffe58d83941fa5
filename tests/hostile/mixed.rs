//! Everything at once, for as long as one likes.

use std::time::Duration;

use crate::bodies::BODIES;
use crate::floods::FLOODS;
use crate::forms::FORMS;
use crate::range::{Attack, Range};
use crate::slow::SLOW;

/// For how many seconds: `OTLP_RELAY_HOSTILE_SECONDS=600 cargo test --test hostile mixed` is the long run.
const SECONDS: &str = "OTLP_RELAY_HOSTILE_SECONDS";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_attacks_together_leave_the_honest_client_whole() {
    let seconds = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let attacks: Vec<Attack> =
        FLOODS.iter().chain(&SLOW).chain(&FORMS).map(|(_, attack)| *attack).chain([BODIES]).collect();
    let range = Range::open().await;
    range.suffer_all(&attacks, Duration::from_secs(seconds)).await;
    println!(
        "{seconds} s: {} spans of the honest client, taken within {:?}, {} tries more; {} files, {} KiB resident, {} MiB at most",
        range.honest_spans(),
        range.slowest(),
        range.retries(),
        range.relay.open_files(),
        range.relay.resident_bytes() >> 10,
        range.peak_mib()
    );
    let log = range.close().await;
    assert!(log.lines().count() < 200, "clients write the log: {} lines", log.lines().count());
}
