//! What stages that telemetry cannot wrap tell of themselves: batches as they are sent, requests that never became a
//! payload.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::delivery::{BatchSent, OnBatch, Trigger};
use crate::failure::{Class, Phase};
use crate::ident::ComponentId;
use crate::processors::OnCombination;
use crate::protocol::Protocol;
use crate::receivers::otlp::{Fault, Refusals};
use crate::telemetry::{Clients, Counter, Gauge, Histogram, Registry, Seen, Watch};

use super::plan::{BatchPlan, Plan};

/// The metrics of the `batch` processors, by the owner of each rule.
pub(super) struct BatchFigures {
    processors: Arc<BTreeMap<Arc<str>, BatchSeries>>,
    registry: Registry,
}

/// `otelcol_processor_batch_*` of one processor.
#[derive(Clone)]
struct BatchSeries {
    size: Histogram,
    bytes: Histogram,
    by_size: Counter,
    by_timeout: Counter,
    combinations: Gauge,
}

/// How many combinations of metadata values one stage has met: its part of the gauge, which goes when the stage does.
struct Combinations {
    gauge: Gauge,
    count: AtomicU32,
}

impl Combinations {
    fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.gauge.add(1.0);
    }
}

impl Drop for Combinations {
    fn drop(&mut self) {
        self.gauge.add(-f64::from(self.count.load(Ordering::Relaxed)));
    }
}

impl BatchFigures {
    /// Series for every `batch` processor of `plan`, all 0.
    pub(super) fn of(plan: &Plan, registry: &Registry) -> BatchFigures {
        let batches = plan.pipelines.values().filter_map(|pipeline| pipeline.batch.as_ref());
        let series = batches.map(|batch| (Arc::clone(&batch.rule.owner), BatchSeries::of(&batch.processor, registry)));
        BatchFigures { processors: Arc::new(series.collect()), registry: registry.clone() }
    }

    /// What the stage of `batch` calls for each combination of metadata values that it has not met before.
    pub(super) fn on_combination(&self, batch: &BatchPlan) -> OnCombination {
        let gauge =
            self.processors.get(&batch.rule.owner).map(|series| series.combinations.clone()).unwrap_or_default();
        let combinations = Combinations { gauge, count: AtomicU32::new(0) };
        if batch.rule.metadata_keys.is_empty() {
            combinations.add();
        }
        Box::new(move || combinations.add())
    }

    /// What the chain of `exporter` calls for each batch. Batches of an exporter's own rule have no processor.
    pub(super) fn on_batch(&self, exporter: &ComponentId) -> OnBatch {
        let series = Arc::clone(&self.processors);
        let exporter = exporter.to_string();
        let labels = [("exporter", exporter.as_str())];
        let histogram = |name, help, buckets| self.registry.histogram(name, help, buckets, &labels);
        let size_help = "Items in each batch that the queue sent";
        let size = histogram("otelcol_exporter_queue_batch_send_size", size_help, BATCH_SIZES);
        let bytes_help = "Bytes in each batch that the queue sent, uncompressed";
        let bytes = histogram("otelcol_exporter_queue_batch_send_size_bytes", bytes_help, BATCH_BYTES);
        Arc::new(move |sent: &BatchSent<'_>| {
            size.observe(sent.items.0 as f64);
            bytes.observe(sent.bytes.0 as f64);
            if let Some(series) = series.get(sent.owner) {
                series.size.observe(sent.items.0 as f64);
                series.bytes.observe(sent.bytes.0 as f64);
                match sent.trigger {
                    Trigger::Size => series.by_size.add(1),
                    Trigger::Timeout => series.by_timeout.add(1),
                }
            }
        })
    }
}

impl BatchSeries {
    fn of(processor: &ComponentId, registry: &Registry) -> BatchSeries {
        let processor = processor.to_string();
        let labels = [("processor", processor.as_str())];
        let size_help = "Items in each batch that was sent";
        BatchSeries {
            size: registry.histogram("otelcol_processor_batch_batch_send_size", size_help, BATCH_SIZES, &labels),
            bytes: registry.histogram(
                "otelcol_processor_batch_batch_send_size_bytes",
                "Bytes in each batch that was sent, uncompressed",
                BATCH_BYTES,
                &labels,
            ),
            by_size: registry.counter(
                "otelcol_processor_batch_batch_size_trigger_send",
                "Batches that were sent because they had reached their size",
                &labels,
            ),
            by_timeout: registry.counter(
                "otelcol_processor_batch_timeout_trigger_send",
                "Batches that were sent because their time was up",
                &labels,
            ),
            combinations: registry.gauge(
                "otelcol_processor_batch_metadata_cardinality",
                "Combinations of metadata values that are batched apart",
                &labels,
            ),
        }
    }
}

/// Requests that a receiver refused before they were payloads. The Collector does not count these at all.
pub(super) struct RefusalFigures {
    receiver: String,
    registry: Registry,
    clients: Clients,
}

impl RefusalFigures {
    /// For `receiver`, with 0 for each class that senders can provoke, so that the first refusal is an increase.
    pub(super) fn of(receiver: &ComponentId, watch: &Watch) -> RefusalFigures {
        let (registry, clients) = (watch.registry.clone(), watch.clients.clone());
        let figures = RefusalFigures { receiver: receiver.to_string(), registry, clients };
        let classes = Class::ALL.iter().filter(|class| class.row().phase == Phase::Receive);
        for class in classes.chain([&Class::MemoryLimited]) {
            for protocol in Protocol::ALL {
                figures.counter(*class, protocol);
            }
        }
        figures
    }

    fn counter(&self, class: Class, protocol: Protocol) -> Counter {
        let labels =
            [("receiver", self.receiver.as_str()), ("transport", protocol.name()), ("error_type", class.code())];
        let help = "Requests that were refused before their items could be counted";
        self.registry.counter("otelcol_receiver_refused_requests", help, &labels)
    }
}

impl Refusals for RefusalFigures {
    fn refused(&self, class: Class, protocol: Protocol) {
        self.counter(class, protocol).add(1);
    }

    fn errs(&self, fault: &Fault<'_>) {
        let Fault { client, protocol, class, cause, meaning, remedy } = *fault;
        self.clients.note(client, Seen { protocol, class, cause, meaning, remedy });
    }
}

/// The Collector's buckets for item counts.
const BATCH_SIZES: &[f64] = &[
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 7000.0, 8000.0,
    9000.0, 10000.0, 20000.0, 30000.0, 50000.0, 100000.0,
];

/// The Collector's buckets for lengths: the powers of two from 128 to 16777216.
const BATCH_BYTES: &[f64] = &[
    128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0, 65536.0, 131072.0, 262144.0, 524288.0,
    1048576.0, 2097152.0, 4194304.0, 8388608.0, 16777216.0,
];
