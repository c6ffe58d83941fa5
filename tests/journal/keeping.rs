//! What was appended and not acknowledged is there again after each start, as it was, in its order, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use otlp_relay::payload::{MergeRule, Metadata, Sizer};
use otlp_relay::storage::journal::{Journal, Sync};
use proptest::prelude::*;

use crate::desk::{Desk, append, ids, payload, read, waiting, weight};

/// What is done to a journal.
#[derive(Clone, Debug)]
enum Step {
    Append {
        records: u64,
        text: String,
    },
    /// Acknowledges one of those that are carried.
    Acknowledge(prop::sample::Index),
    /// Gives one of them back.
    GiveUp(prop::sample::Index),
    Read,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u64..4, "[a-z]{0,40}").prop_map(|(records, text)| Step::Append { records, text }),
        4 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
        1 => any::<prop::sample::Index>().prop_map(Step::GiveUp),
        2 => Just(Step::Read),
        1 => Just(Step::Reopen),
    ]
}

fn block_on<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(task)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_is_what_a_list_is(steps in prop::collection::vec(step(), 1..60)) {
        let desk = Desk::new();
        let mut journal = desk.open();
        // What waits or is carried, by its first id.
        let mut model: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut carried: Vec<(u64, otlp_relay::storage::journal::Claim)> = Vec::new();
        let mut next = 1;
        for step in steps {
            match step {
                Step::Append { records, text } => {
                    let expected: Vec<u64> = (next..next + records).collect();
                    let claim = block_on(append(&journal, payload(expected.clone(), &text)));
                    carried.extend(claim.map(|claim| (next, claim)));
                    model.insert(next, expected);
                    next += records;
                }
                Step::Acknowledge(which) if !carried.is_empty() => {
                    let (id, claim) = carried.swap_remove(which.index(carried.len()));
                    claim.acknowledge();
                    model.remove(&id);
                }
                Step::GiveUp(which) if !carried.is_empty() => drop(carried.swap_remove(which.index(carried.len()))),
                Step::Acknowledge(_) | Step::GiveUp(_) => {}
                Step::Read => {
                    let found = read(&journal);
                    prop_assert!(found.iter().map(|one| ids(&one.payload)).is_sorted(), "the oldest come first");
                    for one in found {
                        let found = ids(&one.payload);
                        prop_assert_eq!(model.get(&found[0]), Some(&found));
                        prop_assert!(carried.iter().all(|(id, _)| *id != found[0]), "nothing is handed out twice");
                        carried.push((found[0], one.claim));
                    }
                    prop_assert_eq!(carried.len(), model.len(), "all is handed out");
                }
                Step::Reopen => {
                    carried.clear();
                    drop(journal);
                    journal = desk.open();
                }
            }
            prop_assert_eq!(journal.totals().requests(), model.len() as u64);
            let items: usize = model.values().map(Vec::len).sum();
            prop_assert_eq!(journal.totals().weight().items, items as u64);
        }
        carried.clear();
        drop(journal);
        let expected: Vec<u64> = model.into_values().flatten().collect();
        prop_assert_eq!(waiting(&desk.open()), expected);
    }
}

#[tokio::test]
async fn a_payload_comes_back_with_its_metadata_and_its_rule() {
    let desk = Desk::new();
    let rule = MergeRule {
        owner: "traces batch".into(),
        sizer: Sizer::Bytes,
        min_size: 7,
        max_size: Some(9),
        timeout: Duration::from_millis(200),
        metadata_keys: vec!["tenant".into()],
    };
    let metadata: Metadata = [("tenant", "a"), ("tenant", "b"), ("zone", "")].into_iter().collect();
    let sent = payload([1, 2], "text").with_rule(Arc::new(rule.clone())).with_metadata(Arc::new(metadata.clone()));
    drop(append(&desk.open(), sent.clone()).await);
    let found = read(&desk.open()).pop().unwrap().payload;
    assert_eq!(found.to_bytes(), sent.to_bytes());
    assert_eq!(found.metadata().map(|found| &**found), Some(&metadata));
    assert_eq!(found.rule().map(|found| &**found), Some(&rule));
}

#[tokio::test]
async fn many_senders_at_once_are_all_answered_and_all_kept() {
    let desk = Desk::new();
    let journal = desk.try_open(Sync::Always).unwrap();
    let senders: Vec<_> = (0..400_u64)
        .map(|id| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move { drop(append(&journal, payload([id], "text")).await) })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let syncs = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let heard = Arc::clone(&syncs);
    journal.totals().watch_syncs(move |_| {
        heard.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let more: Vec<_> = (400..800_u64)
        .map(|id| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move { drop(append(&journal, payload([id], "text")).await) })
        })
        .collect();
    for sender in more {
        sender.await.unwrap();
    }
    let syncs = syncs.load(std::sync::atomic::Ordering::Relaxed);
    assert!(0 < syncs && syncs < 200, "they share the wait for the disk: {syncs}");
    drop(journal);
    let mut found = waiting(&desk.open());
    found.sort_unstable();
    assert_eq!(found, (0..800).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_sender_that_goes_away_leaves_its_data_to_be_read() {
    let desk = Desk::new();
    let journal = desk.open();
    let sent = payload([1], "text");
    let reservation = journal.reserve(weight(&sent), |_| true).unwrap();
    // Asked once, so that it is on its way, and then dropped.
    let mut sending = Box::pin(journal.append(sent, reservation));
    let _ = futures_util::poll!(sending.as_mut());
    drop(sending);
    journal.readable().await;
    assert_eq!(waiting(&journal), [1]);
}

/// Appends until `bytes` are on disk, without anybody carrying them.
async fn fill(journal: &Journal, bytes: u64) -> u64 {
    let text = "x".repeat(100_000);
    let mut id = 0;
    while journal.totals().weight().bytes < bytes {
        drop(append(journal, payload([id], &text)).await);
        id += 1;
    }
    id
}

#[tokio::test]
async fn what_is_carried_is_bounded_and_the_disk_is_given_back() {
    let desk = Desk::new();
    let journal = desk.open();
    let count = fill(&journal, 80 << 20).await;
    assert!(3 <= journal.totals().segments(), "{}", journal.totals().segments());
    let mut found = Vec::new();
    while journal.totals().requests() != 0 {
        let batch = read(&journal);
        let bytes: u64 = batch.iter().map(|one| one.payload.len().0).sum();
        assert!(bytes <= 17 << 20, "{bytes}");
        for one in batch {
            found.extend(ids(&one.payload));
            one.claim.acknowledge();
        }
    }
    found.sort_unstable();
    assert_eq!(found, (0..count).collect::<Vec<_>>());
    assert!(journal.totals().disk_bytes() <= 2 << 20, "{}", journal.totals().disk_bytes());
    drop(journal);
    assert_eq!(desk.open().totals().requests(), 0);
    assert!(desk.files("segment").is_empty(), "{:?}", desk.files("segment"));
    assert!(desk.files("acks").is_empty(), "{:?}", desk.files("acks"));
}

#[tokio::test]
async fn room_is_waited_for_in_turn() {
    let desk = Desk::new();
    let journal = desk.open();
    let sent = payload([1], "text");
    let room = weight(&sent);
    let first = journal.reserve(room, |used| used.items <= 1).unwrap();
    assert!(journal.reserve(room, |used| used.items <= 1).is_none());
    let waiting = {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move { journal.reserve_when_free(room, |used| used.items <= 1).await })
    };
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(first);
    drop(waiting.await.unwrap());
    assert_eq!(journal.totals().weight().items, 0);
}
