//! The relay as a whole: what outlives a configuration, and how a run begins, goes on and ends.

mod admin;
mod doors;
mod holdings;
mod memory;
mod relay;
mod run;
mod signals;
mod start;

pub use run::run;
pub use start::StartError;
