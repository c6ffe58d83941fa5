//! Whether what a chain accepted is delivered or counted: queue, batches, retries and drain, before a backend in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod bench;
mod drain;
mod durable;
mod fallback;
mod oversized;
mod partitions;
mod places;
mod queue;
mod retry;
mod salvage;
mod threads;
