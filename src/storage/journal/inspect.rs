//! What is in a directory of journals, for people: read without changing anything, while no relay uses it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::failure::Class;
use crate::interface::journal::{Entry, Opening};
use crate::payload::Payload;
use crate::signal::Signal;

use super::StorageError;
use super::directory::{holder_of, is_bbolt, journals_in};
use super::error::Holder;
use super::read::{Next, Records};
use super::record::{self, Weight};
use super::recover::{Visit, list, visit};
use super::scan::{Found, Scanner};
use super::segment::{FIRST, Name};

/// What is in a directory.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// The process that uses it. What it does meanwhile makes the numbers uncertain.
    pub in_use: Option<Holder>,
    /// Its journals.
    pub journals: Vec<Contents>,
    /// Queues of the Collector, which are not read.
    pub foreign: Vec<PathBuf>,
}

/// What is in one journal.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Where it is.
    pub folder: PathBuf,
    /// Whose it is; empty where that cannot be read.
    pub exporter: String,
    /// What it carries; empty where that cannot be read.
    pub signal: String,
    /// Requests that are not done with.
    pub requests: u64,
    /// What they hold.
    pub weight: Weight,
    /// When the oldest of them was taken in, in nanoseconds since 1970.
    pub oldest_unix_nano: Option<u64>,
    /// Files of requests.
    pub segments: u64,
    /// Their bytes.
    pub disk_bytes: u64,
    /// Places that cannot be read.
    pub damaged: u64,
    /// Bytes of them.
    pub damaged_bytes: u64,
    /// Files of what was set aside by earlier runs.
    pub set_aside: Vec<PathBuf>,
}

/// Looks into `directory`.
///
/// # Errors
/// When it cannot be read, or a later version wrote to it.
pub fn inspect(directory: &Path) -> Result<Inspection, StorageError> {
    let mut inspection = Inspection { in_use: in_use(directory)?, ..Inspection::default() };
    inspection.foreign = list(directory)?.into_iter().filter(|path| is_bbolt(path)).collect();
    for folder in journals_in(directory) {
        inspection.journals.push(contents(&folder)?);
    }
    Ok(inspection)
}

/// Hands each request in `directory` that is not done with to `each`, the oldest of each journal first, with its exporter
/// and when it was taken in, in nanoseconds since 1970; answers how many there were.
///
/// # Errors
/// When something cannot be read, or `each` fails.
pub fn export(
    directory: &Path,
    mut each: impl FnMut(&str, u64, Payload) -> io::Result<()>,
) -> Result<u64, StorageError> {
    let mut count = 0;
    for folder in journals_in(directory) {
        let contents = contents(&folder)?;
        let Some(signal) = Signal::from_name(&contents.signal) else { continue };
        visit(&folder, |Visit { name, path, file, found, last }| {
            let io = |source| StorageError::Io { path: path.clone(), source };
            let mut records = Records::new(Scanner::new(&file, name.marker, FIRST, found.end), last);
            while let Some(entry) = next_entry(&mut records).map_err(io)? {
                let since = entry.time_unix_nano;
                let is_done = found.done.contains(&entry.sequence);
                if !is_done && let Ok(payload) = record::payload(signal, entry, &mut Vec::new()) {
                    each(&contents.exporter, since, payload).map_err(io)?;
                    count += 1;
                }
            }
            Ok(())
        })?;
    }
    Ok(count)
}

/// Who uses `directory`; nobody where it is free. Nothing is changed.
///
/// # Errors
/// When it is not there, or its lock cannot be read.
pub fn in_use(directory: &Path) -> Result<Option<Holder>, StorageError> {
    if !directory.is_dir() {
        return Err(StorageError::Missing(directory.to_owned()));
    }
    holder_of(directory).map_err(|source| StorageError::Io { path: directory.to_owned(), source })
}

fn contents(folder: &Path) -> Result<Contents, StorageError> {
    let mut contents = Contents { folder: folder.to_owned(), ..Contents::default() };
    visit(folder, |Visit { name, file, found, .. }| {
        contents.segments += 1;
        contents.disk_bytes += found.end;
        contents.damaged += found.damaged.len() as u64;
        contents.damaged_bytes += found.damaged.iter().map(|range| range.end - range.start).sum::<u64>();
        contents.requests += found.live.len() as u64;
        contents.weight = found.live.iter().fold(contents.weight, |sum, place| sum.plus(place.weight));
        if contents.oldest_unix_nano.is_none() && !found.live.is_empty() {
            contents.oldest_unix_nano = Some(found.since);
        }
        if contents.exporter.is_empty()
            && let Some(Opening { exporter, signal, .. }) = opening(&file, name, found.end)
        {
            (contents.exporter, contents.signal) = (exporter, signal);
        }
        Ok(())
    })?;
    if contents.signal.is_empty() {
        // The name of the folder says it as well, though not quite as the configuration does.
        let stem = folder.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (exporter, signal) = stem.rsplit_once('_').unwrap_or((&stem, ""));
        contents.signal = signal.to_owned();
        contents.exporter = exporter.trim_start_matches("exporter_").trim_end_matches('_').to_owned();
    }
    contents.set_aside =
        list(folder)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "damaged")).collect();
    Ok(contents)
}

/// The first frame of a segment.
fn opening(file: &File, name: Name, end: u64) -> Option<Opening> {
    match Scanner::new(file, name.marker, FIRST, end).next() {
        Ok(Found::Body(_, body)) => Opening::decode(&body[..]).ok().filter(|opening| !opening.signal.is_empty()),
        _ => None,
    }
}

fn next_entry(records: &mut Records<&File>) -> io::Result<Option<Entry>> {
    loop {
        match records.next()? {
            Next::Record(_, entry, _) => return Ok(Some(entry)),
            Next::Damage(_) | Next::Torn(_) => {}
            Next::End => return Ok(None),
        }
    }
}

impl Inspection {
    /// The class of what is wrong with the directory; nothing where all is well.
    pub fn class(&self) -> Option<Class> {
        self.journals.iter().any(|journal| journal.damaged != 0).then_some(Class::StorageDamaged)
    }
}
