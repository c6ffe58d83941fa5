//! Whose data is joined with whose, where a rule tells senders apart by their metadata.

use std::sync::Arc;
use std::time::Duration;

use otlp_relay::config::{BatchSizer, Queue, QueueBatch};
use otlp_relay::delivery::Trigger;
use otlp_relay::payload::{MergeRule, Metadata, Payload};

use crate::batch::rule;
use crate::bench::{Bench, QUEUE, payload};

const TENANT: &str = "x-tenant";

fn by_tenant(owner: &str, min_size: u64) -> Arc<MergeRule> {
    Arc::new(MergeRule { metadata_keys: vec![TENANT.into()], ..(*rule(owner, min_size, None, 200)).clone() })
}

fn from(tenant: Option<&str>, payload: Payload) -> Payload {
    let tenant = tenant.into_iter().map(|tenant| ("X-Tenant", tenant));
    payload.with_metadata(Arc::new(tenant.chain([("x-zone", "eu"), ("user-agent", "sdk")]).collect::<Metadata>()))
}

/// The requests that `senders` come to, each with one record, as (tenant, ids), sorted.
async fn check(rule: Arc<MergeRule>, senders: &[Option<&str>], expected: &[(Option<&str>, &[u64])]) {
    let bench = Bench::new(None, Some(QUEUE));
    for (id, tenant) in senders.iter().enumerate() {
        bench.send(from(*tenant, payload([id as u64])).with_rule(Arc::clone(&rule))).await.unwrap();
    }
    let requests = bench.backend.until_items(senders.len()).await;
    let mut requests: Vec<_> = bench.backend.values(TENANT).into_iter().zip(requests).collect();
    requests.sort();
    let requests: Vec<_> = requests.iter().map(|(tenant, ids)| (tenant.as_deref(), ids.as_slice())).collect();
    assert_eq!(requests, expected, "{senders:?}");
    assert!(bench.backend.values("user-agent").iter().all(Option::is_none), "only what all have in common is kept");
}

#[tokio::test(start_paused = true)]
async fn senders_are_joined_with_their_like_only() {
    let senders = [Some("a"), Some("b"), Some("a"), None, Some("b"), Some("a"), None];
    let expected: &[(_, &[u64])] = &[(None, &[3, 6]), (Some("a"), &[0, 2, 5]), (Some("b"), &[1, 4])];
    check(by_tenant("p", 100), &senders, expected).await;
    check(by_tenant("p", 2), &[Some("a"), Some("a")], &[(Some("a"), &[0, 1])]).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_value_is_not_the_absence_of_one() {
    check(by_tenant("p", 100), &[Some(""), None, Some("")], &[(None, &[1]), (Some(""), &[0, 2])]).await;
}

#[tokio::test(start_paused = true)]
async fn without_keys_all_are_joined_and_nothing_of_them_is_kept() {
    check(rule("p", 100, None, 200), &[Some("a"), Some("b")], &[(None, &[0, 1])]).await;
    check(rule("p", 0, None, 200), &[Some("a")], &[(None, &[0])]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_batched_keeps_all_metadata() {
    let bench = Bench::new(None, Some(QUEUE));
    bench.send(from(Some("a"), payload([1]))).await.unwrap();
    bench.backend.until_items(1).await;
    assert_eq!(bench.backend.values("user-agent"), [Some("sdk".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_an_exporter_hold_beside_those_of_a_pipeline() {
    let batch = QueueBatch {
        flush_timeout: Duration::from_millis(200),
        min_size: 100,
        max_size: None,
        sizer: BatchSizer::Items,
        metadata_keys: vec!["x-zone".into()],
    };
    let bench = Bench::new(None, Some(Queue { batch: Some(batch), ..QUEUE }));
    for (id, tenant) in [Some("a"), Some("b"), Some("a")].into_iter().enumerate() {
        bench.send(from(tenant, payload([id as u64])).with_rule(by_tenant("p", 100))).await.unwrap();
    }
    let mut requests = bench.backend.until_items(3).await;
    requests.sort();
    assert_eq!(requests, [vec![0, 2], vec![1]]);
    assert_eq!(bench.backend.values("x-zone"), [Some("eu".to_owned()), Some("eu".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn each_batch_waits_from_its_own_first_payload() {
    let bench = Bench::new(None, Some(QUEUE));
    let rule = by_tenant("p", 3);
    let send =
        async |tenant, id| bench.send(from(Some(tenant), payload([id])).with_rule(Arc::clone(&rule))).await.unwrap();
    send("a", 0).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    send("b", 1).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(bench.backend.delivered(), [[0]]);
    tokio::time::sleep(Duration::from_millis(130)).await;
    assert_eq!(bench.backend.delivered(), [[0]]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(bench.backend.delivered(), [[0], [1]]);
    // A batch that went by its size leaves no moment behind at which the next one would go too early.
    for id in 2..6 {
        send("c", id).await;
    }
    tokio::time::sleep(Duration::from_millis(190)).await;
    assert_eq!(bench.backend.delivered()[2..], [vec![2, 3, 4]]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(bench.backend.delivered()[3..], [vec![5]]);
}

#[tokio::test(start_paused = true)]
async fn too_many_senders_at_a_time_do_not_fill_the_memory() {
    let bench = Bench::new(None, Some(Queue { queue_size: 20_000, ..QUEUE }));
    let rule = Arc::new(MergeRule { timeout: Duration::from_secs(3600), ..(*by_tenant("p", 100)).clone() });
    for id in 0..10_003 {
        let tenant = id.to_string();
        bench.send(from(Some(&tenant), payload([id])).with_rule(Arc::clone(&rule))).await.unwrap();
    }
    assert_eq!(bench.backend.until_items(3).await, [[0], [1], [2]], "the oldest make room");
    assert!(bench.batches().iter().all(|(_, items, trigger)| (*items, *trigger) == (1, Trigger::Timeout)));
    bench.lifetime.drain(Duration::from_secs(5)).await;
    assert_eq!(bench.backend.delivered().len(), 10_003);
    assert_eq!(bench.entry.level.size(), 0);
}
