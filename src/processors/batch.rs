//! What a `batch` processor is: a rule that its payloads carry to the exporters, whose queues gather them.
//!
//! It is no buffer of its own. The Collector's acknowledges data that sits in a volatile buffer and drops it when an
//! exporter's queue is full; here the sender is acknowledged when the queue has the data, and hears of a full queue.

use std::sync::Arc;

use crate::config;
use crate::flow::{Consume, Consumed, Next};
use crate::payload::{MergeRule, Payload, Sizer};

use super::combinations::{Combinations, OnCombination};

/// The rule that `batch` asks for, on behalf of `owner`: the pipeline and the processor, since each pipeline gathers
/// its own data.
pub fn merge_rule(owner: Arc<str>, batch: &config::Batch) -> MergeRule {
    let config::Batch { timeout, send_batch_size, send_batch_max_size, metadata_keys, metadata_cardinality_limit: _ } =
        batch;
    MergeRule {
        owner,
        sizer: Sizer::Items,
        min_size: send_batch_size.0,
        max_size: send_batch_max_size.map(|max| max.0),
        timeout: *timeout,
        metadata_keys: metadata_keys.clone(),
    }
}

/// Makes every payload that goes to `next` carry `rule`. Where the rule tells senders apart by their metadata, data with
/// more than `limit` combinations of values is refused, and `on_combination` hears of each new one.
pub fn ruled(rule: MergeRule, limit: Option<u64>, on_combination: OnCombination, next: Next) -> Next {
    let combinations = Combinations::new(rule.metadata_keys.clone(), limit, on_combination);
    Arc::new(Ruled { rule: Arc::new(rule), combinations, next })
}

struct Ruled {
    rule: Arc<MergeRule>,
    combinations: Combinations,
    next: Next,
}

impl Consume for Ruled {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        match self.combinations.admit(&payload) {
            Ok(()) => self.next.consume(payload.with_rule(Arc::clone(&self.rule))),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::failure::Class;
    use crate::flow::Receipt;
    use crate::signal::Signal;
    use crate::units::Items;

    #[derive(Default)]
    struct Sink(Mutex<Option<Payload>>);

    impl Consume for Sink {
        fn consume(&self, payload: Payload) -> Consumed<'_> {
            *self.0.lock().unwrap() = Some(payload);
            Box::pin(async { Ok(Receipt::empty()) })
        }
    }

    fn batch(keys: &[&str]) -> config::Batch {
        config::Batch {
            timeout: Duration::from_millis(200),
            send_batch_size: Items(8192),
            send_batch_max_size: Some(Items(10_000)),
            metadata_keys: keys.iter().map(|key| Box::from(*key)).collect(),
            metadata_cardinality_limit: Some(2),
        }
    }

    fn payload(tenant: Option<&str>) -> Payload {
        let payload = Payload::parse(Signal::Traces, Bytes::new()).unwrap();
        let pairs = tenant.into_iter().map(|tenant| ("X-Tenant", tenant)).chain([("user-agent", "any")]);
        payload.with_metadata(Arc::new(pairs.collect()))
    }

    #[tokio::test]
    async fn payloads_carry_the_rule_of_their_processor() {
        let batch = batch(&["x-tenant"]);
        let rule = merge_rule("traces/eu batch".into(), &batch);
        let sink = Arc::new(Sink::default());
        ruled(rule.clone(), None, Box::new(|| {}), sink.clone()).consume(payload(None)).await.unwrap();
        let expected = MergeRule {
            owner: "traces/eu batch".into(),
            sizer: Sizer::Items,
            min_size: 8192,
            max_size: Some(10_000),
            timeout: batch.timeout,
            metadata_keys: batch.metadata_keys,
        };
        assert_eq!(rule, expected);
        assert_eq!(sink.0.lock().unwrap().as_ref().and_then(|payload| payload.rule().cloned()), Some(Arc::new(rule)));
    }

    /// Sends from each of `tenants` in turn, and compares whether they were refused.
    async fn check(keys: &[&str], tenants: &[Option<&str>], refused: &[bool], combinations: usize) {
        let met = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&met);
        let on_new = Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let batch = batch(keys);
        let limit = batch.metadata_cardinality_limit;
        let stage = ruled(merge_rule("p".into(), &batch), limit, on_new, Arc::new(Sink::default()));
        let mut outcomes = Vec::new();
        for tenant in tenants {
            let failure = stage.consume(payload(*tenant)).await.err();
            outcomes.push(failure.is_some_and(|failure| failure.class() == Class::TooManyCombinations));
        }
        assert_eq!((outcomes.as_slice(), met.load(Ordering::Relaxed)), (refused, combinations), "{tenants:?}");
    }

    #[tokio::test]
    async fn more_combinations_than_allowed_are_refused() {
        check(
            &["x-tenant"],
            &[Some("a"), Some("b"), Some("a"), Some("c"), Some("b")],
            &[false, false, false, true, false],
            2,
        )
        .await;
        check(&["x-tenant"], &[None, Some(""), Some("a")], &[false, false, true], 2).await;
        check(&[], &[Some("a"), Some("b"), Some("c")], &[false; 3], 0).await;
    }
}
