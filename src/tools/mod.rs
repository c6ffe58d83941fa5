//! Tools around a relay: what was recorded of exports, and sending it again; what waits in durable queues; what a load test
//! is pointed at.

mod listing;
pub mod queue;
mod records;
mod replay;
mod replayed;
pub mod sequence;
mod show;
pub mod sink;

pub use listing::{Filter, listing, listing_json};
pub use records::{Entry, Fault, Source, entries, sources};
pub use replay::{Begin, Sender, Totals, Work, replay};
pub use show::{show, show_json};
