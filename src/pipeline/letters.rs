//! Dead letters: what one exporter gives up of one signal goes to a directory, counted and logged.

use std::io;
use std::sync::Arc;

use crate::config::{DeadLetter, Exporter};
use crate::delivery::DeadLetters;
use crate::failure::{Failure, Mask};
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::signal::Signal;
use crate::storage::archive::{Archive, Archives, Durability, Terms, WhenFull};
use crate::telemetry::{Watch, observe};

use super::dump::{dead_letter, mask_of};

/// The dead letters of one exporter and signal.
pub(super) struct Letters {
    exporter: Arc<ComponentId>,
    archive: Arc<Archive>,
    mask: Mask,
    figures: observe::DeadLettered,
}

/// The directory that `asked` names, open.
///
/// # Errors
/// When it cannot be made or read.
pub(super) fn open(asked: &DeadLetter, archives: &Archives) -> io::Result<Arc<Archive>> {
    archives.open(Terms {
        directory: asked.directory.clone(),
        prefix: "dead",
        max_bytes: asked.max_bytes,
        max_age: None,
        when_full: WhenFull::Refuse,
        durability: Durability::Synced,
    })
}

impl Letters {
    /// What `exporter`, which was made from `asked`, gives up of `signal` goes to `archive`.
    pub(super) fn new(
        exporter: &Arc<ComponentId>,
        asked: &Exporter,
        signal: Signal,
        archive: Arc<Archive>,
        watch: &Watch,
    ) -> Letters {
        let (exporter, mask) = (Arc::clone(exporter), mask_of(asked));
        let figures = observe::dead_lettered(&exporter, signal, watch);
        Letters { exporter, archive, mask, figures }
    }
}

impl DeadLetters for Letters {
    fn keep(&self, payload: &Payload, failure: &Failure) -> Result<(), Failure> {
        let record = dead_letter(&self.exporter, payload, failure, &self.mask);
        match self.archive.append(&record) {
            Ok(bytes) => {
                self.figures.kept(failure, payload.items(), bytes);
                Ok(())
            }
            Err(fault) => {
                let why = fault.into_failure();
                self.figures.lost(&why, payload.items());
                Err(why)
            }
        }
    }
}
