//! The relay as a whole: what outlives a configuration, and how a run begins, goes on and ends.

mod admin;
mod certificates;
mod doors;
mod files;
mod holdings;
mod layout;
mod memory;
mod relay;
mod reports;
mod run;
mod scrapes;
mod signals;
mod sockets;
mod start;
mod system;

pub use files::raise_limit;
pub use run::run;
pub use signals::{Asked, Signals};
pub use start::StartError;
pub use system::System;
