//! What became of data on its way out: not admitted, tried, settled.

use std::borrow::Cow;
use std::sync::Arc;

use crate::attempt::Attempt;
use crate::failure::{Class, Failure, Phase, Retry};
use crate::flow::{Consume, Consumed, Custody, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::signal::Signal;
use crate::telemetry::registry::Registry;
use crate::telemetry::series::{Counter, Histogram};
use crate::telemetry::state::ExporterState;
use crate::telemetry::voice::{Loss, Voice};
use crate::telemetry::{Ledger, Watch};
use crate::units::{ByteCount, Items};

use super::item_counter;

/// Counts what the queue of `exporter` does not take in: `otelcol_exporter_enqueue_failed_*`, by class in
/// `otelcol_exporter_enqueue_failed_by_class`, notes it in `state`, and logs it with the reason why the exporter falls
/// behind.
pub fn admitted(
    exporter: &Arc<ComponentId>,
    signal: Signal,
    state: Arc<ExporterState>,
    watch: &Watch,
    next: Next,
) -> Next {
    let id = exporter.to_string();
    let help = "Items that the exporter's queue did not take in";
    let labels = [("exporter", id.as_str())];
    let enqueue_failed = item_counter(&watch.registry, "otelcol_exporter_enqueue_failed", signal, help, &labels);
    let by_class = ByClass::new(watch, "otelcol_exporter_enqueue_failed_by_class", ENQUEUE_FAILED, exporter, signal);
    Arc::new(Admitted { enqueue_failed, by_class, signal, state, voice: watch.voices.of(exporter), next })
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

/// Counts what finally became of data, as a [`Settlement`] does, around a stage.
pub fn settled_as(settling: Settling<'_>, next: Next) -> Next {
    Arc::new(Settled { settlement: Settlement::new(settling), next })
}

/// Counts what finally became of data. Items that the backend rejects of a request that it took (`partial_success`)
/// count as failed, the rest as sent. Failures are counted by class, too: `otelcol_exporter_send_failed_by_class`.
pub struct Settlement {
    sent: Counter,
    /// Fallbacks: what they deliver counts as theirs.
    others: Vec<Other>,
    send_failed: Counter,
    by_class: ByClass,
    signal: Signal,
    on_failure: OnFailure,
    ledger: Ledger,
    voice: Arc<Voice>,
}

/// An exporter that delivers what another one could not.
struct Other {
    exporter: Arc<ComponentId>,
    sent: Counter,
    stood_in: Counter,
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
    let succeeded = by_class.succeeded();
    let phases = Phases::of(exporter, watch);
    let unclassified = watch.registry.counter(UNCLASSIFIED, UNCLASSIFIED_HELP, &[("exporter", &exporter.to_string())]);
    Arc::new(Attempted {
        succeeded,
        by_class,
        unclassified,
        phases,
        signal,
        state,
        voice: watch.voices.of(exporter),
        next,
    })
}

struct Admitted {
    enqueue_failed: Counter,
    by_class: ByClass,
    signal: Signal,
    state: Arc<ExporterState>,
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
                self.by_class.add_failure(failure, items.0);
                self.state.refused(failure);
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
    settlement: Settlement,
    next: Next,
}

impl Consume for Settled {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        let items = payload.items();
        Box::pin(async move {
            let outcome = self.next.consume(payload).await;
            self.settlement.note(items, &outcome);
            outcome
        })
    }
}

impl Settlement {
    /// For what is delivered by the exporter itself.
    pub fn new(settling: Settling<'_>) -> Settlement {
        let Settling { exporter, signal, watch, target, on_failure } = settling;
        let id = exporter.to_string();
        let mut labels = vec![("exporter", id.as_str())];
        labels.extend_from_slice(target);
        let counter =
            |what, help| item_counter(&watch.registry, &format!("otelcol_exporter_{what}"), signal, help, &labels);
        Settlement {
            sent: counter("sent", SENT),
            others: Vec::new(),
            send_failed: counter("send_failed", "Items that were finally not delivered, or rejected by the backend"),
            by_class: ByClass::new(
                watch,
                "otelcol_exporter_send_failed_by_class",
                SEND_FAILED_BY_CLASS,
                exporter,
                signal,
            ),
            signal,
            on_failure,
            ledger: watch.ledger.clone(),
            voice: watch.voices.of(exporter),
        }
    }

    /// What `other` delivers of it counts as sent by that exporter, whose labels beside `exporter` are `target`, and as
    /// `otelcol_exporter_fallback_sent_*` of this one.
    #[must_use]
    pub fn or_by(mut self, other: &Arc<ComponentId>, target: &[(&'static str, &str)]) -> Settlement {
        let (registry, id) = (&self.by_class.registry, other.to_string());
        let mut labels = vec![("exporter", id.as_str())];
        labels.extend_from_slice(target);
        let sent = item_counter(registry, "otelcol_exporter_sent", self.signal, SENT, &labels);
        let labels = [("exporter", self.by_class.exporter.as_str()), ("fallback", id.as_str())];
        let help = "Items that another exporter delivered in this one's place";
        let stood_in = item_counter(registry, "otelcol_exporter_fallback_sent", self.signal, help, &labels);
        self.others.push(Other { exporter: Arc::clone(other), sent, stood_in });
        self
    }

    /// `items` ended so.
    pub fn note(&self, items: Items, outcome: &Result<Receipt, Failure>) {
        match outcome {
            Ok(receipt) => self.delivered(items, receipt),
            Err(failure) => self.failed(items, failure),
        }
    }

    fn delivered(&self, items: Items, receipt: &Receipt) {
        // Who set it aside has counted the class.
        let set_aside = receipt.set_aside.min(items);
        if set_aside != Items::ZERO {
            self.send_failed.add(set_aside.0);
        }
        let Custody::Delivered(by) = &receipt.custody else { return };
        // A backend may claim to have rejected more than it was sent.
        let rejected = receipt.rejected.min(items - set_aside);
        let taken = items - set_aside - rejected;
        match self.others.iter().find(|other| other.exporter == *by) {
            None => self.sent.add(taken.0),
            Some(other) => {
                other.sent.add(taken.0);
                other.stood_in.add(taken.0);
            }
        }
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
            self.by_class.add(class, class.row().phase, Permanence::Permanent, items.0);
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
        self.by_class.add_failure(failure, items.0);
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

/// Counts what is set aside as dead letters instead of being dropped: `otelcol_relay_dead_lettered_*`, in items by class,
/// `otelcol_relay_dead_letter_bytes`, and `otelcol_relay_dead_letter_failed` where it could not be kept.
pub fn dead_lettered(exporter: &Arc<ComponentId>, signal: Signal, watch: &Watch) -> DeadLettered {
    let id = exporter.to_string();
    let labels = [("exporter", id.as_str()), ("data_type", signal.name())];
    let counter = |name, help| watch.registry.counter(name, help, &labels);
    DeadLettered {
        bytes: counter("otelcol_relay_dead_letter_bytes", "Bytes of the dead letters that were written"),
        failed: counter("otelcol_relay_dead_letter_failed", "Items that could not be kept as dead letters"),
        send_failed_by_class: ByClass::new(
            watch,
            "otelcol_exporter_send_failed_by_class",
            SEND_FAILED_BY_CLASS,
            exporter,
            signal,
        ),
        by_class: ByClass::named(
            watch,
            format!("otelcol_relay_dead_lettered_{}", signal.facts().metric_noun),
            "Items that were set aside as dead letters, by class of failure",
            exporter,
            signal,
        ),
        signal,
        ledger: watch.ledger.clone(),
        voice: watch.voices.of(exporter),
    }
}

/// What [`dead_lettered`] counts with.
pub struct DeadLettered {
    bytes: Counter,
    failed: Counter,
    send_failed_by_class: ByClass,
    by_class: ByClass,
    signal: Signal,
    ledger: Ledger,
    voice: Arc<Voice>,
}

impl DeadLettered {
    /// `items`, which failed so, are on disk in `bytes`.
    pub fn kept(&self, failure: &Failure, items: Items, bytes: ByteCount) {
        self.by_class.add_failure(failure, items.0);
        self.send_failed_by_class.add_failure(failure, items.0);
        self.bytes.add(bytes.0);
        self.ledger.dead_lettered.add(items.0);
        self.voice.lost(Loss::DeadLettered, self.signal, failure.class(), items, &failure.cause());
    }

    /// `items` could not be kept, and `why`.
    pub fn lost(&self, why: &Failure, items: Items) {
        self.failed.add(items.0);
        self.voice.lost(Loss::NotKept, self.signal, why.class(), items, &why.cause());
    }
}

struct Attempted {
    succeeded: Counter,
    by_class: ByClass,
    unclassified: Counter,
    phases: Phases,
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
                Ok(receipt) => {
                    self.succeeded.add(1);
                    self.phases.observe(receipt.attempt.as_deref());
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
        self.by_class.add_failure(failure, 1);
        if failure.class() == Class::Other {
            self.unclassified.add(1);
        }
        self.phases.observe(failure.attempt());
        // An attempt that our own shutdown ended says nothing of the backend.
        if failure.class() != Class::ShuttingDown {
            self.state.failed(failure);
            self.voice.failed(self.signal, failure, &self.state);
        }
    }
}

/// One counter for each class of failure, made when the class first occurs: there are many, and few occur.
struct ByClass {
    registry: Registry,
    name: Cow<'static, str>,
    help: &'static str,
    exporter: String,
    signal: Signal,
}

impl ByClass {
    fn new(watch: &Watch, name: &'static str, help: &'static str, exporter: &ComponentId, signal: Signal) -> ByClass {
        ByClass::named(watch, name, help, exporter, signal)
    }

    fn named(
        watch: &Watch,
        name: impl Into<Cow<'static, str>>,
        help: &'static str,
        exporter: &ComponentId,
        signal: Signal,
    ) -> ByClass {
        ByClass { registry: watch.registry.clone(), name: name.into(), help, exporter: exporter.to_string(), signal }
    }

    fn add_failure(&self, failure: &Failure, n: u64) {
        let permanence = match failure.retry() {
            Retry::Never => Permanence::Permanent,
            Retry::BackOff | Retry::Hold | Retry::After(_) => Permanence::Passing,
        };
        self.add(failure.class(), failure.phase(), permanence, n);
    }

    fn add(&self, class: Class, phase: Phase, permanence: Permanence, n: u64) {
        self.counter(class.code(), class.family().name(), phase.name(), permanence.name()).add(n);
    }

    fn succeeded(&self) -> Counter {
        self.counter("", "", "", "")
    }

    fn counter(&self, error_type: &str, error_family: &str, error_phase: &str, error_permanent: &str) -> Counter {
        let labels = [
            ("exporter", self.exporter.as_str()),
            ("data_type", self.signal.name()),
            ("error_type", error_type),
            ("error_family", error_family),
            ("error_phase", error_phase),
            ("error_permanent", error_permanent),
        ];
        self.registry.counter(self.name.clone(), self.help, &labels)
    }
}

const SENT: &str = "Items that the backend took";
/// Whether sending the same data again cannot help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permanence {
    Permanent,
    Passing,
}

impl Permanence {
    /// The value of the Collector's `error_permanent`.
    fn name(self) -> &'static str {
        match self {
            Permanence::Permanent => "true",
            Permanence::Passing => "false",
        }
    }
}

/// How long the phases of attempts take: `otelcol_exporter_phase_duration`, in seconds.
struct Phases([(Phase, Histogram); TIMED.len()]);

impl Phases {
    fn of(exporter: &ComponentId, watch: &Watch) -> Phases {
        let exporter = exporter.to_string();
        Phases(TIMED.map(|phase| {
            let labels = [("exporter", exporter.as_str()), ("phase", phase.name())];
            let help = "Seconds that each phase of an export try took";
            (phase, watch.registry.histogram("otelcol_exporter_phase_duration", help, SECONDS, &labels))
        }))
    }

    fn observe(&self, attempt: Option<&Attempt>) {
        for (phase, took) in attempt.iter().flat_map(|attempt| &attempt.phases) {
            if let Some((_, histogram)) = self.0.iter().find(|(timed, _)| timed == phase) {
                histogram.observe(took.as_secs_f64());
            }
        }
    }
}

const TIMED: [Phase; 6] = [Phase::Resolve, Phase::Connect, Phase::Proxy, Phase::Tls, Phase::Request, Phase::Response];

/// From what a loopback needs up to the longest timeouts.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

const ENQUEUE_FAILED: &str = "Items that the exporter's queue did not take in, by class of failure";
const SEND_FAILED_BY_CLASS: &str = "Items that were finally not delivered, by class of failure";
const UNCLASSIFIED: &str = "otelcol_exporter_unclassified_failures";
const UNCLASSIFIED_HELP: &str = "Export tries that failed in a way that has no class: each is a bug of the relay";
const ATTEMPTS: &str = "Export tries, by class of failure; an empty error_type is a success";
