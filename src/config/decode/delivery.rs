//! What happens around an attempt: `retry_on_failure` and `sending_queue`, with exporterhelper's defaults and checks.

use std::time::Duration;

use crate::config::model::{Acknowledge, BatchSizer, Delivery, Overflow, Queue, QueueBatch, QueueSizer, Retry};
use crate::config::section::{Rule, Section};

use super::retryable::Codes;
use super::{directories, fallback, retryable, storage};

/// Reads the parts that sending exporters share: both are on unless switched off.
pub(super) fn read(exporter: &mut Section<'_>, codes: Codes) -> Delivery {
    read_as(exporter, codes, DEFAULT_RETRY, DEFAULT_QUEUE)
}

/// The same of an exporter whose defaults are others: what is not written is as in `usual` and `usual_queue`.
pub(super) fn read_as(exporter: &mut Section<'_>, codes: Codes, usual: Retry, usual_queue: Queue) -> Delivery {
    let queue = if exporter.has("sending_queue") { queue_as(exporter, &usual_queue) } else { Some(usual_queue) };
    let keeps = match queue.as_ref().and_then(|queue| queue.durable.as_ref()) {
        Some(_) => Keeps::OnDisk,
        None => Keeps::InMemory,
    };
    let (retry, retryable_codes) = retry(exporter, codes, keeps, usual);
    Delivery {
        retry,
        queue,
        retryable_codes,
        fallback: fallback::read(exporter),
        dead_letter: directories::dead_letter(exporter),
    }
}

/// Reads `sending_queue` where it is off unless written; null is a queue with every default. Nothing is checked in one
/// that is switched off.
pub(super) fn queue(exporter: &mut Section<'_>) -> Option<Queue> {
    queue_as(exporter, &DEFAULT_QUEUE)
}

fn queue_as(exporter: &mut Section<'_>, usual: &Queue) -> Option<Queue> {
    let mut section = exporter.optional("sending_queue")?;
    let num_consumers = positive(&mut section, "num_consumers", usual.num_consumers as u64);
    let queue_size = positive(&mut section, "queue_size", usual.queue_size);
    let sizer = section.choice("sizer", SIZERS);
    let overflow = overflow(&mut section);
    let waits = section.boolean("wait_for_result").unwrap_or(false);
    let acknowledge = if waits { Acknowledge::WhenExported } else { Acknowledge::WhenQueued };
    let durable = storage::durable(&mut section, overflow, acknowledge);
    let batch = batch(&mut section, sizer, queue_size);
    section.rest(QUEUE_REST);
    section.finish();
    Some(Queue {
        num_consumers: usize::try_from(num_consumers).unwrap_or(usize::MAX),
        queue_size,
        sizer: sizer.unwrap_or(usual.sizer),
        overflow,
        acknowledge,
        batch,
        durable,
    })
}

/// `overflow`, or the Collector's `block_on_overflow`.
fn overflow(queue: &mut Section<'_>) -> Overflow {
    let blocks = queue.boolean("block_on_overflow").or_else(|| blocking(queue));
    let asked = queue.choice("overflow", OVERFLOWS);
    match (asked, blocks) {
        (Some(asked), Some(true)) if asked != Overflow::Block => {
            queue.whole().wrong("`overflow` and `block_on_overflow` contradict each other: write one of them");
            asked
        }
        (Some(asked), _) => asked,
        (None, Some(true)) => Overflow::Block,
        (None, _) => Overflow::Refuse,
    }
}

/// `blocking`: what `block_on_overflow` was called before.
fn blocking(queue: &mut Section<'_>) -> Option<bool> {
    let value = queue.value("blocking")?;
    value.warn("the key \"blocking\" is called \"block_on_overflow\" today");
    value.boolean()
}

fn positive(section: &mut Section<'_>, key: &'static str, default: u64) -> u64 {
    let Some(number) = section.unsigned(key) else { return default };
    if number == 0 {
        section.whole().wrong(format!("`{key}` must be positive"));
    }
    number
}

fn batch(queue: &mut Section<'_>, queue_sizer: Option<QueueSizer>, queue_size: u64) -> Option<QueueBatch> {
    let mut section = queue.optional("batch")?;
    let flush_timeout = section.duration("flush_timeout", "`flush_timeout` must be positive");
    if flush_timeout == Some(Duration::ZERO) {
        section.whole().wrong("`flush_timeout` must be positive, found 0");
    }
    let min_size = section.unsigned("min_size").unwrap_or(DEFAULT_BATCH.min_size);
    let max_size = section.unsigned("max_size").filter(|max| *max != 0);
    // A batch section that says something takes the queue's sizer over, and an empty one does not.
    let written = !section.is_empty();
    let asked = section.choice("sizer", SIZERS).or(queue_sizer.filter(|_| written));
    let sizer = match asked {
        Some(QueueSizer::Bytes) => BatchSizer::Bytes,
        Some(QueueSizer::Items) | None => BatchSizer::Items,
        Some(QueueSizer::Requests) => {
            let what = "`batch` supports only `items` or `bytes` sizer, found \"requests\"";
            section.whole().refuse(section.whole().fault(what).hint("write sizer: items under batch"));
            BatchSizer::Items
        }
    };
    let same_sizer = matches!(
        (queue_sizer, sizer),
        (Some(QueueSizer::Items), BatchSizer::Items) | (Some(QueueSizer::Bytes), BatchSizer::Bytes)
    );
    if same_sizer && queue_size < min_size {
        section.whole().wrong("`min_size` must be less than or equal to `queue_size`");
    }
    if let Some(max) = max_size.filter(|max| *max < min_size) {
        section.whole().wrong(format!("`max_size` ({max}) must be greater or equal to `min_size` ({min_size})"));
    }
    let metadata_keys = section.optional("partition").map_or_else(Vec::new, |mut partition| {
        let keys = metadata_keys(&mut partition);
        partition.finish();
        keys
    });
    section.finish();
    let flush_timeout = flush_timeout.unwrap_or(DEFAULT_BATCH.flush_timeout);
    Some(QueueBatch { flush_timeout, min_size, max_size, sizer, metadata_keys })
}

