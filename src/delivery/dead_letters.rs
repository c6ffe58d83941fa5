//! The seam through which data that is given up for good is set aside instead of being lost.

use crate::failure::Failure;
use crate::payload::Payload;

/// Keeps what an exporter gives up, so that it can be sent again when the cause is mended.
pub trait DeadLetters: Send + Sync + 'static {
    /// Keeps `payload`, which `failure` made undeliverable: when this returns `Ok`, it is on disk, and it is counted and
    /// logged there. Blocks for as long as the disk takes, so call it on a thread that may wait.
    ///
    /// # Errors
    /// Why it could not be kept: the directory has all the bytes it may have, the disk is full, or it cannot be written.
    /// Then the data is lost, and whoever called counts it so.
    fn keep(&self, payload: &Payload, failure: &Failure) -> Result<(), Failure>;
}
