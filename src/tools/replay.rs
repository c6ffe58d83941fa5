//! Sends what was recorded again, with the relay's own exporters: the same requests, classes and retries.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::records::{Entry, Fault, Source, entries, payload_of};
use super::replayed::Replayed;
use crate::config::Exporter;
use crate::exporters::SetupProblem;
use crate::failure::{Failure, Retry};
use crate::flow::{Lifetime, Next};
use crate::ident::ComponentId;
use crate::memory::Pressure;
use crate::payload::{Budget, Payload};
use crate::pipeline::{self, Chains, DumpSwitch, Tools};
use crate::signal::Signal;
use crate::storage::archive::Archives;
use crate::storage::journal::Directories;
use crate::telemetry::{Registry, Watch};
use crate::units::{ByteCount, Items};

/// What is to be sent, and how.
#[derive(Clone, Debug)]
pub struct Work {
    /// The files, in their order.
    pub files: Vec<PathBuf>,
    /// Items in a second at most.
    pub rate: Option<u64>,
    /// What of the files.
    pub begin: Begin,
}

/// What of a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// What was not sent by an earlier run.
    Rest,
    /// Everything.
    Again,
}

/// What became of the records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records that the backend took.
    pub records: u64,
    /// Their items.
    pub items: Items,
    /// Items of them that the backend rejected (`partial_success`).
    pub rejected: Items,
    /// Records that an earlier run has sent.
    pub before: u64,
    /// Records that the backend refused for good.
    pub refused: u64,
    /// Records that were not tried any more, or failed in a way that may pass.
    pub left: u64,
    /// Records without a payload that can be sent.
    pub without: u64,
    /// Stretches of the files that are damaged.
    pub damaged: u64,
}

/// One exporter, asked directly.
pub struct Sender {
    stages: BTreeMap<Signal, Next>,
}

impl Sender {
    /// What sends to `asked`, which is called `id`. Nothing is connected yet.
    ///
    /// # Errors
    /// What the exporter cannot be made of, by its key.
    pub fn new(id: &ComponentId, asked: &Exporter) -> Result<Sender, SetupProblem> {
        let registry = Registry::new();
        let dump = Arc::new(DumpSwitch::new(&registry));
        let instance: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let tools = Tools {
            watch: &Watch::new(registry),
            chains: &Chains::default(),
            budget: &Budget::new(ByteCount::mib(64)),
            pressure: &Pressure::default(),
            archives: &Archives::default(),
            directories: &Directories::default(),
            dump: &dump,
            instance: &instance,
            lifetime: &Lifetime::new(),
        };
        let mut stages = BTreeMap::new();
        for signal in Signal::ALL {
            if is_for(asked, signal) {
                stages.insert(signal, pipeline::persistent(id, asked, signal, &tools)?);
            }
        }
        Ok(Sender { stages })
    }
}

/// An `otlp_http` exporter may have no place for a signal.
fn is_for(asked: &Exporter, signal: Signal) -> bool {
    match asked {
        Exporter::OtlpHttp(http) => http.targets.contains_key(&signal),
        _ => true,
    }
}

impl Totals {
    /// Whether everything that can be sent was sent, now or before.
    pub fn is_complete(&self) -> bool {
        self.refused + self.left == 0 && self.rejected == Items::ZERO
    }
}

/// Sends `work` with `sender`, record by record; nothing as sender only counts what there is. `told` hears of each record
/// as it is done, with its items, and of what is wrong with it.
///
/// A failure that concerns more than the one record ends it: the rest is left for the next run.
///
/// # Errors
/// When a file cannot be read, or its notes cannot be written.
pub async fn replay(
    work: &Work,
    sender: Option<&Sender>,
    told: &(dyn Fn(Items, Option<&str>) + Send + Sync),
) -> Result<Totals, Fault> {
    let mut run = Run { totals: Totals::default(), pace: Pace::of(work.rate), over: false, sender, told };
    for file in &work.files {
        let Source { entries, damaged } = entries(file)?;
        run.totals.damaged += damaged;
        let io = |error: io::Error| Fault::Io { path: file.clone(), error };
        let mut notes = Replayed::read(file).map_err(io)?;
        for entry in entries {
            if work.begin == Begin::Rest && notes.has(entry.offset) {
                run.totals.before += 1;
                told(Items(entry.record.items), None);
                continue;
            }
            if run.take(file, &entry).await == Outcome::Sent && sender.is_some() {
                notes.note(entry.offset).map_err(io)?;
            }
        }
    }
    Ok(run.totals)
}

struct Run<'a> {
    totals: Totals,
    pace: Pace,
    /// Nothing more is tried.
    over: bool,
    sender: Option<&'a Sender>,
    told: &'a (dyn Fn(Items, Option<&str>) + Send + Sync),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    NotSent,
}

impl Run<'_> {
    async fn take(&mut self, file: &Path, entry: &Entry) -> Outcome {
        let items = Items(entry.record.items);
        if self.over {
            self.totals.left += 1;
            return Outcome::NotSent;
        }
        let place = format!("{} at {}", file.display(), entry.offset);
        let Some(payload) = payload_of(&entry.record) else {
            self.totals.without += 1;
            (self.told)(items, Some(&format!("{place}: the record has no payload that can be sent")));
            return Outcome::NotSent;
        };
        let sent = match self.sender {
            Some(sender) => {
                self.pace.wait().await;
                self.send(sender, payload, &place).await
            }
            None => Outcome::Sent,
        };
        if sent == Outcome::Sent {
            self.totals.records += 1;
            self.totals.items += items;
            self.pace.count(items);
            (self.told)(items, None);
        }
        sent
    }

    async fn send(&mut self, sender: &Sender, payload: Payload, place: &str) -> Outcome {
        let Some(stage) = sender.stages.get(&payload.signal()) else {
            self.totals.refused += 1;
            let what = format!("{place}: the exporter has no endpoint for {}", payload.signal());
            (self.told)(payload.items(), Some(&what));
            return Outcome::NotSent;
        };
        let items = payload.items();
        match stage.consume(payload).await {
            Ok(receipt) => {
                self.totals.rejected += receipt.rejected;
                if receipt.rejected != Items::ZERO {
                    let why = receipt.message.as_deref().unwrap_or("it does not say why");
                    let what = format!("{place}: the backend rejects {} of {items} items: {why}", receipt.rejected);
                    (self.told)(Items::ZERO, Some(&what));
                }
                Outcome::Sent
            }
            Err(failure) => {
                self.failed(&failure, items, place);
                Outcome::NotSent
            }
        }
    }

    fn failed(&mut self, failure: &Failure, items: Items, place: &str) {
        let row = failure.class().row();
        let what = format!("{place}: {}: {}; {}", row.code, failure.cause(), row.remedy);
        if failure.retry() == Retry::Never {
            self.totals.refused += 1;
            (self.told)(items, Some(&what));
        } else {
            self.totals.left += 1;
            self.over = true;
            (self.told)(items, Some(&format!("{what}. The rest is left for the next run")));
        }
    }
}

/// Keeps to so many items in a second.
struct Pace {
    rate: Option<u64>,
    next: Instant,
}

impl Pace {
    fn of(rate: Option<u64>) -> Pace {
        Pace { rate, next: Instant::now() }
    }

    async fn wait(&self) {
        sleep_until(self.next).await;
    }

    /// The next may go when these would have taken their time.
    fn count(&mut self, items: Items) {
        if let Some(rate) = self.rate {
            let length = Duration::from_nanos(1_000_000_000_u64.saturating_mul(items.0) / rate.max(1));
            self.next = self.next.max(Instant::now()) + length;
        }
    }
}
