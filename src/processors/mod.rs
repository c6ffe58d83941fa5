//! Stages between receivers and exporters: what holds for a pipeline rather than for one exporter.

mod batch;
mod combinations;
mod memory;
mod memory_limiter;

pub use batch::{merge_rule, ruled};
pub use combinations::OnCombination;
pub use memory::{Measure, memory_available, resident_memory};
pub use memory_limiter::MemoryLimiter;
