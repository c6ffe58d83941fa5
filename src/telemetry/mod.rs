//! What the relay tells of itself: metrics, totals, the state of each exporter, and log lines.
//!
//! Stages do not count themselves: [`observe`] wraps them. Nothing here holds a stage or the end of a channel.

mod clients;
pub mod clock;
mod events;
mod figures;
mod ledger;
mod logs;
pub mod observe;
mod otlp;
mod outlook;
mod process;
mod registry;
mod series;
mod state;
mod view;
mod voice;

pub use clients::{ClientFault, Clients, Seen};
pub use events::Event;
pub use figures::Figures;
pub use ledger::{Ledger, Totals};
pub use logs::{Lines, LogControl, LogFileError, PreparedLog, harmless, init_logs, log_level};
pub use otlp::Origin as ReportOrigin;
pub use outlook::{Limits, Outlook, Patience};
pub use process::{Service, cpu_seconds};
pub use registry::{Labels, Name, Registry};
pub use series::{Counter, Gauge, Histogram};
pub use state::{Condition, ExporterState, Recovery, Routing, Snapshot, Trouble};
pub use view::View;

use serde_json::Value;

use voice::Voices;

/// What the wrappers of [`observe`] report to. Cheap to clone; clones report to the same place.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Every metric.
    pub registry: Registry,
    /// Totals of the process.
    pub ledger: Ledger,
    /// What clients of the receivers do wrong.
    pub clients: Clients,
    /// What the log says of failures.
    voices: Voices,
}

impl Watch {
    /// Counts in `registry`, from 0.
    pub fn new(registry: Registry) -> Watch {
        Watch { registry, ledger: Ledger::new(), clients: Clients::default(), voices: Voices::default() }
    }

    /// Logs what was held back of the data that was lost: at the end of a run, when no later line can tell it.
    pub fn last_words(&self) {
        self.voices.last_words();
    }
}

impl Registry {
    /// Adds uptime, CPU and memory as `otelcol_process_*`.
    pub fn describe_process(&self) {
        process::register(self);
    }

    /// Says in `target_info` what this process is, by its resource `attributes`.
    pub fn describe_target(&self, attributes: &[(String, Value)]) {
        process::describe(self, attributes);
    }
}
