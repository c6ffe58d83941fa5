//! Zstandard (RFC 8878): one frame out, any number of frames in.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, DParameter, ErrorCode, InBuffer, OutBuffer, ResetDirective, compress_bound, get_error_name,
    get_frame_content_size,
};

use crate::payload::Encoding;

use super::output::Output;
use super::{DecodeError, Level};

pub(super) fn compress(level: Option<Level>, chunks: &[Bytes]) -> io::Result<Bytes> {
    let level = level.map_or(LEVEL, native);
    let total = chunks.iter().map(Bytes::len).sum();
    // With room for the worst case one pass does it, and pages that are never written cost nothing.
    let mut output = Vec::with_capacity(compress_bound(total));
    let (last, first) = chunks.split_last().map_or((&[][..], &[][..]), |(last, first)| (&last[..], first));
    COMPRESSORS.with_borrow_mut(|kept| {
        let context = compressor(kept, level)?;
        context.reset(ResetDirective::SessionOnly).map_err(failed)?;
        // Written into the header, so that whoever reads it can allocate once.
        context.set_pledged_src_size(Some(total as u64)).map_err(failed)?;
        for chunk in first {
            append(context, chunk, ZSTD_EndDirective::ZSTD_e_continue, &mut output)?;
        }
        append(context, last, ZSTD_EndDirective::ZSTD_e_end, &mut output)
    })?;
    output.shrink_to_fit();
    Ok(Bytes::from(output))
}

pub(super) fn decompress(body: &[u8], output: &mut Output<'_>) -> Result<(), DecodeError> {
    output.expect(claimed_size(body))?;
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let context = match kept {
            Some(context) => context,
            None => kept.insert(decompressor().map_err(corrupt)?),
        };
        let outcome =
            context.reset(ResetDirective::SessionOnly).map_err(corrupt).and_then(|_| frames(context, body, output));
        if KEPT_STATE < context.sizeof() {
            *kept = None;
        }
        outcome
    })
}

fn append(context: &mut CCtx<'_>, chunk: &[u8], directive: ZSTD_EndDirective, output: &mut Vec<u8>) -> io::Result<()> {
    let mut source = InBuffer::around(chunk);
    loop {
        if output.len() == output.capacity() {
            output.reserve(output.len().max(SMALLEST));
        }
        let written = output.len();
        let mut target = OutBuffer::around_pos(output, written);
        let left = context.compress_stream2(&mut target, &mut source, directive).map_err(failed)?;
        let complete = match directive {
            ZSTD_EndDirective::ZSTD_e_end => left == 0,
            _ => source.pos() == chunk.len(),
        };
        if complete {
            return Ok(());
        }
    }
}

fn frames(context: &mut DCtx<'_>, body: &[u8], output: &mut Output<'_>) -> Result<(), DecodeError> {
    let mut source = InBuffer::around(body);
    // What the decompressor still waits for: nothing between frames.
    let mut wanted = 0;
    while wanted != 0 || source.pos() < body.len() {
        let (consumed, written) = (source.pos(), output.bytes().len());
        wanted = {
            let mut target = OutBuffer::around_pos(output.bytes(), written);
            context.decompress_stream(&mut target, &mut source).map_err(corrupt)?
        };
        let advanced = consumed < source.pos() || written < output.bytes().len();
        if wanted != 0 && output.is_full() && !advanced {
            output.grow()?;
        } else if wanted != 0 && !advanced {
            return Err(DecodeError::Corrupt(Encoding::Zstd, "it ends early".into()));
        }
    }
    Ok(())
}

/// What the first frame says of its size. One that says nothing comes from a streaming writer.
fn claimed_size(body: &[u8]) -> usize {
    match get_frame_content_size(body) {
        Ok(Some(size)) => usize::try_from(size).unwrap_or(usize::MAX),
        _ => body.len().saturating_mul(USUAL_RATIO),
    }
}

/// The compressor that was kept for `level`, or a new one.
fn compressor<'a>(kept: &'a mut Vec<(i32, CCtx<'static>)>, level: i32) -> io::Result<&'a mut CCtx<'static>> {
    let at = match kept.iter().position(|(of, _)| *of == level) {
        Some(at) => at,
        None => {
            let mut context = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
            context.set_parameter(CParameter::CompressionLevel(level)).map_err(failed)?;
            kept.push((level, context));
            kept.len() - 1
        }
    };
    Ok(&mut kept[at].1)
}

/// Go's encoder, which the Collector has, knows four levels and maps all numbers to them.
fn native(Level(level): Level) -> i32 {
    match level {
        ..3 => LEVEL,
        3..6 => 3,
        6..10 => 7,
        10.. => 11,
    }
}

fn decompressor() -> Result<DCtx<'static>, ErrorCode> {
    let mut context = DCtx::create();
    context.set_parameter(DParameter::WindowLogMax(GREATEST_WINDOW_LOG))?;
    Ok(context)
}

fn failed(code: ErrorCode) -> io::Error {
    io::Error::other(get_error_name(code))
}

fn corrupt(code: ErrorCode) -> DecodeError {
    DecodeError::Corrupt(Encoding::Zstd, get_error_name(code).into())
}

thread_local! {
    /// By level.
    static COMPRESSORS: RefCell<Vec<(i32, CCtx<'static>)>> = const { RefCell::new(Vec::new()) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// On a request of 200 spans as small as the usual level 3, with a fraction of its memory for each thread.
const LEVEL: i32 = 1;

/// 32 MiB: what older versions of Go's best level write. A window is needed only for frames that do not declare their
/// size, and no more of it is touched than the body fills.
const GREATEST_WINDOW_LOG: u32 = 25;

/// A decompressor that had to get itself a larger window than this is not kept.
const KEPT_STATE: usize = 1 << 20;

/// Telemetry shrinks to a fifth or less.
const USUAL_RATIO: usize = 4;

const SMALLEST: usize = 256;
