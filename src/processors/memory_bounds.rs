//! From which usage on memory is short: the limits of a `memory_limiter`, and those of the cgroup around it.

use std::time::Duration;

use crate::config::MemoryLimit;
use crate::memory::Reading;
use crate::units::ByteCount;

/// How much is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    process: Bound,
    /// Other processes may share the cgroup, so that its usage is held against its own limit; none where it has none.
    group: Option<Bound>,
}

/// How usage stands to the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Below the soft limit.
    Within,
    /// From the soft limit on, which is the limit less the spike.
    AboveSoft,
    /// From the limit on.
    AboveHard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound {
    soft: ByteCount,
    hard: ByteCount,
}

impl Bounds {
    /// What `limit` and `spike` come to, of which percentages are of `total`. The spike is a fifth of the limit unless
    /// something smaller than the limit is asked for.
    ///
    /// A share is a share of the cgroup's limit, so that both measures have one bound. An amount says nothing of the
    /// cgroup: there its own limit holds, less the same spike or a fifth.
    pub(super) fn of(
        limit: MemoryLimit,
        spike: Option<MemoryLimit>,
        total: ByteCount,
        group: Option<ByteCount>,
    ) -> Bounds {
        let bytes = |amount| match amount {
            MemoryLimit::Bytes(bytes) => bytes,
            MemoryLimit::Percent(percent) => ByteCount(total.0 / 100 * u64::from(percent)),
        };
        let fifth = |of: ByteCount| ByteCount(of.0 / 5);
        let hard = bytes(limit);
        let spike = spike.map(bytes).filter(|spike| *spike < hard).unwrap_or(fifth(hard));
        let process = Bound { soft: hard - spike, hard };
        let group = group.map(|group| match limit {
            MemoryLimit::Percent(_) => process,
            MemoryLimit::Bytes(_) => Bound { soft: group - spike.min(fifth(group)), hard: group },
        });
        Bounds { process, group }
    }

    /// Says at the start what holds, in the Collector's words.
    pub(super) fn announce(
        &self,
        limit: MemoryLimit,
        spike: Option<MemoryLimit>,
        total: ByteCount,
        check_interval: Duration,
    ) {
        let Bound { soft, hard } = self.process;
        if let MemoryLimit::Percent(limit_percentage) = limit {
            let total_memory_mib = total.0 >> 20;
            let spike_limit_percentage = match spike {
                Some(MemoryLimit::Percent(percent)) => percent,
                _ => 0,
            };
            tracing::info!(
                total_memory_mib,
                limit_percentage,
                spike_limit_percentage,
                "Using percentage memory limiter"
            );
        }
        tracing::info!(
            limit_mib = hard.0 >> 20,
            spike_limit_mib = (hard - soft).0 >> 20,
            ?check_interval,
            "Memory limiter configured"
        );
    }

    /// The worse of what process and group come to.
    pub(super) fn judge(&self, reading: Reading) -> Level {
        let process = reading.process.map(|used| self.process.judge(used));
        let group = reading.group.zip(self.group).map(|(used, bound)| bound.judge(used));
        process.max(group).unwrap_or(Level::Within)
    }

    /// Which usage is above which limit.
    pub(super) fn explain(&self, reading: Reading) -> String {
        let group = reading.group.zip(self.group).filter(|(used, bound)| bound.soft <= *used);
        match (reading.process, group) {
            (process, Some((used, bound))) if process.is_none_or(|used| used < self.process.soft) => {
                format!("the cgroup uses {used}, and its soft limit is {}", bound.soft)
            }
            (process, _) => {
                let used = process.unwrap_or_default();
                format!("the relay uses {used}, and its soft limit is {}", self.process.soft)
            }
        }
    }
}

impl Bound {
    fn judge(self, used: ByteCount) -> Level {
        if self.hard <= used {
            Level::AboveHard
        } else if self.soft <= used {
            Level::AboveSoft
        } else {
            Level::Within
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTAL: ByteCount = ByteCount(1000);

    fn bytes(n: u64) -> MemoryLimit {
        MemoryLimit::Bytes(ByteCount(n))
    }

    /// The bounds as (soft, hard) of the process and of a group of 1000.
    #[track_caller]
    fn check(limit: MemoryLimit, spike: Option<MemoryLimit>, process: (u64, u64), group: (u64, u64)) {
        let bound = |(soft, hard)| Bound { soft: ByteCount(soft), hard: ByteCount(hard) };
        let expected = Bounds { process: bound(process), group: Some(bound(group)) };
        assert_eq!(Bounds::of(limit, spike, TOTAL, Some(TOTAL)), expected, "{limit:?} {spike:?}");
    }

    #[test]
    fn the_soft_limit_is_the_limit_less_the_spike() {
        check(bytes(500), None, (400, 500), (900, 1000));
        check(bytes(500), Some(bytes(400)), (100, 500), (800, 1000));
        check(bytes(500), Some(MemoryLimit::Percent(50)), (400, 500), (900, 1000));
        check(MemoryLimit::Percent(80), Some(MemoryLimit::Percent(25)), (550, 800), (550, 800));
        check(MemoryLimit::Percent(80), None, (640, 800), (640, 800));
    }

    #[test]
    fn the_worse_of_process_and_group_decides() {
        let bounds = Bounds::of(bytes(500), None, TOTAL, Some(TOTAL));
        let reading = |process, group| Reading { process: Some(ByteCount(process)), group: Some(ByteCount(group)) };
        for (process, group, expected) in [
            (399, 899, Level::Within),
            (400, 899, Level::AboveSoft),
            (399, 900, Level::AboveSoft),
            (500, 0, Level::AboveHard),
            (0, 1000, Level::AboveHard),
        ] {
            assert_eq!(bounds.judge(reading(process, group)), expected, "{process} {group}");
        }
        assert_eq!(bounds.judge(Reading::default()), Level::Within);
        assert!(bounds.explain(reading(0, 950)).starts_with("the cgroup uses 950 B"));
        assert!(bounds.explain(reading(450, 950)).starts_with("the relay uses 450 B"));
    }
}
