//! The three wrappings of deflate (RFC 1951): gzip (RFC 1952), zlib (RFC 1950), and none.
//!
//! Written by libdeflate, which is quicker than what works on streams, and read by zlib, which stops at any limit and knows
//! where a member ends.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::{CompressionLvl, Compressor};

use crate::payload::Encoding;

use super::output::Output;
use super::{DecodeError, Level};

/// What is around the deflated bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// One member out, any number of members in.
    Gzip,
    /// One stream. In HTTP both `zlib` and `deflate` stand for it (RFC 9110, 8.4.1.2).
    Zlib,
    /// Nothing: what some clients send under the name of `deflate`. Never written.
    None,
}

/// Whether `body` begins as a zlib stream does. What does not is deflate without a wrapping, or nothing of the kind.
pub(super) fn is_zlib(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => method & 0x8f == 0x08 && u16::from_be_bytes([*method, *flags]) % 31 == 0,
        _ => true,
    }
}

pub(super) fn compress(wrapping: Wrapping, level: Option<Level>, chunks: &[Bytes]) -> io::Result<Bytes> {
    let joined;
    let plain = match chunks {
        [only] => &only[..],
        many => {
            joined = many.concat();
            &joined
        }
    };
    let mut output = COMPRESSORS.with_borrow_mut(|kept| pack(compressor(kept, level), wrapping, plain))?;
    output.shrink_to_fit();
    Ok(Bytes::from(output))
}

/// Decompresses `body`, which an answer in case of an error calls `encoding`.
pub(super) fn decompress(
    wrapping: Wrapping,
    encoding: Encoding,
    body: &[u8],
    output: &mut Output<'_>,
) -> Result<(), DecodeError> {
    let mut rest = body;
    output.expect(claimed_size(wrapping, body))?;
    loop {
        let length = member(wrapping, encoding, rest, output)?;
        rest = &rest[length..];
        if rest.is_empty() {
            return Ok(());
        }
        if wrapping != Wrapping::Gzip {
            return Err(DecodeError::Corrupt(encoding, "something follows its end".into()));
        }
    }
}

fn pack(compressor: &mut Compressor, wrapping: Wrapping, plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    let packed = match wrapping {
        Wrapping::Gzip => {
            output.resize(compressor.gzip_compress_bound(plain.len()), 0);
            compressor.gzip_compress(plain, &mut output)
        }
        Wrapping::Zlib => {
            output.resize(compressor.zlib_compress_bound(plain.len()), 0);
            compressor.zlib_compress(plain, &mut output)
        }
        Wrapping::None => {
            output.resize(compressor.deflate_compress_bound(plain.len()), 0);
            compressor.deflate_compress(plain, &mut output)
        }
    };
    output.truncate(packed.map_err(io::Error::other)?);
    Ok(output)
}

/// Decompresses the member that `body` begins with, and answers its length.
fn member(wrapping: Wrapping, encoding: Encoding, body: &[u8], output: &mut Output<'_>) -> Result<usize, DecodeError> {
    let mut inflate = match wrapping {
        Wrapping::Gzip => Decompress::new_gzip(WINDOW_BITS),
        Wrapping::Zlib => Decompress::new(true),
        Wrapping::None => Decompress::new(false),
    };
    let mut consumed = 0;
    loop {
        let written = output.bytes().len();
        let status = inflate
            .decompress_vec(&body[consumed..], output.bytes(), FlushDecompress::None)
            .map_err(|error| DecodeError::Corrupt(encoding, error.into()))?;
        let before = consumed;
        // Within the slice, so it fits.
        consumed = inflate.total_in() as usize;
        if status == Status::StreamEnd {
            return Ok(consumed);
        }
        let advanced = before < consumed || written < output.bytes().len();
        if output.is_full() && !advanced {
            output.grow()?;
        } else if !advanced {
            return Err(DecodeError::Corrupt(encoding, "it ends early".into()));
        }
    }
}

/// What the last four bytes of a gzip body say of its size, unless deflate cannot possibly have packed so much into so
/// little. The other wrappings say nothing.
fn claimed_size(wrapping: Wrapping, body: &[u8]) -> usize {
    let claim = match wrapping {
        Wrapping::Gzip => body.last_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size) as usize),
        Wrapping::Zlib | Wrapping::None => usize::MAX,
    };
    if claim <= body.len().saturating_mul(GREATEST_RATIO) { claim } else { body.len().saturating_mul(USUAL_RATIO) }
}

/// The compressor that was kept for this level, or a new one.
fn compressor(kept: &mut Vec<Kept>, level: Option<Level>) -> &mut Compressor {
    let level = level.map_or(LEVEL, |Level(level)| level);
    let at = kept.iter().position(|kept| kept.level == level).unwrap_or_else(|| {
        kept.push(Kept { level, compressor: Compressor::new(compression(level)) });
        kept.len() - 1
    });
    &mut kept[at].compressor
}

/// zlib's level. `-1` is its default there; for `-2`, which asks for no more than Huffman codes, the quickest one.
fn compression(level: i32) -> CompressionLvl {
    match level {
        -2 => CompressionLvl::new(1).unwrap_or_default(),
        level => CompressionLvl::new(level.min(9)).unwrap_or_default(),
    }
}

/// A compressor with what it was made for.
struct Kept {
    level: i32,
    compressor: Compressor,
}

thread_local! {
    /// The state of each is some 100 kB: kept, since getting and clearing it costs more than compressing a small body.
    /// There are no more of them than exporters ask for different ones.
    static COMPRESSORS: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// On requests of 100 and 1000 spans it takes 58 % of the time that zlib takes for its usual level 6, for 6 and 7 % more
/// bytes; the levels below it take little less time and 10 % more bytes.
const LEVEL: i32 = 5;

/// 32 KiB, the largest window and the usual one.
const WINDOW_BITS: u8 = 15;

/// Telemetry shrinks to a fifth or less.
const USUAL_RATIO: usize = 4;

/// By the format: 258 bytes for two bits.
const GREATEST_RATIO: usize = 1032;
