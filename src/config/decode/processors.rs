//! What each processor asks for: batch and memory_limiter.

use std::time::Duration;

use crate::config::model::{Batch, MemoryLimit, MemoryLimiter, Processor};
use crate::config::problem::Problem;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};
use crate::units::{ByteCount, Items};

use super::delivery;

/// `batch`
pub(super) fn batch(section: &mut Section<'_>) -> Option<Processor> {
    let timeout = section.duration("timeout", "timeout must be greater or equal to 0");
    let size = section.unsigned("send_batch_size").unwrap_or(8192);
    let max = section.unsigned("send_batch_max_size").filter(|max| *max != 0);
    if max.is_some_and(|max| max < size) {
        section.whole().wrong("send_batch_max_size must be greater or equal to send_batch_size");
    }
    let metadata_keys = delivery::metadata_keys(section);
    let cardinality = section.unsigned("metadata_cardinality_limit").unwrap_or(1000);
    Some(Processor::Batch(Batch {
        timeout: timeout.unwrap_or(Duration::from_millis(200)),
        send_batch_size: Items(size),
        send_batch_max_size: max.map(Items),
        metadata_keys,
        metadata_cardinality_limit: Some(cardinality).filter(|limit| *limit != 0),
    }))
}

/// `memory_limiter`
pub(super) fn memory_limiter(section: &mut Section<'_>) -> Option<Processor> {
    let check_interval = check_interval(section);
    let limit_mib = section.unsigned("limit_mib").filter(|mib| *mib != 0);
    let limit_percent = percentage(section, "limit_percentage");
    let spike_mib = section.unsigned("spike_limit_mib").filter(|mib| *mib != 0);
    let spike_percent = percentage(section, "spike_limit_percentage");
    section.rest(COLLECTION);
    let whole = section.whole();
    let (limit, spike) = match (limit_mib, limit_percent) {
        // `limit_mib` wins, and each spike belongs to the limit of its own kind.
        (Some(limit), _) => {
            if spike_mib.is_some_and(|spike| limit <= spike) {
                whole.wrong("'spike_limit_mib' must be smaller than 'limit_mib'");
            }
            (bytes(limit), spike_mib.map(bytes))
        }
        (None, Some(limit)) => {
            if spike_percent.is_some_and(|spike| limit <= spike) {
                whole.wrong("'spike_limit_percentage' must be smaller than 'limit_percentage'");
            }
            (MemoryLimit::Percent(limit), spike_percent.map(MemoryLimit::Percent))
        }
        (None, None) => {
            let problem = whole.fault("'limit_mib' or 'limit_percentage' must be greater than zero");
            whole.refuse(problem.hint("write limit_percentage: 80"));
            return None;
        }
    };
    Some(Processor::MemoryLimiter(MemoryLimiter { check_interval, limit, spike }))
}

/// The Collector does without a default and refuses to start.
fn check_interval(section: &mut Section<'_>) -> Duration {
    let refusal = "'check_interval' must be greater than zero";
    let Some(value) = section.value("check_interval") else {
        let warning = Problem::new(None, "", "check_interval is not set, 1s is taken; the Collector refuses to start");
        section.whole().warn_of(warning.hint("write check_interval: 1s"));
        return DEFAULT_INTERVAL;
    };
    let interval = value.duration(refusal);
    if interval == Some(Duration::ZERO) {
        value.wrong(refusal);
    }
    interval.unwrap_or(DEFAULT_INTERVAL)
}

fn percentage(section: &mut Section<'_>, key: &'static str) -> Option<u8> {
    let value: Reading<'_> = section.value(key)?;
    let number = value.unsigned()?;
    match u8::try_from(number) {
        Ok(percent @ 0..=100) => Some(percent).filter(|percent| *percent != 0),
        _ => {
            let what = "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred";
            value.wrong(what);
            None
        }
    }
}

fn bytes(mib: u64) -> MemoryLimit {
    MemoryLimit::Bytes(ByteCount::mib(mib))
}

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

const GARBAGE: &str = "the relay has no garbage collector";
const COLLECTION: &[(&str, Rule)] = &[
    ("min_gc_interval_when_soft_limited", Rule::NoEffect(GARBAGE)),
    ("min_gc_interval_when_hard_limited", Rule::NoEffect(GARBAGE)),
    ("max_gc_interval_when_soft_limited", Rule::NoEffect(GARBAGE)),
    ("max_gc_interval_when_hard_limited", Rule::NoEffect(GARBAGE)),
    ("ballast_size_mib", Rule::NoEffect(GARBAGE)),
];
