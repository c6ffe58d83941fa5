//! A directory of record files, bounded by bytes and age: debug dumps and dead letters.
//!
//! A record is appended to the newest file; a file that has grown to a share of the bound is left for a new one, so that
//! old records go by whole files. Files are `<prefix>-<milliseconds>-<process>-<number>.otlprec`, so that their names
//! sort by age. They are 0600 in a directory of 0700: payloads and answers may hold what others must not read.

mod fault;
mod files;
mod read;
mod scribe;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

pub use fault::Fault;
pub use files::{REPLAYED, files_of};
pub use read::{Found, KIND, Records};
pub use scribe::{Offer, Scribe, Tally};

use self::writer::Writer;
use crate::units::ByteCount;

/// How an archive is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Where its files are. Made when it is missing.
    pub directory: PathBuf,
    /// What the names of its files begin with.
    pub prefix: &'static str,
    /// What all its files may take together.
    pub max_bytes: ByteCount,
    /// How old a file may get; nothing: as old as it likes.
    pub max_age: Option<Duration>,
    /// What becomes of a record for which there is no room.
    pub when_full: WhenFull,
    /// When a record counts as kept.
    pub durability: Durability,
}

/// What becomes of a record for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest file gives way.
    DeleteOldest,
    /// It is refused: nothing that was kept is lost for it.
    Refuse,
}

/// When a record counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the disk has it (fsync).
    Synced,
    /// When the system has it: a crash of the machine may cost it, a crash of the relay does not.
    Written,
}

/// A directory that records are added to. Several may add at a time.
#[derive(Debug)]
pub struct Archive {
    directory: PathBuf,
    writer: Mutex<Writer>,
}

impl Archive {
    /// Makes the directory, and looks at what is in it.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn open(terms: Terms) -> io::Result<Archive> {
        Ok(Archive { directory: terms.directory.clone(), writer: Mutex::new(Writer::open(terms)?) })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds one record, and answers how many bytes of disk it took. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// Why it was not kept. What was kept before is as it was, and the next record may fare better.
    pub fn append(&self, record: &[u8]) -> Result<ByteCount, Fault> {
        self.lock().append(record)
    }

    /// Lets files go that are too old.
    pub fn tidy(&self) {
        self.lock().tidy();
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The archives of the process by directory: exporters and signals that name one directory share it, and so do the old
/// and the new stages of a reload.
#[derive(Debug, Default)]
pub struct Archives(Mutex<Vec<Weak<Archive>>>);

impl Archives {
    /// The archive that is open in the directory of `terms`, with these terms from now on, or a new one.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn open(&self, terms: Terms) -> io::Result<Arc<Archive>> {
        let mut archives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        archives.retain(|archive| archive.strong_count() != 0);
        let known = archives.iter().filter_map(Weak::upgrade).find(|archive| archive.directory == terms.directory);
        if let Some(known) = known {
            known.lock().keep_by(terms);
            return Ok(known);
        }
        let archive = Arc::new(Archive::open(terms)?);
        archives.push(Arc::downgrade(&archive));
        Ok(archive)
    }
}
