//! The status of the relay: one snapshot, made when it is asked for, that the page, its JSON and the gRPC service show.
//!
//! Numbers are read from the registry by the names of `/metrics`, so that they are the same. Texts of failures were
//! redacted where the failures were made.

mod events;
mod exporters;
mod json;
mod rates;
mod receivers;

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::delivery::QueueLevel;
use crate::ident::{ComponentId, PipelineId};
use crate::interface::diagnostics as shown;
use crate::signal::Signal;
use crate::telemetry::clock::Moment;
use crate::telemetry::{Condition, ExporterState, Watch};

pub(super) use json::to_json;

use rates::Rates;

/// What is known of the service, which keeps it up to date. It holds no stage and no end of a channel.
pub struct StatusFacts {
    watch: Watch,
    instance: Arc<str>,
    began: Moment,
    stage: AtomicU8,
    running: Mutex<Arc<Running>>,
    rates: Mutex<Rates>,
}

/// What runs: what the configuration asked for, and where to read how it fares.
#[derive(Default)]
pub struct Running {
    /// What was built.
    pub layout: Layout,
    /// How each exporter and signal fares, and how full its queue is.
    pub chains: Vec<(Arc<ExporterState>, Arc<QueueLevel>)>,
}

/// What a configuration asked for, as plain words.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Where the configuration came from.
    pub source: String,
    /// What a person should change in it.
    pub warnings: Vec<String>,
    /// Those that listen.
    pub receivers: Vec<ReceiverLayout>,
    /// All of them.
    pub pipelines: Vec<PipelineLayout>,
    /// Those of pipelines.
    pub exporters: Vec<ExporterLayout>,
    /// Those that are started.
    pub extensions: Vec<ComponentId>,
}

/// A receiver that listens.
#[derive(Clone, Debug)]
pub struct ReceiverLayout {
    /// The receiver.
    pub id: ComponentId,
    /// Protocol, address, and `tls` or `plaintext`.
    pub listeners: Vec<(&'static str, String, &'static str)>,
    /// What its pipelines take.
    pub signals: Vec<Signal>,
}

/// A pipeline, with the ids in the order of the configuration.
#[derive(Clone, Debug)]
pub struct PipelineLayout {
    /// The pipeline.
    pub id: PipelineId,
    /// Where its data comes from.
    pub receivers: Vec<ComponentId>,
    /// What it goes through.
    pub processors: Vec<ComponentId>,
    /// Where it goes.
    pub exporters: Vec<ComponentId>,
}

/// What data goes to at the end of a pipeline, or in place of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExporterKind {
    /// An exporter.
    Exporter,
    /// A failover connector, which makes no attempts of its own: how it fares is how its levels do.
    Failover,
}

/// An exporter, or a failover connector, with one signal.
#[derive(Clone, Debug)]
pub struct ExporterLayout {
    /// The exporter.
    pub id: ComponentId,
    /// What it is sent.
    pub signal: Signal,
    /// What it is.
    pub kind: ExporterKind,
    /// Where it sends to, as the configuration writes it; empty where it sends nowhere.
    pub endpoint: String,
    /// What its queue counts: `requests`, `items` or `bytes`; nothing where it has none.
    pub queue_unit: Option<&'static str>,
}

impl StatusFacts {
    /// Of a relay that has just begun, calls itself `instance`, and is watched by `watch`.
    pub fn new(watch: Watch, instance: Arc<str>) -> Arc<StatusFacts> {
        Arc::new(StatusFacts {
            watch,
            instance,
            began: Moment::now(),
            stage: AtomicU8::new(STARTING),
            running: Mutex::default(),
            rates: Mutex::default(),
        })
    }

    /// From now on this runs.
    pub fn runs(&self, running: Running) {
        *lock(&self.running) = Arc::new(running);
        // A relay that stops does not run again.
        let _ = self.stage.compare_exchange(STARTING, RUNNING, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Nothing more is taken in, and the relay ends soon.
    pub fn stopping(&self) {
        self.stage.store(STOPPING, Ordering::Release);
    }

    /// Everything as it is now.
    pub(super) fn status(&self) -> shown::RelayStatus {
        let (now, running) = (Moment::now(), Arc::clone(&lock(&self.running)));
        let (figures, layout) = (self.watch.registry.figures(), &running.layout);
        let mut status = shown::RelayStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.instance.to_string(),
            state: self.state().to_owned(),
            exporting: String::new(),
            time_unix_nano: now.unix_nanos(),
            started_unix_nano: self.began.unix_nanos(),
            configuration: layout.source.clone(),
            warnings: layout.warnings.clone(),
            receivers: layout.receivers.iter().map(|receiver| receivers::receiver(receiver, &figures)).collect(),
            pipelines: layout.pipelines.iter().map(pipeline).collect(),
            exporters: exporters::exporters(&running, &figures, now),
            events: events::events(&running, now),
            clients: self.watch.clients.latest().into_iter().map(receivers::client).collect(),
            extensions: layout.extensions.iter().map(ToString::to_string).collect(),
        };
        status.exporting = sum_of(status.exporters.iter().map(|exporter| exporter.state.as_str())).to_owned();
        lock(&self.rates).fill(&mut status);
        status
    }

    fn state(&self) -> &'static str {
        match self.stage.load(Ordering::Acquire) {
            STARTING => "starting",
            RUNNING => "running",
            _ => "stopping",
        }
    }
}

impl fmt::Debug for StatusFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusFacts").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// What several conditions come to: the worst of them.
fn sum_of<'a>(conditions: impl Iterator<Item = &'a str> + Clone) -> &'static str {
    let has = |wanted: Condition| conditions.clone().any(|condition| condition == wanted.name());
    let worst = [Condition::Failing, Condition::Delivering].into_iter().find(|condition| has(*condition));
    worst.unwrap_or(Condition::Idle).name()
}

fn pipeline(layout: &PipelineLayout) -> shown::Pipeline {
    let names = |ids: &[ComponentId]| ids.iter().map(ToString::to_string).collect();
    shown::Pipeline {
        id: layout.id.to_string(),
        signal: layout.id.signal.name().to_owned(),
        receivers: names(&layout.receivers),
        processors: names(&layout.processors),
        exporters: names(&layout.exporters),
    }
}

/// An endpoint without its query, in which some backends want a secret.
fn bare(endpoint: &str) -> String {
    endpoint.split('?').next().unwrap_or_default().to_owned()
}

/// The moment `ahead` of `now`.
fn after(now: Moment, ahead: Duration) -> u64 {
    now.unix_nanos().saturating_add(u64::try_from(ahead.as_nanos()).unwrap_or(u64::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const STARTING: u8 = 0;
const RUNNING: u8 = 1;
const STOPPING: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_an_endpoint_is_not_shown() {
        assert_eq!(bare("https://h/v1/traces?api-key=secret"), "https://h/v1/traces");
        assert_eq!(bare("h:4317"), "h:4317");
    }

    #[test]
    fn the_worst_condition_is_that_of_the_whole() {
        assert_eq!(sum_of([].into_iter()), "idle");
        assert_eq!(sum_of(["idle", "delivering"].into_iter()), "delivering");
        assert_eq!(sum_of(["failing", "delivering"].into_iter()), "failing");
    }
}