/// `metadata_keys` of a batch, in lower case: names of headers have no case.
pub(super) fn metadata_keys(section: &mut Section<'_>) -> Vec<Box<str>> {
    let mut keys: Vec<Box<str>> = Vec::new();
    for (word, at) in section.value("metadata_keys").map(|value| value.words()).unwrap_or_default() {
        let key = word.to_ascii_lowercase().into_boxed_str();
        if keys.contains(&key) {
            at.wrong(format!("duplicate entry in metadata_keys: \"{key}\" (case-insensitive)"));
        } else {
            keys.push(key);
        }
    }
    keys
}

/// `retry_on_failure`: all checks hold even where it is switched off. What is on disk is tried for ever unless the time is
/// written: the Collector gives it up after five minutes all the same.
fn retry(exporter: &mut Section<'_>, codes: Codes, keeps: Keeps, usual: Retry) -> (Option<Retry>, Vec<u16>) {
    let default_elapsed = match keeps {
        Keeps::OnDisk => Duration::ZERO,
        Keeps::InMemory => usual.max_elapsed_time.unwrap_or_default(),
    };
    let Some(mut section) = exporter.entry("retry_on_failure").and_then(|value| value.section()) else {
        let max_elapsed_time = Some(default_elapsed).filter(|time| !time.is_zero());
        return (Some(Retry { max_elapsed_time, ..usual }), Vec::new());
    };
    let enabled = section.enabled();
    let mut interval = |key, default: Duration| {
        let refusal = format!("{key} value must be greater than or equal to 0");
        section.duration(key, &refusal).unwrap_or(default)
    };
    let initial_interval = interval("initial_interval", usual.initial_interval);
    let max_interval = interval("max_interval", usual.max_interval);
    let elapsed = interval("max_elapsed_time", default_elapsed);
    if keeps == Keeps::OnDisk
        && enabled
        && !elapsed.is_zero()
        && let Some(value) = section.value("max_elapsed_time")
    {
        value.warn("an outage that is longer costs data that is on disk; write 0 to keep it until it is delivered");
    }
    let randomization_factor = section.float("randomization_factor").unwrap_or(usual.randomization_factor);
    let multiplier = section.float("multiplier").unwrap_or(usual.multiplier);
    let whole = section.whole();
    if randomization_factor < 0.0 {
        whole.wrong("randomization_factor value must be greater than or equal to 0");
    }
    if 1.0 < randomization_factor {
        whole.wrong("randomization_factor value must be less than or equal to 1");
    }
    if multiplier < 0.0 {
        whole.wrong("multiplier value must be greater than or equal to 0");
    }
    let max_elapsed_time = Some(elapsed).filter(|elapsed| !elapsed.is_zero());
    for (key, least) in [("initial_interval", initial_interval), ("max_interval", max_interval)] {
        if max_elapsed_time.is_some_and(|elapsed| elapsed < least) {
            whole.wrong(format!("'max_elapsed_time' must not be less than '{key}'"));
        }
    }
    let retryable_codes = retryable::read(&mut section, codes);
    section.finish();
    let retry = Retry { initial_interval, randomization_factor, multiplier, max_interval, max_elapsed_time };
    (enabled.then_some(retry), retryable_codes)
}

/// `timeout` of one attempt; 0 means no limit.
pub(super) fn timeout(exporter: &mut Section<'_>, default: Duration) -> Option<Duration> {
    let timeout = exporter.duration("timeout", "'timeout' must be non-negative").unwrap_or(default);
    Some(timeout).filter(|timeout| !timeout.is_zero())
}

/// Where a queue keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    InMemory,
    OnDisk,
}

const DEFAULT_RETRY: Retry = Retry {
    initial_interval: Duration::from_secs(5),
    randomization_factor: 0.5,
    multiplier: 1.5,
    max_interval: Duration::from_secs(30),
    max_elapsed_time: Some(Duration::from_secs(300)),
};
pub(super) const DEFAULT_QUEUE: Queue = Queue {
    num_consumers: 10,
    queue_size: 1000,
    sizer: QueueSizer::Requests,
    overflow: Overflow::Refuse,
    acknowledge: Acknowledge::WhenQueued,
    batch: None,
    durable: None,
};
const DEFAULT_BATCH: QueueBatch = QueueBatch {
    flush_timeout: Duration::from_millis(200),
    min_size: 8192,
    max_size: None,
    sizer: BatchSizer::Items,
    metadata_keys: Vec::new(),
};
const SIZERS: &[(&str, QueueSizer)] =
    &[("requests", QueueSizer::Requests), ("items", QueueSizer::Items), ("bytes", QueueSizer::Bytes)];
const OVERFLOWS: &[(&str, Overflow)] =
    &[("refuse", Overflow::Refuse), ("block", Overflow::Block), ("drop_oldest", Overflow::DropOldest)];
const QUEUE_REST: &[(&str, Rule)] = &[("persistent_storage_enabled", Rule::NotYet)];
