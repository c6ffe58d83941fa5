//! What a `batch` processor is: a rule that its payloads carry to the exporters, whose queues gather them.
//!
//! It is no buffer of its own. The Collector's acknowledges data that sits in a volatile buffer and drops it when an
//! exporter's queue is full; here the sender is acknowledged when the queue has the data, and hears of a full queue.

use std::sync::Arc;

use crate::config;
use crate::flow::{Consume, Consumed, Next};
use crate::payload::{MergeRule, Payload, Sizer};

/// The rule that `batch` asks for, on behalf of `owner`: the pipeline and the processor, since each pipeline gathers
/// its own data.
pub fn merge_rule(owner: Arc<str>, batch: &config::Batch) -> MergeRule {
    let config::Batch { timeout, send_batch_size, send_batch_max_size } = batch;
    MergeRule {
        owner,
        sizer: Sizer::Items,
        min_size: send_batch_size.0,
        max_size: send_batch_max_size.map(|max| max.0),
        timeout: *timeout,
    }
}

/// Makes every payload that goes to `next` carry `rule`.
pub fn ruled(rule: MergeRule, next: Next) -> Next {
    Arc::new(Ruled { rule: Arc::new(rule), next })
}

struct Ruled {
    rule: Arc<MergeRule>,
    next: Next,
}

impl Consume for Ruled {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        self.next.consume(payload.with_rule(Arc::clone(&self.rule)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
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

    #[tokio::test]
    async fn payloads_carry_the_rule_of_their_processor() {
        let timeout = Duration::from_millis(200);
        let batch = config::Batch { timeout, send_batch_size: Items(8192), send_batch_max_size: Some(Items(10_000)) };
        let rule = merge_rule("traces/eu batch".into(), &batch);
        let sink = Arc::new(Sink::default());
        let payload = Payload::parse(Signal::Traces, Bytes::new()).unwrap();
        ruled(rule.clone(), sink.clone()).consume(payload).await.unwrap();
        let (owner, max_size) = ("traces/eu batch".into(), Some(10_000));
        assert_eq!(rule, MergeRule { owner, sizer: Sizer::Items, min_size: 8192, max_size, timeout });
        assert_eq!(sink.0.lock().unwrap().as_ref().and_then(|payload| payload.rule().cloned()), Some(Arc::new(rule)));
    }
}
