//! How much is acknowledged in a second? Against the disk's own pace, measured in the same run.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otlp_relay::storage::journal::Sync;

use crate::desk::{Desk, append, payload, say};

const TIME: Duration = Duration::from_secs(3);

/// How often in a second the disk says that it has one more block.
fn raw_syncs(desk: &Desk) -> f64 {
    let mut file = File::create(desk.path().join("raw")).unwrap();
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < TIME {
        file.write_all(&[7; 40_000]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

#[test]
#[ignore = "measures for several seconds; run it by name, with --release and --nocapture"]
fn senders_at_once_are_acknowledged_faster_than_one_after_another() {
    let desk = Desk::new();
    let raw = raw_syncs(&desk);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let journal = desk.try_open(Sync::Always).unwrap();
    let text = "x".repeat(350);
    let sent = payload(0..100, &text);
    let begun = Instant::now();
    let senders: Vec<_> = (0..64)
        .map(|_| {
            let (journal, sent) = (Arc::clone(&journal), sent.clone());
            runtime.spawn(async move {
                let mut count = 0_u32;
                while begun.elapsed() < TIME {
                    if let Some(claim) = append(&journal, sent.clone()).await {
                        claim.acknowledge();
                    }
                    count += 1;
                }
                count
            })
        })
        .collect();
    let requests: u32 = senders.into_iter().map(|sender| runtime.block_on(sender).unwrap()).sum();
    let rate = f64::from(requests) / begun.elapsed().as_secs_f64();
    say(&format!("raw: {raw:.0} syncs/s of 40 kB; journal: {rate:.0} requests/s, {:.0} items/s", rate * 100.0));
    assert!(raw < rate, "{raw:.0} syncs/s, {rate:.0} requests/s");
}
