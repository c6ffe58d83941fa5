//! Stages between receivers and exporters: what holds for a pipeline rather than for one exporter.

mod attributes;
mod batch;
mod combinations;
mod matching;
mod memory_bounds;
mod memory_limiter;

pub use attributes::attributes;
pub use batch::{merge_rule, ruled};
pub use combinations::OnCombination;
pub use memory_limiter::{MemoryLimiter, OnVerdict, Verdict};
