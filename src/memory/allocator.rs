//! What the program's allocator tells of itself, where it tells anything.
//!
//! An allocator belongs to the program, not to this library: `main` names it once, before anything runs.

use std::sync::OnceLock;

use crate::units::ByteCount;

/// An allocator that keeps count.
pub trait Allocator: Sync {
    /// What it has handed out and taken; nothing where it cannot tell.
    fn allocated(&self) -> Option<Allocated>;

    /// Gives the system back what is free, at once instead of by and by.
    fn release(&self);
}

/// What an allocator has handed out and taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocated {
    /// Bytes in use by the program.
    pub live: ByteCount,
    /// Bytes taken from the system.
    pub mapped: ByteCount,
    /// Bytes of RAM that nobody uses, and that are not given back yet.
    pub free: ByteCount,
}

/// Names the allocator of this program. The first one stays.
pub fn set_allocator(allocator: &'static dyn Allocator) {
    // The program has but one.
    let _ = ALLOCATOR.set(allocator);
}

/// The allocator of this program; nothing where nobody named one.
pub fn allocator() -> Option<&'static dyn Allocator> {
    ALLOCATOR.get().copied()
}

static ALLOCATOR: OnceLock<&'static dyn Allocator> = OnceLock::new();
