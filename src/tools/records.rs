//! Where records come from: files of debug dumps and dead letters, directories of them, and lines of the `file` exporter.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::interface::record::Record;
use crate::interface::record::record::Payload as Kept;
use crate::payload::Payload;
use crate::signal::Signal;
use crate::storage::archive::{Found, Records, files_of};

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system does not give it.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is something else.
    #[error("{} holds neither records of otlp-relay nor lines of OTLP/JSON", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
    },
}

/// A record and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it begins in its file, in bytes.
    pub offset: u64,
    /// The record.
    pub record: Record,
}

/// What is in one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// In the order in which they were written.
    pub entries: Vec<Entry>,
    /// Stretches of bytes that are no record: damaged, or not written to their end.
    pub damaged: u64,
}

/// The files at `paths`, those of a directory by age. What is named twice is there once.
///
/// # Errors
/// When a path cannot be read.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        for file in files_of(path).map_err(|error| Fault::Io { path: path.clone(), error })? {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// Everything in the file at `path`.
///
/// # Errors
/// When it cannot be read, or holds something else.
pub fn entries(path: &Path) -> Result<Source, Fault> {
    let bytes = fs::read(path).map_err(|error| Fault::Io { path: path.to_owned(), error })?;
    if let Some(records) = Records::of(&bytes) {
        return Ok(of_records(records));
    }
    let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_json { Ok(of_lines(&bytes)) } else { Err(Fault::Kind { path: path.to_owned() }) }
}

fn of_records(records: Records<'_>) -> Source {
    let mut source = Source::default();
    for found in records {
        let entry = match found {
            Found::Record { offset, bytes } => Record::decode(bytes).ok().map(|record| Entry { offset, record }),
            Found::Damaged { .. } => None,
        };
        match entry {
            Some(entry) => source.entries.push(entry),
            None => source.damaged += 1,
        }
    }
    source
}

/// Lines as the `file` exporter writes them: one request each.
fn of_lines(bytes: &[u8]) -> Source {
    let mut source = Source::default();
    let mut offset = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let at = offset;
        offset += line.len() as u64;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match of_line(line) {
            Some(record) => source.entries.push(Entry { offset: at, record }),
            None => source.damaged += 1,
        }
    }
    source
}

fn of_line(line: &[u8]) -> Option<Record> {
    // The line does not say its signal; keys of others are unknown to it, and leave it empty.
    let read = |signal| Payload::from_json(signal, line).ok().filter(|payload| !payload.is_vacant());
    let parsed = Signal::ALL.into_iter().filter_map(read).max_by_key(Payload::items)?;
    Some(Record {
        exporter: "file".to_owned(),
        signal: parsed.signal().name().to_owned(),
        items: parsed.items().0,
        payload: Some(Kept::OtlpJson(String::from_utf8(line.to_vec()).ok()?)),
        ..Record::default()
    })
}

/// What a record holds that can be sent; nothing where it was left out, or is not what it says.
pub(super) fn payload_of(record: &Record) -> Option<Payload> {
    let signal = Signal::from_name(&record.signal)?;
    match record.payload.as_ref()? {
        Kept::OtlpProtobuf(bytes) => Payload::parse(signal, bytes.clone().into_boxed_slice().into()).ok(),
        Kept::OtlpJson(text) => Payload::from_json(signal, text.as_bytes()).ok(),
        Kept::Summary(_) => None,
    }
}
