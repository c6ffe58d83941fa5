//! By which rule a payload is joined and cut when both its pipeline and its exporter have one.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Acknowledge, BatchSizer, QueueBatch};
use crate::ident::ComponentId;
use crate::payload::{Limit, MergeRule, Payload, Sizer};

use super::partitions::Partition;

/// The rule of `sending_queue::batch`.
pub(super) fn of_exporter(exporter: &ComponentId, batch: QueueBatch) -> MergeRule {
    let QueueBatch { flush_timeout, min_size, max_size, sizer, metadata_keys } = batch;
    let sizer = match sizer {
        BatchSizer::Items => Sizer::Items,
        BatchSizer::Bytes => Sizer::Bytes,
    };
    let owner = exporter.to_string().into();
    MergeRule { owner, sizer, min_size, max_size, timeout: flush_timeout, metadata_keys }
}

/// What holds for one kind of payload at one exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Who set it: the pipeline where it has a rule, since payloads of two pipelines are never joined.
    pub(super) owner: Arc<str>,
    /// What `min_size` is measured in.
    pub(super) sizer: Sizer,
    /// A batch of this size is sent.
    pub(super) min_size: u64,
    /// How long the first payload of a batch waits for others.
    pub(super) timeout: Duration,
    /// What no batch exceeds, unless a single item does: none, one, or one of each unit.
    pub(super) limits: Vec<Limit>,
    /// Metadata by which senders are told apart, in lower case: what either rule asks for.
    pub(super) metadata_keys: Vec<Box<str>>,
}

impl Rule {
    /// The rule for payloads with the rule `pipeline` at an exporter with the rule `exporter`, whose senders are answered
    /// as `acknowledge` says; nothing without either rule.
    ///
    /// The exporter's rule says when a batch is sent. No batch is larger than either of them allows.
    pub(super) fn resolve(
        pipeline: Option<&MergeRule>,
        exporter: Option<&MergeRule>,
        acknowledge: Acknowledge,
    ) -> Option<Rule> {
        let sending = exporter.or(pipeline)?;
        let timeout = match acknowledge {
            Acknowledge::WhenExported if exporter.is_none() => sending.timeout.min(WAITED_FOR),
            _ => sending.timeout,
        };
        let owner = pipeline.unwrap_or(sending);
        let mut limits: Vec<Limit> = Vec::new();
        for rule in [exporter, pipeline].into_iter().flatten() {
            let Some(max) = rule.max_size.filter(|max| *max != 0) else { continue };
            match limits.iter_mut().find(|limit| limit.sizer == rule.sizer) {
                Some(limit) => limit.max = limit.max.min(max),
                None => limits.push(Limit { sizer: rule.sizer, max }),
            }
        }
        // Gathering more than one request may hold would only delay it.
        let most = limits.iter().find(|limit| limit.sizer == sending.sizer).map_or(u64::MAX, |limit| limit.max);
        let min_size = if timeout.is_zero() { 0 } else { sending.min_size.min(most) };
        let owner = Arc::clone(&owner.owner);
        let mut metadata_keys: Vec<Box<str>> = Vec::new();
        for key in [exporter, pipeline].into_iter().flatten().flat_map(|rule| &rule.metadata_keys) {
            if !metadata_keys.contains(key) {
                metadata_keys.push(key.clone());
            }
        }
        Some(Rule { owner, sizer: sending.sizer, min_size, timeout, limits, metadata_keys })
    }

    /// Which of this rule's batches `payload` belongs to.
    pub(super) fn partition_of(&self, payload: &Payload) -> Partition {
        let metadata = payload.metadata().filter(|_| !self.metadata_keys.is_empty())?;
        Some(metadata.only(&self.metadata_keys)).filter(|kept| !kept.is_empty()).map(Arc::new)
    }
}

