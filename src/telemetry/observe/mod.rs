//! Which stages watch the others: wrappers that count and report, so that no stage counts itself.
//!
//! Every series is there with 0 from the moment its wrapper is made, except those by class of failure: a class gets its
//! series when it first occurs.

mod entering;
mod exporting;
mod giving_up;
mod switching;

pub use entering::entering;
pub use exporting::{
    DeadLettered, OnFailure, Settlement, Settling, admitted, attempted, dead_lettered, settled, settled_as,
};
pub use giving_up::given_up;
pub use switching::{Switched, Switches};

use crate::signal::Signal;

use super::registry::{Labels, Registry};
use super::series::Counter;

/// The counter `<stem>_<noun of the signal>`: `otelcol_exporter_sent_spans`.
fn item_counter(registry: &Registry, stem: &str, signal: Signal, help: &'static str, labels: Labels<'_>) -> Counter {
    registry.counter(format!("{stem}_{}", signal.facts().metric_noun), help, labels)
}
