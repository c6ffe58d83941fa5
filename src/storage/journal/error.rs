//! Why a journal cannot be opened, or cannot take a record.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::failure::Class;
use crate::storage::fault::class_of;

/// Why a directory of journals cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no such directory, and it is not to be made.
    #[error("directory must exist: {}: make it, or set create_directory: true", .0.display())]
    Missing(PathBuf),
    /// It is something else than a directory.
    #[error("{} is not a directory", .0.display())]
    NoDirectory(PathBuf),
    /// Another process uses it.
    #[error("{} is in use by {holder}: give each relay a directory of its own", .directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// A later version of the relay wrote it.
    #[error("{} was written by a later version of otlp-relay", .0.display())]
    Newer(PathBuf),
    /// The system refuses.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was to be opened, read or written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The process that has a directory, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, as it has written it down.
    pub pid: Option<u32>,
    /// Its program.
    pub program: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.program) {
            (Some(pid), Some(program)) => write!(f, "process {pid} ({program})"),
            (Some(pid), None) => write!(f, "process {pid}"),
            (None, _) => f.write_str("another process"),
        }
    }
}

impl StorageError {
    /// The class of this failure.
    pub fn class(&self) -> Class {
        match self {
            StorageError::Missing(_) | StorageError::NoDirectory(_) => Class::StorageReadOnly,
            StorageError::Locked { .. } => Class::StorageLocked,
            StorageError::Newer(_) => Class::StorageDamaged,
            StorageError::Io { source, .. } => class_of(source),
        }
    }
}

/// Why a record was not taken. Nothing of it counts as taken.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What kind of trouble.
    pub class: Class,
    /// What the system says, and of which file.
    pub what: String,
}

impl Trouble {
    pub(super) fn of(error: &io::Error, place: &std::path::Path) -> Trouble {
        Trouble { class: class_of(error), what: format!("{}: {error}", place.display()) }
    }
}
