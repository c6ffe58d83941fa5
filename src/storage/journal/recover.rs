//! How a journal is opened: what is in its files, whatever happened to them, becomes what it knows.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::interface::journal::Acknowledged;

use super::keep;
use super::read::{Next, Records, say, set_aside};
use super::record::Weight;
use super::scan::{Found, Scanner};
use super::segment::{FIRST, Name, Named, Part, Writer};
use super::state::{Place, Segment, State};
use super::{StorageError, Sync};

/// What was found.
#[derive(Default)]
pub(super) struct Recovered {
    pub(super) state: State,
    /// Places that could not be read.
    pub(super) damaged: u64,
}

/// One segment, as it is on disk.
pub(super) struct Examined {
    pub(super) since: u64,
    /// Requests that are not done with.
    pub(super) live: Vec<Place>,
    /// Requests that are.
    pub(super) done: BTreeSet<u64>,
    /// The number of the first record, and of the last; 0 where there is none.
    pub(super) numbers: (u64, u64),
    pub(super) damaged: Vec<Range<u64>>,
    /// What was not written to its end.
    pub(super) torn: Option<Range<u64>>,
    pub(super) end: u64,
}

/// A segment with what is in it.
pub(super) struct Visit {
    pub(super) name: Name,
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) found: Examined,
    /// The number that its records go beyond.
    pub(super) last: u64,
}

/// Examines the segments of `folder` in their order, and hands them to `each`.
///
/// # Errors
/// When one cannot be read, a later version wrote to it, or `each` fails.
pub(super) fn visit(
    folder: &Path,
    mut each: impl FnMut(Visit) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut last = 0;
    for name in segments(folder)? {
        let path = name.path(folder, Part::Segment);
        let (file, found) =
            examine(folder, name, last).map_err(|source| StorageError::Io { path: path.clone(), source })?;
        let before = last;
        last = last.max(found.numbers.1);
        each(Visit { name, path, file, found, last: before })?;
    }
    Ok(())
}

/// The segments of `folder`, in their order.
///
/// # Errors
/// When it cannot be read, or a later version wrote to it.
pub(super) fn segments(folder: &Path) -> Result<Vec<Name>, StorageError> {
    let mut names = Vec::new();
    for file in list(folder)? {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match Name::read(name) {
            Named::Known(name, Part::Segment) => names.push(name),
            Named::Newer => return Err(StorageError::Newer(file)),
            Named::Known(..) | Named::Foreign => {}
        }
    }
    names.sort_by_key(|name| name.number);
    Ok(names)
}

/// The files of `folder`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let io = |source| StorageError::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        files.push(entry.map_err(io)?.path());
    }
    files.sort();
    Ok(files)
}

/// Reads all of the segment `name`, whose records go beyond `last`, and its acknowledgements. Nothing is changed.
fn examine(folder: &Path, name: Name, last: u64) -> io::Result<(File, Examined)> {
    let file = File::open(name.path(folder, Part::Segment))?;
    let end = file.metadata()?.len();
    let done = acknowledged(folder, name)?;
    let mut found =
        Examined { since: 0, live: Vec::new(), done, numbers: (0, 0), damaged: Vec::new(), torn: None, end };
    let mut records = Records::new(Scanner::new(&file, name.marker, FIRST, end), last);
    loop {
        match records.next()? {
            Next::Record(offset, entry, _) => {
                if found.numbers == (0, 0) {
                    found.numbers.0 = entry.sequence;
                    found.since = entry.time_unix_nano;
                }
                found.numbers.1 = entry.sequence;
                if !found.done.contains(&entry.sequence) {
                    let (sequence, weight) = (entry.sequence, Weight::of(&entry));
                    found.live.push(Place { segment: name.number, offset, sequence, weight });
                }
            }
            Next::Damage(range) => found.damaged.push(range),
            Next::Torn(range) => found.torn = Some(range),
            Next::End => return Ok((file, found)),
        }
    }
}

/// The numbers in the log of acknowledgements of `name`. What of it cannot be read costs duplicates.
fn acknowledged(folder: &Path, name: Name) -> io::Result<BTreeSet<u64>> {
    let mut done = BTreeSet::new();
    let file = match File::open(name.path(folder, Part::Acks)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(done),
        Err(error) => return Err(error),
    };
    let end = file.metadata()?.len();
    let mut scanner = Scanner::new(&file, name.marker, FIRST, end);
    loop {
        match scanner.next()? {
            Found::Body(_, body) => {
                if let Ok(Acknowledged { sequences }) = Acknowledged::decode(&body[..]) {
                    done.extend(sequences);
                }
            }
            Found::Damage(_) | Found::Torn(_) => {}
            Found::End => return Ok(done),
        }
    }
}

/// Opens the journal in `folder`. What is damaged is set aside, what is of no more use is removed.
///
/// # Errors
/// When it cannot be read, or a later version wrote to it. Damage is no error.
pub(super) fn recover(folder: &Path, sync: Sync) -> Result<Recovered, StorageError> {
    let mut recovered = Recovered::default();
    let state = &mut recovered.state;
    (state.next_segment, state.next_sequence) = (1, 1);
    visit(folder, |Visit { name, path, file, found, last }| {
        recovered.damaged += found.damaged.len() as u64;
        let set_aside = quarantine(folder, name, &file, &found);
        state.next_segment = name.number + 1;
        state.next_sequence = last.max(found.numbers.1) + 1;
        if found.live.is_empty() && set_aside {
            if let Err(error) = keep::remove(folder, name, sync) {
                tracing::warn!("{} is of no more use and cannot be removed: {error}", path.display());
            }
            return Ok(());
        }
        let mut segment = Segment::new(name, found.numbers.0, found.end, found.since);
        segment.damaged = found.damaged.iter().chain(&found.torn).map(|range| range.start).collect();
        state.segments.insert(name.number, segment);
        for sequence in found.done {
            state.was_done(name.number, sequence);
        }
        for place in found.live {
            state.used = state.used.plus(place.weight);
            state.add(place);
        }
        Ok(())
    })?;
    remove_orphans(folder, state);
    Ok(recovered)
}

/// Copies what cannot be read beside the segment; whether nothing is left that is only in it.
fn quarantine(folder: &Path, name: Name, file: &File, found: &Examined) -> bool {
    let ranges: Vec<&Range<u64>> = found.damaged.iter().chain(&found.torn).collect();
    if ranges.is_empty() {
        return true;
    }
    // What an earlier start set aside is the same.
    let _ = fs::remove_file(name.path(folder, Part::Damaged));
    let mut all = true;
    for range in ranges {
        let copied = Writer::append(folder, name, Part::Damaged)
            .and_then(|mut writer| set_aside(file, &mut writer, range.clone()));
        all &= copied.is_ok();
        match found.torn.as_ref() == Some(range) {
            true => tracing::info!(
                "the last {} bytes of {} were not written to their end: nobody was told that they were taken",
                range.end - range.start,
                name.path(folder, Part::Segment).display()
            ),
            false => say(folder, name, range, &copied),
        }
    }
    all
}

/// Logs of acknowledgements whose segments are gone.
fn remove_orphans(folder: &Path, state: &State) {
    for file in list(folder).unwrap_or_default() {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Named::Known(name, Part::Acks) = Name::read(name)
            && !state.segments.contains_key(&name.number)
        {
            // It is in nobody's way.
            let _ = fs::remove_file(&file);
        }
    }
}
