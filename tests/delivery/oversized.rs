//! What becomes of one item that no request may hold, and of its neighbours.

use std::time::Duration;

use otlp_relay::config::{BatchSizer, Queue, QueueBatch};
use otlp_relay::failure::Class;
use proptest::prelude::*;

use crate::bench::{Bench, QUEUE, Reply, payload, records};

/// Sends records of these lengths in requests of five to a backend that refuses requests of more than `max` bytes:
/// it gets all but those that alone are larger, which are refused alone.
async fn check(lengths: &[usize], max: u64) {
    let batch = QueueBatch {
        flush_timeout: Duration::from_millis(200),
        min_size: max,
        max_size: Some(max),
        sizer: BatchSizer::Bytes,
        metadata_keys: Vec::new(),
    };
    let bench = Bench::new(None, Some(Queue { batch: Some(batch), ..QUEUE }));
    bench.backend.otherwise(Some(Reply::FailAbove(max)));
    let written: Vec<(u64, String)> = (0..).zip(lengths.iter().map(|length| "x".repeat(*length))).collect();
    for request in written.chunks(5) {
        bench.send(records(request.iter().cloned())).await.unwrap();
    }
    let fits = |record: &(u64, String)| records([record.clone()]).len().0 <= max;
    let expected: Vec<u64> = written.iter().filter(|record| fits(record)).map(|(id, _)| *id).collect();
    bench.lifetime.drain(Duration::from_secs(5)).await;
    let mut delivered = bench.backend.delivered().concat();
    delivered.sort_unstable();
    assert_eq!(delivered, expected);
    let refused = bench.settled.outcomes().into_iter().filter(|(_, class)| class.is_some());
    assert!(refused.clone().all(|outcome| outcome == (1, Some(Class::RequestTooLarge))), "each offender alone");
    assert_eq!(refused.count(), lengths.len() - expected.len());
    assert_eq!(bench.entry.level.size(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_item_larger_than_a_request_goes_alone_and_its_neighbours_within_the_limit() {
    let max = payload(0..4).len().0;
    check(&[4, 4, 1000, 4, 4], max).await;
    check(&[1000, 4, 4, 4, 4, 4, 4, 4, 4, 1000], max).await;
    check(&[1000, 1000, 1000], max).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_fits_arrives(lengths in proptest::collection::vec(0_usize..120, 1..40), max in 40_u64..300) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(check(&lengths, max));
    }
}
