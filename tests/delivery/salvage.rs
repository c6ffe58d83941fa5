//! What is saved of a request that is refused for one of its items, and at what cost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use otlp_relay::config::{Acknowledge, Queue};
use otlp_relay::delivery::{DeadLetters, Wraps};
use otlp_relay::failure::Class;
use otlp_relay::payload::Payload;
use otlp_relay::signal::Signal;
use otlp_relay::units::Items;
use proptest::prelude::*;

use crate::bench::{Backend, Bench, Drawer, Names, QUEUE, RETRY, Reply, class, payload, records};

fn all(backend: &Backend) -> Vec<u64> {
    let mut ids = backend.delivered().concat();
    ids.sort_unstable();
    ids
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_items_only_the_poisonous_one_is_set_aside() {
    for poison in [0, 1, 499, 500, 731, 999] {
        let drawer = Arc::new(Drawer::default());
        let wraps = Wraps { dead_letters: Some(Arc::clone(&drawer) as Arc<dyn DeadLetters>), ..Wraps::none() };
        let bench = Bench::with_wraps(Signal::Logs, Some(RETRY), Some(QUEUE), wraps);
        bench.backend.poison([poison]);
        bench.send(payload(0..1000)).await.unwrap();
        bench.lifetime.drain(Duration::from_secs(5)).await;
        assert_eq!(all(&bench.backend), (0..1000).filter(|id| *id != poison).collect::<Vec<_>>());
        assert_eq!(*drawer.0.lock().unwrap(), [(vec![poison], Class::InvalidData)]);
        let attempts = bench.backend.attempts().len();
        assert!(attempts <= 22, "{attempts} attempts");
        assert_eq!(bench.settled.items(None), 1000, "delivered or set aside");
        assert_eq!(bench.entry.level.size(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn without_dead_letters_only_the_offender_is_lost_and_a_sender_that_waits_is_told() {
    let queue = Queue { acknowledge: Acknowledge::WhenExported, ..QUEUE };
    for queue in [None, Some(queue)] {
        let bench = Bench::new(Some(RETRY), queue);
        bench.backend.poison([7]);
        let receipt = bench.send(payload(0..10)).await.unwrap();
        assert_eq!(receipt.rejected, Items(1));
        assert!(receipt.message.unwrap().contains("poisonous"));
        assert_eq!((bench.settled.items(None), bench.settled.items(Some(Class::InvalidData))), (9, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_refuses_everything_is_not_sent_many_more_requests() {
    let bench = Bench::new(Some(RETRY), None);
    bench.backend.otherwise(Some(Reply::Fail(Class::InvalidData)));
    for _ in 0..50 {
        assert_eq!(class(&bench.send(payload(0..1000)).await), Some(Class::InvalidData));
    }
    let attempts = bench.backend.attempts().len();
    assert!(attempts <= 50 + 6 * 30, "{attempts} attempts for 50 requests");
    // One success, and refused requests are worth the effort again.
    bench.backend.otherwise(None);
    bench.backend.poison([1]);
    bench.send(payload(2..3)).await.unwrap();
    assert_eq!(bench.send(payload(0..10)).await.unwrap().rejected, Items(1));
}

/// Records of these lengths are sent to a backend with a limit: it gets all that are not too large alone.
async fn check_too_large(lengths: &[usize], max: u64, names: Names) {
    let bench = Bench::new(Some(RETRY), Some(QUEUE));
    bench.backend.otherwise(Some(Reply::TooLargeAbove(max, names)));
    let written: Vec<(u64, String)> = (0..).zip(lengths.iter().map(|length| "x".repeat(*length))).collect();
    let fits = |record: &(u64, String)| records([record.clone()]).len().0 <= max;
    let expected: Vec<u64> = written.iter().filter(|record| fits(record)).map(|(id, _)| *id).collect();
    bench.send(records(written.iter().cloned())).await.unwrap();
    bench.lifetime.drain(Duration::from_secs(5)).await;
    assert_eq!(all(&bench.backend), expected, "{lengths:?} within {max}");
    assert_eq!(bench.settled.items(Some(Class::MessageTooLarge)), (lengths.len() - expected.len()) as u64);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_is_cut_and_sent_again() {
    for names in [Names::TheLimit, Names::Nothing] {
        check_too_large(&[50; 400], 2000, names).await;
        check_too_large(&[&[50; 20][..], &[5000], &[50; 20]].concat(), 600, names).await;
    }
    let bench = Bench::new(None, None);
    let max = payload(0..100).len().0;
    bench.backend.otherwise(Some(Reply::TooLargeAbove(max, Names::TheLimit)));
    bench.send(payload(0..1000)).await.unwrap();
    let attempts = bench.backend.attempts().len();
    assert!(attempts <= 13, "the named limit is used: {attempts} attempts");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_cut_is_refused_whole() {
    let bench = Bench::carrying(Signal::Profiles, Some(RETRY), None);
    bench.backend.otherwise(Some(Reply::Fail(Class::InvalidData)));
    let profiles = Payload::parse(Signal::Profiles, Bytes::new()).unwrap();
    assert_eq!(class(&bench.send(profiles).await), Some(Class::InvalidData));
    assert_eq!(bench.backend.attempts().len(), 1);
    let bench = Bench::new(Some(RETRY), None);
    bench.backend.poison([1]);
    assert_eq!(class(&bench.send(payload([1])).await), Some(Class::InvalidData));
    assert_eq!(bench.backend.attempts().len(), 1, "one item is the offender");
}

#[tokio::test(start_paused = true)]
async fn parts_are_tried_again_like_any_request() {
    let bench = Bench::new(Some(RETRY), Some(QUEUE));
    let down = Reply::Fail(Class::ServerUnavailable);
    bench.backend.next_replies([Reply::Fail(Class::InvalidData), down, down, down]);
    bench.backend.poison([3]);
    bench.send(payload(0..8)).await.unwrap();
    bench.backend.until_items(7).await;
    bench.lifetime.drain(Duration::from_secs(5)).await;
    assert_eq!(bench.settled.items(Some(Class::InvalidData)), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each item ends once, no offender is delivered, and a few offenders cost nobody else anything.
    #[test]
    fn every_item_ends_exactly_once(count in 1_u64..300, poison in proptest::collection::btree_set(0_u64..300, 0..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let poison: BTreeSet<u64> = poison.into_iter().filter(|id| *id < count).collect();
        runtime.block_on(async {
            let bench = Bench::new(Some(RETRY), Some(QUEUE));
            bench.backend.poison(poison.iter().copied());
            bench.send(payload(0..count)).await.unwrap();
            bench.lifetime.drain(Duration::from_secs(5)).await;
            let delivered = all(&bench.backend);
            assert!(delivered.windows(2).all(|pair| pair[0] != pair[1]), "each once");
            assert!(delivered.iter().all(|id| !poison.contains(id)));
            assert_eq!(bench.settled.items(None), delivered.len() as u64);
            assert_eq!(bench.settled.items(Some(Class::InvalidData)), count - delivered.len() as u64);
            if poison.len() <= 3 {
                assert_eq!(delivered.len(), count as usize - poison.len());
            }
        });
    }
}
