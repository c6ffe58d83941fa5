//! What `memory_limiter` processors tell of themselves: the limiters of a configuration, and a stage of each pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Processor};
use crate::flow::Next;
use crate::ident::ComponentId;
use crate::memory::{Pressure, System};
use crate::processors::{MemoryLimiter, OnVerdict, Verdict};
use crate::signal::Signal;
use crate::telemetry::Registry;

use super::plan::{PipelinePlan, Plan};

/// Every limiter that a pipeline names, each shared by all its pipelines.
pub(super) struct Limiters {
    limiters: BTreeMap<ComponentId, Arc<MemoryLimiter>>,
    registry: Registry,
}

impl Limiters {
    /// The limiters of `plan`, which is the plan of `config`. While any of them refuses, `pressure` is high.
    pub(super) fn of(plan: &Plan, config: &Config, registry: &Registry, pressure: &Pressure) -> Limiters {
        let mut limiters = BTreeMap::new();
        for id in plan.pipelines.values().flat_map(|pipeline| &pipeline.limiters) {
            if let Some(Processor::MemoryLimiter(settings)) = config.processors.get(id) {
                let made = || MemoryLimiter::new(settings, Box::new(System::here()), pressure.clone());
                limiters.entry(id.clone()).or_insert_with(made);
            }
        }
        Limiters { limiters, registry: registry.clone() }
    }

    /// The limiters of `pipeline`, in their order, in front of `next`.
    pub(super) fn guard(&self, pipeline: &PipelinePlan, signal: Signal, next: Next) -> Next {
        pipeline.limiters.iter().rev().fold(next, |next, id| match self.limiters.get(id) {
            Some(limiter) => limiter.guard(self.on_verdict(id, signal), next),
            None => next,
        })
    }

    /// Counts as `otelcol_processor_memory_limiter_*`, and as every processor of the Collector's does.
    fn on_verdict(&self, processor: &ComponentId, signal: Signal) -> OnVerdict {
        let id = processor.to_string();
        let noun = signal.facts().metric_noun;
        let by_processor = [("processor", id.as_str())];
        let by_signal = [("processor", id.as_str()), ("otel_signal", signal.name())];
        let counter =
            |name: &str, help, labels| self.registry.counter(format!("otelcol_processor_{name}"), help, labels);
        let accepted = format!("memory_limiter_accepted_{noun}");
        let accepted = counter(&accepted, "Items that the memory limiter let through", &by_processor);
        let refused = format!("memory_limiter_refused_{noun}");
        let refused = counter(&refused, "Items that the memory limiter refused", &by_processor);
        let incoming = counter("incoming_items", "Items that came to the processor", &by_signal[..]);
        let outgoing = counter("outgoing_items", "Items that the processor passed on", &by_signal[..]);
        Box::new(move |verdict, items| {
            incoming.add(items.0);
            match verdict {
                Verdict::Accepted => {
                    accepted.add(items.0);
                    outgoing.add(items.0);
                }
                Verdict::Refused => refused.add(items.0),
            }
        })
    }
}
