//! Whatever happens to the bytes on disk: the journal opens, what is whole is delivered as it was, nothing else is.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use prost::Message;

use otlp_relay::interface::journal::Damage;
use otlp_relay::storage::journal::inspect;

use crate::desk::{Desk, append, ids, payload, read, waiting};

fn block_on<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(task)
}

const TEXT: &str = "a text of some length, so that a record is no longer than a page and no shorter than a few lines";

/// A journal with one file of `count` requests, each with its number.
fn written(count: u64) -> Desk {
    let desk = Desk::new();
    let journal = desk.open();
    for id in 0..count {
        drop(block_on(append(&journal, payload([id], TEXT))));
    }
    drop(journal);
    assert_eq!(desk.files("segment").len(), 1);
    desk
}

/// What is found must be some of what was written, each once and as it was.
fn check_found(desk: &Desk, count: u64, may_miss: usize) -> Result<(), TestCaseError> {
    let journal = desk.open();
    let found = read(&journal);
    for one in &found {
        let id = ids(&one.payload)[0];
        prop_assert_eq!(one.payload.to_bytes(), payload([id], TEXT).to_bytes(), "nothing is changed");
        prop_assert!(id < count);
    }
    let distinct: BTreeSet<u64> = found.iter().map(|one| ids(&one.payload)[0]).collect();
    prop_assert_eq!(distinct.len(), found.len(), "nothing comes twice");
    prop_assert!(count as usize <= found.len() + may_miss, "{} of {count} are there", found.len());
    if found.len() < count as usize {
        prop_assert!(!desk.files("damaged").is_empty(), "what is missing was set aside");
    }
    // It can be used on, and what was set aside stays away.
    prop_assert_eq!(journal.totals().requests(), found.len() as u64);
    for one in found {
        one.claim.acknowledge();
    }
    drop(block_on(append(&journal, payload([count], TEXT))));
    drop(journal);
    prop_assert_eq!(waiting(&desk.open()), [count]);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_cost_the_records_that_they_are_in(flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..8)) {
        let desk = written(30);
        let file = &desk.files("segment")[0];
        let mut bytes = fs::read(file).unwrap();
        for (at, bit) in &flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << (bit % 8);
        }
        fs::write(file, bytes).unwrap();
        check_found(&desk, 30, flips.len())?;
    }

    #[test]
    fn overwritten_pages_cost_the_records_that_they_hit(
        pages in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..3)
    ) {
        const PAGE: usize = 512;
        let desk = written(60);
        let file = &desk.files("segment")[0];
        let mut bytes = fs::read(file).unwrap();
        let original = bytes.clone();
        let count = bytes.len() / PAGE;
        for (to, from, kind, noise) in &pages {
            let to = to.index(count) * PAGE;
            match kind {
                0 => bytes[to..to + PAGE].fill(0),
                1 => bytes[to..to + PAGE].iter_mut().enumerate().for_each(|(at, byte)| *byte = noise.wrapping_mul(at as u8 | 1)),
                // A page of the same file in another's place.
                _ => {
                    let from = from.index(count) * PAGE;
                    bytes[to..to + PAGE].copy_from_slice(&original[from..from + PAGE]);
                }
            }
        }
        fs::write(file, bytes).unwrap();
        check_found(&desk, 60, pages.len() * 8)?;
    }

    #[test]
    fn any_bytes_in_place_of_a_file_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..3000), acks in any::<bool>()) {
        let desk = written(5);
        let segment = desk.files("segment")[0].clone();
        let file = if acks { segment.with_extension("acks") } else { segment };
        fs::write(file, bytes).unwrap();
        let journal = desk.open();
        let found = waiting(&journal).len();
        prop_assert_eq!(found, if acks { 5 } else { 0 });
    }
}

#[test]
fn a_file_that_ends_at_any_byte_has_all_that_was_written_to_its_end() {
    let desk = written(4);
    let file = desk.files("segment")[0].clone();
    let bytes = fs::read(&file).unwrap();
    let mut most = 0;
    for end in 0..=bytes.len() {
        fs::write(&file, &bytes[..end]).unwrap();
        let journal = desk.open();
        let found = waiting(&journal);
        assert!(found.iter().copied().eq(0..found.len() as u64), "{found:?}");
        assert!(most <= found.len(), "more bytes are not less: {end}");
        assert_eq!(journal.totals().quarantined(), 0, "a torn end is no damage: {end}");
        most = found.len();
        drop(journal);
    }
    assert_eq!(most, 4);
}

#[test]
fn what_is_damaged_is_kept_and_told() {
    let desk = written(10);
    let file = desk.files("segment")[0].clone();
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(TEXT.len()).position(|window| window == TEXT.as_bytes()).unwrap();
    bytes[at] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let before = inspect(desk.path()).unwrap();
    assert_eq!((before.journals[0].requests, before.journals[0].damaged), (9, 1));
    assert_eq!((before.journals[0].exporter.as_str(), before.journals[0].signal.as_str()), ("otlp_grpc/eu", "logs"));
    for _ in 0..2 {
        let journal = desk.open();
        assert_eq!(journal.totals().quarantined(), 1);
        assert_eq!(waiting(&journal), (1..10).collect::<Vec<_>>());
    }
    let aside = fs::read(&desk.files("damaged")[0]).unwrap();
    // A header, then one frame: its head, the marker, and what was set aside.
    let damage = Damage::decode(&aside[12 + 16..]).unwrap();
    let offset = usize::try_from(damage.offset).unwrap();
    assert_eq!(damage.bytes, bytes[offset..offset + damage.bytes.len()]);
}

#[test]
fn what_is_damaged_while_the_journal_is_open_is_missed_and_told() {
    let desk = written(10);
    let journal = desk.open();
    assert_eq!(journal.totals().requests(), 10);
    let file = desk.files("segment")[0].clone();
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(TEXT.len()).position(|window| window == TEXT.as_bytes()).unwrap();
    bytes[at] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let replay = journal.read(1 << 20);
    assert_eq!((replay.requests.len(), replay.lost_items), (9, 1));
    assert_eq!((journal.totals().requests(), journal.totals().weight().items), (9, 9));
    assert_eq!(journal.totals().quarantined(), 1);
}

#[test]
fn a_lost_log_of_acknowledgements_costs_duplicates_only() {
    let desk = written(6);
    let journal = desk.open();
    for one in read(&journal).into_iter().take(3) {
        one.claim.acknowledge();
    }
    drop(journal);
    assert_eq!(waiting(&desk.open()), [3, 4, 5]);
    let acks = desk.files("acks")[0].clone();
    let whole = fs::read(&acks).unwrap();
    for end in 0..whole.len() {
        fs::write(&acks, &whole[..end]).unwrap();
        let found = waiting(&desk.open());
        assert!(found.ends_with(&[3, 4, 5]) && found.is_sorted(), "cut at {end}: {found:?}");
    }
    fs::remove_file(&acks).unwrap();
    assert_eq!(waiting(&desk.open()), (0..6).collect::<Vec<_>>());
}
