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
