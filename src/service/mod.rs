//! The relay as a whole: what outlives a configuration, and how a run begins, goes on and ends.

mod admin;
mod holdings;
mod memory;
mod run;
mod start;
mod stop;
mod system;

pub use run::run;
pub use start::StartError;
pub use system::System;
