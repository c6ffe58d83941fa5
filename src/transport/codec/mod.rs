//! How bodies are compressed and, within hard limits, decompressed.

mod deflate;
mod level;
mod lz4;
mod name;
mod output;
mod snappy;
#[cfg(test)]
mod tests;
mod zstd;

use std::io;

use bytes::Bytes;

use crate::failure::BoxError;
use crate::payload::Encoding;
use crate::units::ByteCount;

pub use level::Level;
pub use name::{from_name, grpc_name, name, of, recognize};

use deflate::Wrapping;
use output::Output;

/// Why a body could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There is more in it than the limit allows.
    #[error("larger than {0} after decompression")]
    TooLarge(ByteCount),
    /// It is damaged, ends early, or is something else.
    #[error("invalid {}", name(*.0))]
    Corrupt(Encoding, #[source] BoxError),
    /// Whoever grants the memory has no more.
    #[error("no memory is left to decompress it into")]
    NoRoom,
}

/// Compresses `chunks` as one body.
///
/// # Errors
/// When the compressor cannot get memory for its state.
pub fn compress(encoding: Encoding, chunks: &[Bytes]) -> io::Result<Bytes> {
    compress_at(encoding, None, chunks)
}

/// Compresses like [`compress`], as hard as `level` says where the encoding has levels.
///
/// # Errors
/// When the compressor cannot get memory for its state.
pub fn compress_at(encoding: Encoding, level: Option<Level>, chunks: &[Bytes]) -> io::Result<Bytes> {
    match encoding {
        Encoding::Gzip => deflate::compress(Wrapping::Gzip, level, chunks),
        Encoding::Zlib | Encoding::Deflate => deflate::compress(Wrapping::Zlib, level, chunks),
        Encoding::Zstd => zstd::compress(level, chunks),
        Encoding::Snappy => snappy::compress_block(chunks),
        Encoding::SnappyFramed => snappy::compress_frames(chunks),
        Encoding::Lz4 => lz4::compress(chunks),
    }
}

/// Decompresses `body`, all of its members or frames, into at most `limit` bytes. No more is allocated for
/// the answer than `limit`, whatever the body claims or holds.
pub fn decompress(encoding: Encoding, body: &[u8], limit: ByteCount) -> Result<Bytes, DecodeError> {
    decompress_within(encoding, body, limit, &mut |_| true)
}

/// Decompresses like [`decompress`], and asks `grant` before each allocation whether so many bytes more may be held.
pub fn decompress_within(
    encoding: Encoding,
    body: &[u8],
    limit: ByteCount,
    grant: &mut dyn FnMut(ByteCount) -> bool,
) -> Result<Bytes, DecodeError> {
    let mut output = Output::new(limit, grant);
    match encoding {
        Encoding::Gzip => deflate::decompress(Wrapping::Gzip, encoding, body, &mut output)?,
        Encoding::Zlib | Encoding::Deflate => {
            let wrapping = if deflate::is_zlib(body) { Wrapping::Zlib } else { Wrapping::None };
            deflate::decompress(wrapping, encoding, body, &mut output)?;
        }
        Encoding::Zstd => zstd::decompress(body, &mut output)?,
        Encoding::Snappy if snappy::is_framed(body) => snappy::decompress_frames(body, &mut output)?,
        Encoding::Snappy => snappy::decompress_block(body, &mut output)?,
        Encoding::SnappyFramed => snappy::decompress_frames(body, &mut output)?,
        Encoding::Lz4 => lz4::decompress(body, &mut output)?,
    }
    Ok(output.finish())
}
