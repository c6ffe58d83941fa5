//! The file itself: opened, written record by record, renamed when it has reached its size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, Weak};

use tokio::sync::Mutex;

use super::backups;
use crate::config::{Existing, Rotation};
use crate::telemetry::clock::Moment;

/// The one who writes a file.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    /// Nothing after a rotation that did not come to its end.
    open: Option<Open>,
    /// Whole records that are not in the file yet.
    waiting: Vec<u8>,
}

/// What has to follow a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: it is written, or a flush is on its way.
    Nothing,
    /// A flush: it is the first one that waits.
    Flush,
}

#[derive(Debug)]
struct Open {
    file: File,
    kind: Kind,
    len: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A file, which has a length.
    Regular,
    /// A device or a pipe.
    Other,
}

impl Writer {
    /// Opens `path`, and makes its directories with the mode `directories` where they are missing. A file that someone
    /// in this process writes already is shared as it is: a reload must not empty it.
    pub(super) fn open(path: &Path, existing: Existing, directories: Option<u32>) -> io::Result<Arc<Mutex<Writer>>> {
        let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|(_, writer)| writer.strong_count() != 0);
        let known = writers.iter().find(|(known, _)| known == path);
        if let Some(writer) = known.and_then(|(_, writer)| writer.upgrade()) {
            return Ok(writer);
        }
        if let (Some(mode), Some(directory)) = (directories, path.parent()) {
            fs::DirBuilder::new().recursive(true).mode(mode).create(directory)?;
        }
        let mut open = Open::at(path)?;
        if existing == Existing::Truncate {
            open.cut(0)?;
        }
        let writer = Arc::new(Mutex::new(Writer { path: path.to_owned(), open: Some(open), waiting: Vec::new() }));
        writers.push((path.to_owned(), Arc::downgrade(&writer)));
        Ok(writer)
    }

    /// Writes one record, wholly or not at all; before that, `rotation` may ask to set the file aside.
    pub(super) fn write(&mut self, record: &[u8], rotation: Option<Rotation>) -> io::Result<()> {
        self.flush()?;
        self.rotate(record, rotation)?;
        self.opened()?.append(record)
    }

    /// Takes one record, to be written with the next ones.
    pub(super) fn keep(&mut self, record: &[u8], rotation: Option<Rotation>) -> io::Result<Then> {
        self.rotate(record, rotation)?;
        if MAX_WAITING < self.waiting.len() + record.len() {
            self.flush()?;
        }
        if MAX_WAITING < record.len() {
            return self.opened()?.append(record).map(|()| Then::Nothing);
        }
        let then = if self.waiting.is_empty() { Then::Flush } else { Then::Nothing };
        self.waiting.extend_from_slice(record);
        Ok(then)
    }

    /// Writes what waits; what cannot be written goes on waiting.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let written = self.opened().and_then(|open| open.append(&waiting));
        if written.is_err() {
            self.waiting = waiting;
        }
        written
    }

    /// Sets the file aside if `record` would make it longer than `rotation` allows.
    fn rotate(&mut self, record: &[u8], rotation: Option<Rotation>) -> io::Result<()> {
        let Some(rotation) = rotation else { return Ok(()) };
        let waiting = self.waiting.len() as u64;
        let open = self.opened()?;
        let len = open.len + waiting;
        if open.kind != Kind::Regular || len == 0 || len + record.len() as u64 <= rotation.max_size.0 {
            return Ok(());
        }
        self.flush()?;
        self.open = None;
        backups::set_aside(&self.path, Moment::now())?;
        backups::prune(&self.path, &rotation, Moment::now());
        self.opened().map(drop)
    }

    fn opened(&mut self) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) => open,
            None => Open::at(&self.path)?,
        };
        Ok(self.open.insert(open))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            let bytes = self.waiting.len();
            tracing::error!(%error, file = %self.path.display(), bytes, "records are lost: they cannot be written");
        }
    }
}

impl Open {
    /// Every write goes to the end, wherever that is.
    fn at(path: &Path) -> io::Result<Open> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let facts = file.metadata()?;
        let kind = if facts.is_file() { Kind::Regular } else { Kind::Other };
        Ok(Open { file, kind, len: facts.len() })
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        match self.file.write_all(record) {
            Ok(()) => {
                self.len += record.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a record would make what follows unreadable.
                let _ = self.cut(self.len);
                Err(error)
            }
        }
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        if self.kind == Kind::Regular {
            self.file.set_len(len)?;
            self.len = len;
        }
        Ok(())
    }
}

/// How much may wait in memory, whatever the interval.
const MAX_WAITING: usize = 64 << 10;

/// Those who write files now.
static WRITERS: std::sync::Mutex<Vec<(PathBuf, Weak<Mutex<Writer>>)>> = std::sync::Mutex::new(Vec::new());
