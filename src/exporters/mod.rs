//! The stages at the end of a pipeline: each makes one attempt and reports one outcome.

pub mod debug;
pub mod nop;
pub mod otlp;