/// How long the batch of a pipeline may wait for more while its senders wait for what becomes of it. The Collector's
/// `batch` processor answers them before, so that its timeout can be as long as that of an SDK, which gives up after 10 s.
/// This is its default.
const WAITED_FOR: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(owner: &str, sizer: Sizer, min_size: u64, max_size: u64) -> MergeRule {
        let timeout = Duration::from_millis(min_size);
        MergeRule { owner: owner.into(), sizer, min_size, max_size: Some(max_size), timeout, metadata_keys: Vec::new() }
    }

    fn resolved(owner: &str, sizer: Sizer, min_size: u64, limits: &[(Sizer, u64)]) -> Rule {
        let limits = limits.iter().map(|&(sizer, max)| Limit { sizer, max }).collect();
        Rule { owner: owner.into(), sizer, min_size, timeout: Duration::ZERO, limits, metadata_keys: Vec::new() }
    }

    #[track_caller]
    fn check(pipeline: Option<MergeRule>, exporter: Option<MergeRule>, expected: Option<Rule>) {
        let timeout = exporter.as_ref().or(pipeline.as_ref()).map(|rule| rule.timeout).unwrap_or_default();
        let expected = expected.map(|rule| Rule { timeout, ..rule });
        assert_eq!(Rule::resolve(pipeline.as_ref(), exporter.as_ref(), Acknowledge::WhenQueued), expected);
    }

    #[test]
    fn the_exporters_rule_says_when_and_the_smaller_limit_holds() {
        use Sizer::{Bytes, Items};
        check(None, None, None);
        check(Some(rule("p", Items, 8, 9)), None, Some(resolved("p", Items, 8, &[(Items, 9)])));
        check(None, Some(rule("e", Bytes, 8, 9)), Some(resolved("e", Bytes, 8, &[(Bytes, 9)])));
        check(Some(rule("p", Items, 8, 9)), Some(rule("e", Items, 4, 5)), Some(resolved("p", Items, 4, &[(Items, 5)])));
        check(Some(rule("p", Items, 2, 3)), Some(rule("e", Items, 4, 5)), Some(resolved("p", Items, 3, &[(Items, 3)])));
        let both: &[(Sizer, u64)] = &[(Bytes, 5), (Items, 9)];
        check(Some(rule("p", Items, 8, 9)), Some(rule("e", Bytes, 4, 5)), Some(resolved("p", Bytes, 4, both)));
        check(Some(rule("p", Items, 8, 0)), None, Some(resolved("p", Items, 8, &[])));
    }

    #[test]
    fn the_keys_of_both_rules_tell_senders_apart() {
        let keyed = |owner, keys: &[&str]| MergeRule {
            metadata_keys: keys.iter().map(|key| Box::from(*key)).collect(),
            ..rule(owner, Sizer::Items, 8, 9)
        };
        let resolved = Rule::resolve(
            Some(&keyed("p", &["tenant", "zone"])),
            Some(&keyed("e", &["zone", "app"])),
            Acknowledge::WhenQueued,
        );
        assert_eq!(resolved.map(|rule| rule.metadata_keys.join(" ")), Some("zone app tenant".to_owned()));
    }

    #[test]
    fn without_a_timeout_nothing_waits() {
        let rule = MergeRule { timeout: Duration::ZERO, ..rule("p", Sizer::Items, 8, 9) };
        let resolved = Rule::resolve(Some(&rule), None, Acknowledge::WhenQueued);
        assert_eq!(resolved.map(|rule| rule.min_size), Some(0));
    }

    #[test]
    fn senders_that_wait_for_the_outcome_do_not_wait_for_the_timeout_of_their_pipeline() {
        let rule = MergeRule { timeout: Duration::from_secs(10), ..rule("r", Sizer::Items, 8, 9) };
        for (pipeline, exporter, acknowledge, expected) in [
            (Some(&rule), None, Acknowledge::WhenExported, WAITED_FOR),
            (Some(&rule), None, Acknowledge::WhenQueued, rule.timeout),
            (Some(&rule), Some(&rule), Acknowledge::WhenExported, rule.timeout),
        ] {
            let timeout = Rule::resolve(pipeline, exporter, acknowledge).map(|rule| rule.timeout);
            assert_eq!(timeout, Some(expected), "{acknowledge:?}");
        }
    }
}
