//! The debug dump: a record of export attempts on disk, for whoever wants to see what exactly went wrong.
//!
//! Without a dump an attempt passes with one look at a pointer. With one, the exporter reports to a progress that keeps
//! heads and answer, and the outcome goes to a thread that redacts, encodes and writes it; what that cannot take in time
//! is dropped and counted, so that the data path never waits.

mod heads;
mod record;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;

use crate::attempt::{self, Progress};
use crate::config::{DebugDump, DumpWhich, Exporter};
use crate::failure::{Failure, Mask};
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::storage::archive::{Archives, Durability, Scribe, Tally, Terms, WhenFull};
use crate::telemetry::Registry;

pub(super) use self::heads::mask_of;
pub(super) use self::record::{Facts, dead_letter};
use self::record::{Job, dumped};

/// The dump that is kept now, if any. It outlives a configuration, as the stages do that look at it.
#[derive(Debug)]
pub struct DumpSwitch {
    dump: ArcSwapOption<Dump>,
    tally: Arc<Tally>,
}

/// A dump that is ready to be kept; nothing where the configuration asks for none, or for the one there is.
#[derive(Debug)]
pub struct PreparedDump(Change);

#[derive(Debug)]
enum Change {
    None,
    Off,
    To(Arc<Dump>),
}

/// A dump as it is kept.
#[derive(Debug)]
struct Dump {
    asked: DebugDump,
    seen: AtomicU64,
    scribe: Scribe<Job>,
}

impl DumpSwitch {
    /// No dump. Records are counted in `registry`, from 0.
    pub fn new(registry: &Registry) -> DumpSwitch {
        let tally = Arc::new(Tally::default());
        let count = |name, help, value: fn(&Tally) -> u64| {
            let tally = Arc::clone(&tally);
            registry.counter_fn(name, help, &[], move || value(&tally) as f64);
        };
        count("otelcol_relay_debug_dump_records", "Records of the debug dump that were written", Tally::written);
        count(
            "otelcol_relay_debug_dump_dropped_records",
            "Records of the debug dump that were dropped: written too slowly, or not at all",
            Tally::dropped,
        );
        count("otelcol_relay_debug_dump_bytes", "Bytes that the debug dump wrote", Tally::bytes);
        DumpSwitch { dump: ArcSwapOption::empty(), tally }
    }

    /// Makes what `asked` says. Nothing that is kept is touched.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn prepare(&self, asked: Option<&DebugDump>, archives: &Archives) -> io::Result<PreparedDump> {
        let Some(asked) = asked else { return Ok(PreparedDump(Change::Off)) };
        if self.dump.load().as_ref().is_some_and(|dump| dump.asked == *asked) {
            return Ok(PreparedDump(Change::None));
        }
        let archive = archives.open(Terms {
            directory: asked.directory.clone(),
            prefix: "dump",
            max_bytes: asked.max_bytes,
            max_age: asked.max_age,
            when_full: WhenFull::DeleteOldest,
            durability: Durability::Written,
        })?;
        let payload = asked.payload;
        let scribe = Scribe::start(archive, Arc::clone(&self.tally), move |job| dumped(job, payload))?;
        Ok(PreparedDump(Change::To(Arc::new(Dump { asked: asked.clone(), seen: AtomicU64::new(0), scribe }))))
    }

    /// Puts `prepared` in force.
    pub fn enforce(&self, prepared: PreparedDump) {
        match prepared.0 {
            Change::None => {}
            Change::Off => self.dump.store(None),
            Change::To(dump) => {
                self.dump.store(Some(Arc::clone(&dump)));
                let asked = &dump.asked;
                tracing::info!(
                    directory = %asked.directory.display(), max_bytes = asked.max_bytes.0,
                    "export attempts are recorded: see otlp-relay dump ls"
                );
            }
        }
    }

    /// Ends the dump; what it has taken is written when this returns.
    pub fn end(&self) {
        self.dump.store(None);
    }
}

impl Dump {
    fn is_for(&self, exporter: &ComponentId) -> bool {
        self.asked.exporters.is_empty() || self.asked.exporters.contains(exporter)
    }

    /// Whether the next attempt with this outcome is recorded.
    fn selects(&self, outcome: &Result<Receipt, Failure>) -> bool {
        let counts = outcome.is_err() || self.asked.which == DumpWhich::All;
        counts && self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.asked.sample)
    }
}

/// Records the attempts of `exporter`, while there is a dump.
pub(super) fn recorded(exporter: &Arc<ComponentId>, asked: &Exporter, switch: &Arc<DumpSwitch>, next: Next) -> Next {
    let mask = Arc::new(mask_of(asked));
    Arc::new(Recorded { exporter: Arc::clone(exporter), mask, switch: Arc::clone(switch), next })
}

struct Recorded {
    exporter: Arc<ComponentId>,
    mask: Arc<Mask>,
    switch: Arc<DumpSwitch>,
    next: Next,
}

impl Consume for Recorded {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        match &*self.switch.dump.load() {
            Some(dump) if dump.is_for(&self.exporter) => Box::pin(self.record(Arc::clone(dump), payload)),
            _ => self.next.consume(payload),
        }
    }
}

impl Recorded {
    async fn record(&self, dump: Arc<Dump>, payload: Payload) -> Result<Receipt, Failure> {
        let progress = Progress::recording();
        let began = SystemTime::now();
        let outcome = progress.clone().watching(self.next.consume(payload.clone())).await;
        if dump.selects(&outcome) {
            let job = Job {
                began,
                ended: SystemTime::now(),
                exporter: Arc::clone(&self.exporter),
                number: attempt::number(),
                facts: outcome.as_ref().err().map(Facts::of),
                endpoint: outcome.as_ref().err().and_then(Failure::endpoint).map(Into::into),
                attempt: progress.record(),
                exchange: progress.exchange(),
                mask: Arc::clone(&self.mask),
                payload,
            };
            let weight = job.weight();
            // What is dropped is counted there.
            let _ = dump.scribe.offer(job, weight);
        }
        outcome
    }
}
