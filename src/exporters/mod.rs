//! The stages at the end of a pipeline: each makes one attempt and reports one outcome.

pub mod debug;
pub mod file;
pub mod nop;
pub mod otlp;
pub mod prometheus;
mod setup;

pub use setup::SetupProblem;
