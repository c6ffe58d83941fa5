//! How hard a compressor tries.

/// `compression_params::level` as written: -2 to 9 for gzip and zlib, any number for zstd; the others have no levels.
/// Each codec has a default of its own where none is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Level(pub i32);
