//! LZ4 frames (lz4_Frame_format.md): one frame out, any number of frames in.
//!
//! The frames are taken apart here, since the library's reader gives each body up to 12 MiB of its own, and takes one
//! that ends early for a whole one. Blocks are unpacked by the library, straight to where they belong.

use std::io::{self, Write};

use bytes::Bytes;
use lz4_flex::block::decompress_into_with_dict;
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
use twox_hash::XxHash32;

use crate::failure::BoxError;
use crate::payload::Encoding;

use super::DecodeError;
use super::output::Output;

pub(super) fn compress(chunks: &[Bytes]) -> io::Result<Bytes> {
    let total: usize = chunks.iter().map(Bytes::len).sum();
    let block_size = if total <= 64 << 10 { BlockSize::Max64KB } else { BlockSize::Max256KB };
    // The size in the header lets whoever reads it allocate once.
    let info = FrameInfo::new().block_size(block_size).content_size(Some(total as u64));
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::with_capacity(total / USUAL_RATIO));
    for chunk in chunks {
        encoder.write_all(chunk)?;
    }
    let mut frame = encoder.finish()?;
    frame.shrink_to_fit();
    Ok(Bytes::from(frame))
}

pub(super) fn decompress(body: &[u8], output: &mut Output<'_>) -> Result<(), DecodeError> {
    let mut input = Input { rest: body };
    while !input.rest.is_empty() {
        match input.number()? {
            MAGIC => frame(&mut input, output)?,
            SKIPPABLE_FIRST..=SKIPPABLE_LAST => {
                let length = input.number()?;
                input.take(length as usize)?;
            }
            _ => return Err(corrupt("it does not begin as an LZ4 frame does")),
        }
    }
    Ok(())
}

/// What the head of a frame says of it.
#[derive(Clone, Copy, Debug)]
struct Head {
    linked: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
    /// The most that a block may be after decompression.
    largest_block: usize,
}

