//! What is in a directory of durable queues, in words, and how to get it out.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::interface::record::{Record, record};
use crate::payload::Payload;
use crate::storage::archive::KIND;
use crate::storage::frame;
use crate::storage::journal::{self, Contents, Inspection, StorageError};

/// Why a directory could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// A relay uses it just now.
    #[error("{0}: stop it first, or look at it as it is with --force")]
    InUse(StorageError),
    /// It cannot be read.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// What was rescued cannot be written.
    #[error("cannot write: {0}")]
    Out(#[from] io::Error),
}

/// Whether a directory may be read while a relay uses it: what the relay does meanwhile may be seen in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// It is refused.
    Careful,
    /// It is read as it is.
    Forced,
}

/// Where rescued requests go.
pub enum Out<'a> {
    /// As OTLP/JSON, a line for each.
    Json(&'a mut dyn Write),
    /// As records, which `otlp-relay replay` reads, into a new file.
    Records(&'a Path),
}

/// A text for people on what is in `directory`.
///
/// # Errors
/// When a relay uses it, or it cannot be read.
pub fn inspect(directory: &Path, caution: Caution) -> Result<String, QueueError> {
    let inspection = look(directory, caution)?;
    let mut text = String::new();
    if inspection.journals.is_empty() {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{}: no durable queue", directory.display());
    }
    for journal in &inspection.journals {
        describe(journal, &mut text);
    }
    for foreign in &inspection.foreign {
        let _ = writeln!(text, "{}: a queue of the OpenTelemetry Collector, not read", foreign.display());
    }
    Ok(text)
}

/// Writes every request in `directory` that is not done with to `out`; answers how many there were. The directory stays as
/// it is.
///
/// # Errors
/// When a relay uses it, it cannot be read, or `out` takes no more.
pub fn export(directory: &Path, out: Out<'_>, caution: Caution) -> Result<u64, QueueError> {
    look(directory, caution)?;
    match out {
        Out::Json(to) => {
            let count = journal::export(directory, |_, _, payload| {
                to.write_all(&payload.to_json())?;
                to.write_all(b"\n")
            })?;
            to.flush()?;
            Ok(count)
        }
        Out::Records(path) => {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            let mut file = BufWriter::new(file);
            file.write_all(&KIND.header())?;
            let count =
                journal::export(directory, |exporter, since, payload| add(&mut file, exporter, since, &payload))?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            Ok(count)
        }
    }
}

fn look(directory: &Path, caution: Caution) -> Result<Inspection, QueueError> {
    let inspection = journal::inspect(directory)?;
    match inspection.in_use.clone() {
        Some(holder) if caution == Caution::Careful => {
            Err(QueueError::InUse(StorageError::Locked { directory: directory.to_owned(), holder }))
        }
        _ => Ok(inspection),
    }
}

fn add(file: &mut impl Write, exporter: &str, since: u64, payload: &Payload) -> io::Result<()> {
    let record = Record {
        time_unix_nano: since,
        exporter: exporter.to_owned(),
        signal: payload.signal().name().to_owned(),
        items: payload.items().0,
        payload: Some(record::Payload::OtlpProtobuf(payload.to_bytes().to_vec())),
        ..Record::default()
    };
    let body = record.encode_to_vec();
    let head = frame::head([&body[..]]).ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
    file.write_all(&head)?;
    file.write_all(&body)
}

fn describe(journal: &Contents, text: &mut String) {
    let Contents { folder, exporter, signal, requests, weight, segments, disk_bytes, .. } = journal;
    let _ = writeln!(text, "{}", folder.display());
    let _ = writeln!(text, "  exporter:  {exporter}");
    let _ = writeln!(text, "  signal:    {signal}");
    let _ = writeln!(text, "  requests:  {requests}");
    let _ = writeln!(text, "  items:     {}", weight.items);
    let _ = writeln!(text, "  bytes:     {} ({disk_bytes} in {segments} files)", weight.bytes);
    if let Some(oldest) = journal.oldest_unix_nano {
        let at = UNIX_EPOCH + Duration::from_nanos(oldest);
        let age = SystemTime::now().duration_since(at).unwrap_or_default();
        let _ = writeln!(text, "  oldest:    {}, {} s ago", httpdate::fmt_http_date(at), age.as_secs());
    }
    let _ = match journal.damaged {
        0 => writeln!(text, "  damaged:   nothing"),
        places => writeln!(text, "  damaged:   {places} places, {} bytes", journal.damaged_bytes),
    };
    for file in &journal.set_aside {
        let _ = writeln!(text, "  set aside: {}", file.display());
    }
}
