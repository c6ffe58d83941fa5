//! Why a record was not kept, as a failure that says what to do.

use std::io;
use std::path::PathBuf;

use crate::failure::{Class, Failure};
use crate::storage::fault::{class_of, why};
use crate::units::ByteCount;

/// Why a record was not kept.
#[derive(Debug)]
pub enum Fault {
    /// The directory has all the bytes that it may have.
    Full {
        /// The directory.
        directory: PathBuf,
        /// What it may have.
        max_bytes: ByteCount,
    },
    /// The record alone is larger than the directory may be, or than any record.
    TooLarge {
        /// The directory.
        directory: PathBuf,
        /// What the record would take.
        size: ByteCount,
    },
    /// The system does not write it.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl Fault {
    /// The class, which does not change from one record to the next while the cause is the same.
    pub fn class(&self) -> Class {
        match self {
            Fault::Full { .. } | Fault::TooLarge { .. } => Class::DeadLetterFull,
            Fault::Io { error, .. } => class_of(error),
        }
    }

    /// The failure that it is.
    pub fn into_failure(self) -> Failure {
        let class = self.class();
        match self {
            Fault::Full { directory, max_bytes } => {
                Failure::new(class, format!("{} holds all of the {max_bytes} that it may hold", directory.display()))
            }
            Fault::TooLarge { directory, size } => {
                Failure::new(class, format!("one record of {size} is more than {} may hold", directory.display()))
            }
            Fault::Io { path, error } => Failure::new(class, why(&path, &error)).because(error),
        }
    }
}
