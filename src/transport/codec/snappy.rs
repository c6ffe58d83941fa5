//! Snappy: one block, as `Content-Encoding: snappy` has it, or a stream of frames with checksums.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, Read, Write};

use bytes::Bytes;
use snap::raw::{Decoder, Encoder, decompress_len};
use snap::read::FrameDecoder;
use snap::write::FrameEncoder;

use crate::payload::Encoding;

use super::DecodeError;
use super::output::Output;

/// Whether `body` begins as a stream of frames does; no block begins so.
pub(super) fn is_framed(body: &[u8]) -> bool {
    body.starts_with(STREAM_IDENTIFIER)
}

pub(super) fn compress_block(chunks: &[Bytes]) -> io::Result<Bytes> {
    let plain = match chunks {
        [only] => Cow::Borrowed(&only[..]),
        several => Cow::Owned(several.concat()),
    };
    let mut block = ENCODER.with_borrow_mut(|encoder| encoder.compress_vec(&plain)).map_err(io::Error::other)?;
    block.shrink_to_fit();
    Ok(Bytes::from(block))
}

pub(super) fn compress_frames(chunks: &[Bytes]) -> io::Result<Bytes> {
    let mut frames = FrameEncoder::new(Vec::new());
    for chunk in chunks {
        frames.write_all(chunk)?;
    }
    let mut frames = frames.into_inner().map_err(|error| io::Error::from(error.error().kind()))?;
    frames.shrink_to_fit();
    Ok(Bytes::from(frames))
}

pub(super) fn decompress_block(body: &[u8], output: &mut Output<'_>) -> Result<(), DecodeError> {
    let claim = decompress_len(body).map_err(|error| corrupt(Encoding::Snappy, error))?;
    // Memory is not given for a claim that cannot be true.
    if body.len().saturating_mul(GREATEST_RATIO) < claim {
        return Err(corrupt(Encoding::Snappy, "it claims to be larger than it can be"));
    }
    let (_, block) = output.append(claim)?;
    Decoder::new().decompress(body, block).map_err(|error| corrupt(Encoding::Snappy, error))?;
    Ok(())
}

pub(super) fn decompress_frames(body: &[u8], output: &mut Output<'_>) -> Result<(), DecodeError> {
    output.expect(body.len().saturating_mul(USUAL_RATIO))?;
    let mut frames = FrameDecoder::new(body);
    let mut piece = [0; PIECE];
    loop {
        let length = frames.read(&mut piece).map_err(|error| corrupt(Encoding::SnappyFramed, error))?;
        if length == 0 {
            return Ok(());
        }
        let (_, fresh) = output.append(length)?;
        fresh.copy_from_slice(&piece[..length]);
    }
}

fn corrupt(encoding: Encoding, source: impl Into<crate::failure::BoxError>) -> DecodeError {
    DecodeError::Corrupt(encoding, source.into())
}

thread_local! {
    static ENCODER: RefCell<Encoder> = RefCell::new(Encoder::new());
}

/// A chunk of type 0xff (framing_format.txt, 4.1).
const STREAM_IDENTIFIER: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// By the format: 64 bytes for three.
const GREATEST_RATIO: usize = 22;

/// Telemetry shrinks to a third or less.
const USUAL_RATIO: usize = 3;

const PIECE: usize = 8 << 10;
