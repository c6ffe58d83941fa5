//! What became of data on its way out: not admitted, tried, settled.

use std::sync::Arc;

use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Custody, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::signal::Signal;
use crate::telemetry::registry::Registry;
use crate::telemetry::series::Counter;
use crate::telemetry::state::ExporterState;
use crate::telemetry::voice::{Loss, Voice};
use crate::telemetry::{Ledger, Watch};
use crate::units::Items;

use super::item_counter;

/// Counts what the queue of `exporter` does not take in: `otelcol_exporter_enqueue_failed_*`, and logs it with the
/// reason why the exporter falls behind.
pub fn admitted(exporter: &Arc<ComponentId>, signal: Signal, watch: &Watch, next: Next) -> Next {
    let id = exporter.to_string();
    let help = "Items that the exporter's queue did not take in";
    let labels = [("exporter", id.as_str())];
    let enqueue_failed = item_counter(&watch.registry, "otelcol_exporter_enqueue_failed", signal, help, &labels);
    Arc::new(Admitted { enqueue_failed, signal, voice: watch.voices.of(exporter), next })
}

/// Counts what finally became of data: `otelcol_exporter_sent_*` and `otelcol_exporter_send_failed_*`, in items, with
/// the `exporter` label alone; data that is given up is logged as dropped. See [`settled_as`] for more labels, and for
/// exporters whose failures go back to the sender.
pub fn settled(exporter: &Arc<ComponentId>, signal: Signal, watch: &Watch, next: Next) -> Next {
    settled_as(Settling { exporter, signal, watch, target: &[], on_failure: OnFailure::Dropped }, next)
}

/// What [`settled_as`] has to know.
#[derive(Clone, Copy, Debug)]
pub struct Settling<'a> {
    /// Whose outcomes are counted.
    pub exporter: &'a Arc<ComponentId>,
    /// For which signal.
    pub signal: Signal,
    /// Where to count.
    pub watch: &'a Watch,
    /// Labels beside `exporter`: the Collector has `server_address`, `server_port` and `url_path` there.
    pub target: &'a [(&'static str, &'a str)],
    /// Who has the data after a failure.
    pub on_failure: OnFailure,
}

/// Who has the data after a final failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nobody: its sender was told long ago that it was accepted.
    Dropped,
    /// Its sender, who gets the failure: there is no queue, or the sender waits for the result.
    Returned,
    /// As [`OnFailure::Dropped`], but what the end of the relay interrupts is still on disk.
    Kept,
}

/// Counts what finally became of data. Items that the backend rejects of a request that it took (`partial_success`)
/// count as failed, the rest as sent. Failures are counted by class, too: `otelcol_exporter_send_failed_by_class`.
pub fn settled_as(settling: Settling<'_>, next: Next) -> Next {
    let Settling { exporter, signal, watch, target, on_failure } = settling;
    let id = exporter.to_string();
    let mut labels = vec![("exporter", id.as_str())];
    labels.extend_from_slice(target);
    let counter =
        |what, help| item_counter(&watch.registry, &format!("otelcol_exporter_{what}"), signal, help, &labels);
    Arc::new(Settled {
        sent: counter("sent", "Items that the backend took"),
        send_failed: counter("send_failed", "Items that were finally not delivered, or rejected by the backend"),
        by_class: ByClass::new(watch, "otelcol_exporter_send_failed_by_class", SEND_FAILED_BY_CLASS, exporter, signal),
        signal,
        on_failure,
        ledger: watch.ledger.clone(),
        voice: watch.voices.of(exporter),
        next,
    })
}

/// Watches single tries: counts them by class (`otelcol_exporter_attempts`; no error is an empty `error_type`), keeps
/// `state`, and logs the first sight, the change, the lasting and the end of failures.
pub fn attempted(
    exporter: &Arc<ComponentId>,
    signal: Signal,
    state: Arc<ExporterState>,
    watch: &Watch,
    next: Next,
) -> Next {
    let by_class = ByClass::new(watch, "otelcol_exporter_attempts", ATTEMPTS, exporter, signal);
    let succeeded = by_class.counter("", "");
    Arc::new(Attempted { succeeded, by_class, signal, state, voice: watch.voices.of(exporter), next })
}

struct Admitted {
    enqueue_failed: Counter,
    signal: Signal,
    voice: Arc<Voice>,
    next: Next,
}

impl Consume for Admitted {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        let items = payload.items();
        Box::pin(async move {
            let outcome = self.next.consume(payload).await;
            if let Err(failure) = &outcome
                && is_refused_by_queue(failure.class())
            {
                self.enqueue_failed.add(items.0);
                self.voice.lost(Loss::Refused, self.signal, failure.class(), items, &failure.cause());
            }
            outcome
        })
    }
}

