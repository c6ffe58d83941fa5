//! How much can a relay or a backend take, and how long does it take for it? A generator of load.
//!
//! Requests go through the exporters of the relay, so that failures have the relay's own classes. They are encoded once and
//! written over, so that the generator costs less than what it loads. In an open loop ([`Pace::Open`])
//! requests are due by a schedule that does not wait for answers, and latency counts from then: a target that stalls shows
//! its stall in every request that it delays, sent or not (no coordinated omission).

mod alarm;
mod json;
mod latency;
mod plot;
mod run;
mod schedule;
mod shape;
mod summary;
mod tally;
mod template;
mod timeline;
mod verify;
mod work;
mod worker;

pub use json::json;
pub use latency::Latency;
pub use run::{Stop, load};
pub use schedule::Schedule;
pub use summary::summary;
pub use tally::{Counts, Failed, Tally};
pub use template::Format;
pub use timeline::{Point, Timeline};
pub use verify::{Checked, Verified, sink, verify};
pub use work::{Ending, Fault, Live, Outcome, Pace, Told, Work};

use crate::signal::Signal;

/// The signals that can be generated.
pub fn signals() -> Vec<Signal> {
    shape::signals().collect()
}
