//! `exporters::file`

use std::path::PathBuf;

/// `exporters::file`: every request becomes a record of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// `path`
    pub path: PathBuf,
    /// `append`: what becomes of a file that is there already.
    pub existing: Existing,
    /// `rotation`; none.
    pub rotation: Option<Rotation>,
    /// `format`; json.
    pub format: FileFormat,
    /// `compression`; none.
    pub compression: FileCompression,
    /// `compression_params::level`: how hard it is compressed. None where it is not written or 0.
    pub compression_level: Option<i32>,
    /// `flush_interval`: for how long records may wait in memory. None, where it is not written or 0: not at all.
    pub flush_interval: Option<std::time::Duration>,
    /// `create_directory` with `directory_permissions`: the mode of missing directories; none where they are not made.
    pub directory_mode: Option<u32>,
}

/// `append`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// false: it is emptied at start.
    Truncate,
    /// true: it is written on.
    Append,
}

/// `rotation`: the file is renamed when it has reached its size, and old ones are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// `max_megabytes`; 100 MiB.
    pub max_size: crate::units::ByteCount,
    /// `max_days`: older files are removed; none where it is 0, the default.
    pub max_days: Option<u64>,
    /// `max_backups`: more files than so many are removed; 100. None where it is 0.
    pub max_backups: Option<usize>,
}

/// `format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// `json`: OTLP/JSON, a line for each request.
    Json,
    /// `proto`: OTLP in protobuf.
    Proto,
}

/// `compression`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCompression {
    /// Empty.
    None,
    /// `zstd`: each record by itself.
    Zstd,
}