/// A frame behind its magic number.
fn frame(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<(), DecodeError> {
    let head = head(input)?;
    let begin = output.bytes().len();
    output.expect(begin.saturating_add(likely_size(&head, input.rest)))?;
    loop {
        let word = input.number()?;
        if word == END_MARK {
            break;
        }
        let block = input.take((word & !UNCOMPRESSED) as usize)?;
        if head.block_checksums && input.number()? != checksum(block) {
            return Err(corrupt("the checksum of a block does not match"));
        }
        if word & UNCOMPRESSED == 0 {
            unpack(block, &head, begin, output)?;
        } else {
            copy(block, &head, output)?;
        }
    }
    let content = &output.bytes()[begin..];
    if head.content_size.is_some_and(|size| size != content.len() as u64) {
        return Err(corrupt("it has another size than it says"));
    }
    if head.content_checksum && input.number()? != checksum(content) {
        return Err(corrupt("the checksum of the content does not match"));
    }
    Ok(())
}

fn head(input: &mut Input<'_>) -> Result<Head, DecodeError> {
    let begin = input.rest;
    let &[flags, sizes] = input.array::<2>()?;
    if flags & VERSION_BITS != VERSION || flags & 0b10 != 0 || sizes & 0b1000_1111 != 0 {
        return Err(corrupt("its frame is of an unknown version"));
    }
    if flags & DICTIONARY != 0 {
        return Err(corrupt("it needs a dictionary"));
    }
    let largest_block = match sizes >> 4 {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return Err(corrupt("its blocks are of an unknown size")),
    };
    let content_size = if flags & CONTENT_SIZE == 0 { None } else { Some(u64::from_le_bytes(*input.array()?)) };
    let described = &begin[..begin.len() - input.rest.len()];
    let &[head_checksum] = input.array()?;
    if checksum(described).to_le_bytes()[1] != head_checksum {
        return Err(corrupt("the checksum of its head does not match"));
    }
    Ok(Head {
        linked: flags & INDEPENDENT == 0,
        block_checksums: flags & BLOCK_CHECKSUMS != 0,
        content_checksum: flags & CONTENT_CHECKSUM != 0,
        content_size,
        largest_block,
    })
}

/// What the head claims, unless LZ4 cannot possibly have packed so much into so little.
fn likely_size(head: &Head, rest: &[u8]) -> usize {
    let claim = head.content_size.and_then(|size| usize::try_from(size).ok());
    let possible = |claim: &usize| *claim <= rest.len().saturating_mul(GREATEST_RATIO);
    claim.filter(possible).unwrap_or(rest.len().saturating_mul(USUAL_RATIO))
}

fn unpack(block: &[u8], head: &Head, begin: usize, output: &mut Output<'_>) -> Result<(), DecodeError> {
    let size = unpacked_size(block).ok_or_else(|| corrupt("a block ends early"))?;
    if head.largest_block < size {
        return Err(corrupt("a block is larger than its frame says"));
    }
    let (before, fresh) = output.append(size)?;
    let frame = if head.linked { &before[begin..] } else { &[] };
    let window = &frame[frame.len().saturating_sub(WINDOW)..];
    match decompress_into_with_dict(block, fresh, window) {
        Ok(written) if written == size => Ok(()),
        Ok(_) => Err(corrupt("a block ends early")),
        Err(error) => Err(corrupt(error)),
    }
}

fn copy(block: &[u8], head: &Head, output: &mut Output<'_>) -> Result<(), DecodeError> {
    if head.largest_block < block.len() {
        return Err(corrupt("a block is larger than its frame says"));
    }
    let (_, fresh) = output.append(block.len())?;
    fresh.copy_from_slice(block);
    Ok(())
}

/// What a block will be after decompression: the sum of its literals and matches (lz4_Block_format.md). So memory is
/// asked for by what is there, and not by what a block may be at most.
fn unpacked_size(block: &[u8]) -> Option<usize> {
    let mut input = Input { rest: block };
    let mut size = 0_usize;
    loop {
        let &[token] = input.array().ok()?;
        let literals = input.length(token >> 4)?;
        input.take(literals).ok()?;
        size = size.checked_add(literals)?;
        // The last sequence has literals only.
        if input.rest.is_empty() {
            return Some(size);
        }
        input.take(2).ok()?;
        size = size.checked_add(input.length(token & 0xf)?)?.checked_add(SHORTEST_MATCH)?;
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

fn corrupt(source: impl Into<BoxError>) -> DecodeError {
    DecodeError::Corrupt(Encoding::Lz4, source.into())
}

/// Bytes that are taken from the front.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| corrupt("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| corrupt("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// A length that begins with the four bits `first`: while all bits are set, another byte is added.
    fn length(&mut self, first: u8) -> Option<usize> {
        let mut length = usize::from(first);
        let mut more = first == 0xf;
        while more {
            let &[byte] = self.array().ok()?;
            length = length.checked_add(usize::from(byte))?;
            more = byte == u8::MAX;
        }
        Some(length)
    }
}

const MAGIC: u32 = 0x184d_2204;
const SKIPPABLE_FIRST: u32 = 0x184d_2a50;
const SKIPPABLE_LAST: u32 = 0x184d_2a5f;
const END_MARK: u32 = 0;

const VERSION_BITS: u8 = 0b1100_0000;
const VERSION: u8 = 0b0100_0000;
const INDEPENDENT: u8 = 0b0010_0000;
const BLOCK_CHECKSUMS: u8 = 0b0001_0000;
const CONTENT_SIZE: u8 = 0b0000_1000;
const CONTENT_CHECKSUM: u8 = 0b0000_0100;
const DICTIONARY: u8 = 0b0000_0001;

/// The highest bit of a block's length.
const UNCOMPRESSED: u32 = 1 << 31;

/// How far back a linked block may reach.
const WINDOW: usize = 64 << 10;

const SHORTEST_MATCH: usize = 4;

/// By the format: 255 bytes for one.
const GREATEST_RATIO: usize = 255;

/// Telemetry shrinks to a third or less.
const USUAL_RATIO: usize = 3;
