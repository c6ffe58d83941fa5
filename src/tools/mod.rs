//! Tools beside the relay: what was recorded of exports, and sending it again; what waits in durable queues; load to test
//! with, and what it is pointed at.

mod listing;
pub mod load;
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