/// Other failures come through the queue from the exporter, where the sender waits for the result.
fn is_refused_by_queue(class: Class) -> bool {
    matches!(
        class,
        Class::QueueFull
            | Class::TooLargeForQueue
            | Class::MemoryLimited
            | Class::ShuttingDown
            | Class::DiskFull
            | Class::StorageReadOnly
            | Class::StorageFailed
    )
}

struct Settled {
    sent: Counter,
    send_failed: Counter,
    by_class: ByClass,
    signal: Signal,
    on_failure: OnFailure,
    ledger: Ledger,
    voice: Arc<Voice>,
    next: Next,
}

impl Consume for Settled {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        let items = payload.items();
        Box::pin(async move {
            let outcome = self.next.consume(payload).await;
            match &outcome {
                Ok(receipt) => self.delivered(items, receipt),
                Err(failure) => self.failed(items, failure),
            }
            outcome
        })
    }
}

impl Settled {
    fn delivered(&self, items: Items, receipt: &Receipt) {
        if !matches!(receipt.custody, Custody::Delivered(_)) {
            return;
        }
        // A backend may claim to have rejected more than it was sent.
        let rejected = receipt.rejected.min(items);
        let taken = items - rejected;
        self.sent.add(taken.0);
        self.ledger.delivered.add(taken.0);
        if rejected != Items::ZERO || receipt.message.is_some() {
            self.rejected(rejected, receipt.message.as_deref().unwrap_or_default());
        }
    }

    #[cold]
    fn rejected(&self, items: Items, message: &str) {
        let class = Class::PartialSuccessRejected;
        if items != Items::ZERO {
            self.send_failed.add(items.0);
            self.by_class.add(class, items.0);
            self.ledger.rejected.add(items.0);
        }
        self.voice.lost(Loss::Rejected, self.signal, class, items, message);
    }

    #[cold]
    fn failed(&self, items: Items, failure: &Failure) {
        if self.on_failure == OnFailure::Kept && failure.class() == Class::ShuttingDown {
            return;
        }
        self.send_failed.add(items.0);
        self.by_class.add(failure.class(), items.0);
        let loss = match self.on_failure {
            OnFailure::Dropped | OnFailure::Kept => {
                self.ledger.dropped.add(items.0);
                Loss::Dropped
            }
            OnFailure::Returned => Loss::Refused,
        };
        self.voice.lost(loss, self.signal, failure.class(), items, &failure.cause());
    }
}

struct Attempted {
    succeeded: Counter,
    by_class: ByClass,
    signal: Signal,
    state: Arc<ExporterState>,
    voice: Arc<Voice>,
    next: Next,
}

impl Consume for Attempted {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            let outcome = self.next.consume(payload).await;
            match &outcome {
                Ok(_) => {
                    self.succeeded.add(1);
                    self.state.succeeded();
                    self.voice.succeeded(self.signal);
                }
                Err(failure) => self.failed(failure),
            }
            outcome
        })
    }
}

impl Attempted {
    #[cold]
    fn failed(&self, failure: &Failure) {
        self.by_class.add(failure.class(), 1);
        // An attempt that our own shutdown ended says nothing of the backend.
        if failure.class() != Class::ShuttingDown {
            self.state.failed(failure);
            self.voice.failed(self.signal, failure, self.state.queued());
        }
    }
}

/// One counter for each class of failure, made when the class first occurs: there are many, and few occur.
struct ByClass {
    registry: Registry,
    name: &'static str,
    help: &'static str,
    exporter: String,
    signal: Signal,
}

impl ByClass {
    fn new(watch: &Watch, name: &'static str, help: &'static str, exporter: &ComponentId, signal: Signal) -> ByClass {
        ByClass { registry: watch.registry.clone(), name, help, exporter: exporter.to_string(), signal }
    }

    fn add(&self, class: Class, n: u64) {
        self.counter(class.code(), class.family().name()).add(n);
    }

    fn counter(&self, error_type: &str, error_family: &str) -> Counter {
        let labels = [
            ("exporter", self.exporter.as_str()),
            ("data_type", self.signal.name()),
            ("error_type", error_type),
            ("error_family", error_family),
        ];
        self.registry.counter(self.name, self.help, &labels)
    }
}

const SEND_FAILED_BY_CLASS: &str = "Items that were finally not delivered, by class of failure";
const ATTEMPTS: &str = "Export tries, by class of failure; an empty error_type is a success";
