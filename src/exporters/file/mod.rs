//! Requests as records of a file: the `file` exporter of the Collector's contrib distribution.
//!
//! A record is written before its sender is answered. Uncompressed JSON is one line for each request; any other record has
//! its length in front, as 4 bytes in network order.

mod backups;
mod writer;

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;

use self::writer::Writer;
use super::setup::SetupProblem;
use crate::config::{Existing, File, FileCompression, FileFormat, Rotation};
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::{Encoding, Payload};
use crate::transport::codec::compress;

/// An exporter whose file is open. All its stages share one writer.
#[derive(Debug)]
pub struct FileSink(Arc<Stage>);

#[derive(Debug)]
struct Stage {
    id: Arc<ComponentId>,
    /// As the configuration writes it.
    path: Arc<str>,
    format: FileFormat,
    compression: FileCompression,
    rotation: Option<Rotation>,
    writer: Arc<Mutex<Writer>>,
}

/// The `file` exporter. Opens its file.
///
/// # Errors
///
/// The key of the configuration whose file cannot be written.
pub fn file(id: Arc<ComponentId>, config: &File) -> Result<FileSink, SetupProblem> {
    let File { path, existing, rotation, format, compression, directory_mode } = config;
    // A file that rotates is always written on, as in the Collector.
    let existing = if rotation.is_some() { Existing::Append } else { *existing };
    let writer =
        Writer::open(path, existing, *directory_mode).map_err(|error| SetupProblem::new("path", why(path, &error)))?;
    let path = path.to_string_lossy().into();
    let (format, compression, rotation) = (*format, *compression, *rotation);
    Ok(FileSink(Arc::new(Stage { id, path, format, compression, rotation, writer })))
}

impl FileSink {
    /// The stage that writes requests of any signal.
    pub fn stage(&self) -> Next {
        Arc::clone(&self.0) as Next
    }
}

impl Consume for Stage {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            let (format, compression, rotation) = (self.format, self.compression, self.rotation);
            let mut writer = Arc::clone(&self.writer).lock_owned().await;
            // The writer goes with the work, which goes on even if nobody waits for it any more.
            let work = move || writer.write(&record(&payload, format, compression)?, rotation);
            let written = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
            match written {
                Ok(()) => Ok(Receipt::delivered(Arc::clone(&self.id))),
                Err(error) => Err(failure(&self.path, error).at(Arc::clone(&self.path))),
            }
        })
    }
}

fn record(payload: &Payload, format: FileFormat, compression: FileCompression) -> io::Result<Vec<u8>> {
    let chunks = match format {
        FileFormat::Proto => payload.chunks().to_vec(),
        FileFormat::Json => vec![payload.to_json()],
    };
    match (format, compression) {
        (FileFormat::Json, FileCompression::None) => {
            let mut line = chunks.concat();
            line.push(b'\n');
            Ok(line)
        }
        (FileFormat::Proto, FileCompression::None) => with_length(&chunks),
        (_, FileCompression::Zstd) => with_length(&[compress(Encoding::Zstd, &chunks)?]),
    }
}

fn with_length(chunks: &[Bytes]) -> io::Result<Vec<u8>> {
    let len: usize = chunks.iter().map(Bytes::len).sum();
    let prefix = u32::try_from(len).map_err(io::Error::other)?.to_be_bytes();
    let mut record = Vec::with_capacity(prefix.len() + len);
    record.extend_from_slice(&prefix);
    chunks.iter().for_each(|chunk| record.extend_from_slice(chunk));
    Ok(record)
}

fn failure(path: &str, error: io::Error) -> Failure {
    let text = why(Path::new(path), &error);
    Failure::new(classify(&error), text).because(error)
}

fn classify(error: &io::Error) -> Class {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Class::DiskFull,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied | ErrorKind::NotFound => Class::StorageReadOnly,
        _ if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => Class::TooManyOpenFiles,
        _ => Class::Other,
    }
}

fn why(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::StorageFull => format!("the disk of {path} is full ({error})"),
        ErrorKind::NotFound => format!("the directory of {path} does not exist ({error})"),
        _ => format!("{path} cannot be written: {error}"),
    }
}
