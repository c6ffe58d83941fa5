//! Requests as records of a file: the `file` exporter of the Collector's contrib distribution.
//!
//! A record is written before its sender is answered, unless `flush_interval` lets it wait in memory. Uncompressed JSON is one line for each request; any other record has
//! its length in front, as 4 bytes in network order.

mod backups;
mod writer;

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;

use self::writer::{Then, Writer};
use super::setup::SetupProblem;
use crate::config::{Existing, File, FileCompression, FileFormat, Rotation};
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::{Encoding, Payload};
use crate::storage::fault::{class_of, why};
use crate::transport::codec::{Level, compress_at};

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
    level: Option<i32>,
    rotation: Option<Rotation>,
    flush_interval: Option<Duration>,
    writer: Arc<Mutex<Writer>>,
}

/// The `file` exporter. Opens its file.
///
/// # Errors
///
/// The key of the configuration whose file cannot be written.
pub fn file(id: Arc<ComponentId>, config: &File) -> Result<FileSink, SetupProblem> {
    let File { path, existing, rotation, format, compression, compression_level, flush_interval, directory_mode } =
        config;
    // A file that rotates is always written on, as in the Collector.
    let existing = if rotation.is_some() { Existing::Append } else { *existing };
    let writer = Writer::open(path, existing, *directory_mode)
        .map_err(|error| SetupProblem::new("path", format!("{}: {error}", why(path, &error))))?;
    let path = path.to_string_lossy().into();
    Ok(FileSink(Arc::new(Stage {
        id,
        path,
        format: *format,
        compression: *compression,
        level: *compression_level,
        rotation: *rotation,
        flush_interval: *flush_interval,
        writer,
    })))
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
            let (format, compression, level) = (self.format, self.compression, self.level);
            let (rotation, flush_interval) = (self.rotation, self.flush_interval);
            let mut writer = Arc::clone(&self.writer).lock_owned().await;
            // The writer goes with the work, which goes on even if nobody waits for it any more.
            let work = move || {
                let record = record(&payload, format, compression, level)?;
                match flush_interval {
                    None => writer.write(&record, rotation).map(|()| Then::Nothing),
                    Some(_) => writer.keep(&record, rotation),
                }
            };
            let written = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
            match written {
                Ok(then) => {
                    if let (Then::Flush, Some(interval)) = (then, self.flush_interval) {
                        self.flush_after(interval);
                    }
                    Ok(Receipt::delivered(Arc::clone(&self.id)))
                }
                Err(error) => Err(failure(&self.path, error).at(Arc::clone(&self.path))),
            }
        })
    }
}

impl Stage {
    /// Writes what waits in memory once `interval` has passed. The task is none of the service's: it holds no stage and
    /// no file, and whoever drops the writer writes what is left.
    fn flush_after(&self, interval: Duration) {
        let (writer, path) = (Arc::downgrade(&self.writer), Arc::clone(&self.path));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                let Some(writer) = writer.upgrade() else { return };
                let mut writer = writer.lock_owned().await;
                let flushed = tokio::task::spawn_blocking(move || writer.flush()).await;
                match flushed.unwrap_or_else(|error| Err(io::Error::other(error))) {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::error!(%error, file = %path, "records wait in memory: they cannot be written")
                    }
                }
            }
        });
    }
}

fn record(
    payload: &Payload,
    format: FileFormat,
    compression: FileCompression,
    level: Option<i32>,
) -> io::Result<Vec<u8>> {
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
        (_, FileCompression::Zstd) => with_length(&[compress_at(Encoding::Zstd, level.map(Level), &chunks)?]),
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
    // What no call of the system says is a record that could not be made.
    let class = if error.kind() == ErrorKind::Other { Class::Other } else { class_of(&error) };
    Failure::new(class, why(Path::new(path), &error)).because(error)
}
