//! How much memory this process may use, how much it uses, and whether that is too much.

mod allocator;
mod group;
mod pressure;
mod system;

use std::fs;
use std::path::Path;

pub use allocator::{Allocated, Allocator, allocator, set_allocator};
pub use pressure::{Gauge, Pressure, Refusing};
pub use system::{Memory, Reading, System};

use crate::units::ByteCount;

/// What this process may use at most: the smallest limit of its cgroups (v2 or v1), or the memory of the machine.
pub fn available() -> ByteCount {
    System::here().total()
}

/// The line `name:   n kB` of one of the kernel's tables.
fn read_kib(file: &Path, name: &str) -> Option<ByteCount> {
    let table = fs::read_to_string(file).ok()?;
    let line = table.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ByteCount(kib.saturating_mul(1024)))
}
