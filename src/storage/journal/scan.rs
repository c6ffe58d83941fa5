//! How a file of frames is read when any byte of it may be damaged: what is whole is found again behind what is not.
//!
//! The body of each frame begins with a marker that nobody outside can know (see [`super::segment`]). Where a frame is
//! not whole, the next one is looked for by this marker, so that neither a damaged length nor bytes that a sender made to
//! look like a frame are taken for one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::storage::frame::{self, OVERHEAD, Read};

/// What every body of one file begins with.
pub(super) type Marker = [u8; 8];

/// Something to read from.
pub(super) trait Source {
    /// Reads into `buffer` from `offset` on; fewer bytes than asked for only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Source for &File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match FileExt::read_at(*self, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl Source for &[u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let count = buffer.len().min(self.len() - from);
        buffer[..count].copy_from_slice(&self[from..from + count]);
        Ok(count)
    }
}

/// What was found next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole frame: where it begins, and its body without the marker.
    Body(u64, Vec<u8>),
    /// These bytes are no frame, and behind them is one, or the end although the frame should have ended before it.
    Damage(Range<u64>),
    /// These last bytes are the beginning of a frame that was not written to its end.
    Torn(Range<u64>),
    /// There is nothing more.
    End,
}

/// Reads frames one after another.
pub(super) struct Scanner<S> {
    source: S,
    marker: Marker,
    /// Where the next frame is expected.
    at: u64,
    /// Nothing from here on is looked at.
    end: u64,
    buffer: Vec<u8>,
    /// Where the buffer begins.
    start: u64,
}

impl<S: Source> Scanner<S> {
    pub(super) fn new(source: S, marker: Marker, at: u64, end: u64) -> Scanner<S> {
        Scanner { source, marker, at, end, buffer: Vec::new(), start: at }
    }

    /// Where the next frame is expected.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The next frame, or what is in its place.
    ///
    /// # Errors
    /// When the system cannot read the file.
    pub(super) fn next(&mut self) -> io::Result<Found> {
        let from = self.at;
        if self.end <= from {
            return Ok(Found::End);
        }
        if let Some((body, next)) = self.frame_at(from)? {
            self.at = next;
            return Ok(Found::Body(from, body));
        }
        let mut after = from + 1;
        while let Some(candidate) = self.find(after)? {
            if self.frame_at(candidate)?.is_some() {
                self.at = candidate;
                return Ok(Found::Damage(from..candidate));
            }
            after = candidate + 1;
        }
        self.at = self.end;
        let torn = self.is_cut(from)?;
        Ok(if torn { Found::Torn(from..self.end) } else { Found::Damage(from..self.end) })
    }

    /// The body of the frame at `at` and where it ends; nothing unless it is whole and bears the marker.
    fn frame_at(&mut self, at: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        let head = OVERHEAD + self.marker.len();
        let marker = self.marker;
        let bytes = self.bytes(at, head)?;
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
        if rest.get(4..) != Some(&marker) {
            return Ok(None);
        }
        let size = u32::from_le_bytes(*length) as usize;
        if self.end - at < size as u64 + OVERHEAD as u64 {
            return Ok(None);
        }
        let bytes = self.bytes(at, OVERHEAD + size)?;
        match frame::read(bytes, size) {
            Read::Frame(body, _) => {
                Ok(body.get(marker.len()..).map(|body| (body.to_vec(), at + (OVERHEAD + size) as u64)))
            }
            Read::Cut | Read::Damaged | Read::End => Ok(None),
        }
    }

    /// Whether what begins at `at` is a frame that goes on behind the end, as far as can be told.
    fn is_cut(&mut self, at: u64) -> io::Result<bool> {
        let (left, marker) = (self.end - at, self.marker);
        let bytes = self.bytes(at, OVERHEAD + marker.len())?;
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(true) };
        let begun = rest.get(4..).unwrap_or_default();
        Ok(marker.starts_with(begun) && left < u64::from(u32::from_le_bytes(*length)) + OVERHEAD as u64)
    }

    /// Where the next frame from `from` on would begin, by its marker.
    fn find(&mut self, from: u64) -> io::Result<Option<u64>> {
        let (marker, lead) = (self.marker, OVERHEAD as u64);
        let mut at = from + lead;
        while at < self.end {
            let window = self.bytes(at, STEP)?;
            let seen = window.len() as u64;
            if let Some(found) = window.windows(marker.len()).position(|bytes| bytes == marker) {
                return Ok(Some(at + found as u64 - lead));
            }
            if seen <= marker.len() as u64 {
                return Ok(None);
            }
            at += seen - (marker.len() as u64 - 1);
        }
        Ok(None)
    }

    /// `count` bytes from `at` on; fewer at the end.
    fn bytes(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let count = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX).min(count);
        let within = |start: u64, len: usize| start <= at && at + count as u64 <= start + len as u64;
        if !within(self.start, self.buffer.len()) {
            let left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
            self.buffer.clear();
            self.buffer.resize(count.max(STEP).min(left), 0);
            let filled = self.source.read_at(&mut self.buffer, at)?;
            self.buffer.truncate(filled);
            self.start = at;
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX).min(self.buffer.len());
        let to = (from + count).min(self.buffer.len());
        Ok(&self.buffer[from..to])
    }
}

/// How much is read at once.
const STEP: usize = 128 << 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    const MARKER: Marker = *b"\x01marker\xFF";

    fn file(bodies: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for body in bodies {
            bytes.extend_from_slice(&frame::head([&MARKER[..], body]).unwrap());
            bytes.extend_from_slice(&MARKER);
            bytes.extend_from_slice(body);
        }
        bytes
    }

    fn scan(bytes: &[u8], marker: Marker) -> Vec<Found> {
        let mut scanner = Scanner::new(bytes, marker, 0, bytes.len() as u64);
        let mut found = Vec::new();
        loop {
            match scanner.next().unwrap() {
                Found::End => return found,
                other => found.push(other),
            }
        }
    }

    fn whole(found: &[Found]) -> Vec<Vec<u8>> {
        found.iter().filter_map(|one| if let Found::Body(_, body) = one { Some(body.clone()) } else { None }).collect()
    }

    fn bodies() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..12)
    }

    proptest! {
        #[test]
        fn whatever_is_flipped_the_other_frames_are_found(bodies in bodies(), flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4)) {
            let mut bytes = file(&bodies);
            for (at, bit) in &flips {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << (bit % 8);
            }
            let found = whole(&scan(&bytes, MARKER));
            prop_assert!(bodies.len() <= found.len() + flips.len());
            prop_assert!(found.iter().all(|body| bodies.contains(body)));
        }

        #[test]
        fn a_file_that_ends_anywhere_has_lost_one_frame_at_most_and_no_damage(bodies in bodies(), end in any::<prop::sample::Index>()) {
            let bytes = file(&bodies);
            let end = end.index(bytes.len() + 1);
            let found = scan(&bytes[..end], MARKER);
            let no_damage = found.iter().all(|one| !matches!(one, Found::Damage(_)));
            prop_assert!(no_damage);
            prop_assert!(bodies.starts_with(&whole(&found)));
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..2000), marker in any::<bool>()) {
            let marker = if marker { [0; 8] } else { MARKER };
            scan(&bytes, marker);
        }
    }
}
