//! Pieces of requests, and how much memory they keep alive.

use bytes::Bytes;

/// Some bytes, and which allocation they are part of.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    home: Home,
}

/// An allocation, by its address: it cannot be given to anyone else while a chunk keeps it alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    start: usize,
    len: usize,
}

impl Chunk {
    /// Bytes in an allocation of their own size.
    pub(super) fn whole(bytes: Bytes) -> Chunk {
        let home = Home { start: bytes.as_ptr() as usize, len: bytes.len() };
        Chunk { bytes, home }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it is all of its allocation.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes.len() == self.home.len
    }

    /// A part of it, which keeps all of it alive.
    pub(super) fn slice(&self, range: std::ops::Range<usize>) -> Chunk {
        Chunk { bytes: self.bytes.slice(range), home: self.home }
    }

    /// Drops its first `length` bytes.
    pub(super) fn advance(&mut self, length: usize) {
        self.bytes = self.bytes.slice(length..);
    }
}

/// How many bytes `chunks` keep alive, those that they do not show included. Neighbours of one allocation count once.
pub(super) fn held<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> u64 {
    let mut last = None;
    let mut total = 0;
    for chunk in chunks {
        if last != Some(chunk.home) {
            total += chunk.home.len as u64;
            last = Some(chunk.home);
        }
    }
    total
}

/// Copies those of `chunks` that show less than half of their allocation, so that it can be freed. Cutting one
/// request again and again copies each byte once or twice in all.
pub(super) fn rehome<'a>(chunks: impl Iterator<Item = &'a mut Chunk>) {
    let mut chunks: Vec<&mut Chunk> = chunks.collect();
    for neighbours in chunks.chunk_by_mut(|a, b| a.home == b.home) {
        let shown: usize = neighbours.iter().map(|chunk| chunk.len()).sum();
        let wasteful = neighbours.first().is_some_and(|chunk| shown < chunk.home.len / 2);
        if wasteful {
            let copy = Chunk::whole(concatenate(neighbours.iter().map(|chunk| &chunk.bytes)));
            let mut at = 0;
            for chunk in neighbours {
                let end = at + chunk.len();
                **chunk = copy.slice(at..end);
                at = end;
            }
        }
    }
}

/// The same bytes in fewer chunks: small neighbours are copied together, since a write costs more than a copy.
pub(super) fn coalesce(chunks: impl IntoIterator<Item = Chunk>) -> Vec<Chunk> {
    let mut done = Vec::new();
    let mut small = Vec::new();
    let mut small_len = 0;
    for chunk in chunks {
        if SMALL <= chunk.len() {
            flush(&mut small, &mut done);
            small_len = 0;
            done.push(chunk);
        } else if 0 < chunk.len() {
            small_len += chunk.len();
            small.push(chunk);
            if SMALL <= small_len {
                flush(&mut small, &mut done);
                small_len = 0;
            }
        }
    }
    flush(&mut small, &mut done);
    done
}

/// Copies `parts` into one allocation of their size.
pub(super) fn concatenate<'a>(parts: impl Iterator<Item = &'a Bytes> + Clone) -> Bytes {
    let mut all = Vec::with_capacity(parts.clone().map(Bytes::len).sum());
    for part in parts {
        all.extend_from_slice(part);
    }
    all.into()
}

fn flush(small: &mut Vec<Chunk>, done: &mut Vec<Chunk>) {
    if small.len() < 2 {
        done.append(small);
    } else {
        done.push(Chunk::whole(concatenate(small.iter().map(|chunk| &chunk.bytes))));
        small.clear();
    }
}

/// Chunks from this size on are worth a write of their own.
const SMALL: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(len: usize) -> Chunk {
        Chunk::whole(vec![7; len].into())
    }

    #[track_caller]
    fn check(lengths: &[usize], coalesced: &[usize]) {
        let chunks = coalesce(lengths.iter().map(|&len| chunk(len)));
        assert_eq!(chunks.iter().map(Chunk::len).collect::<Vec<_>>(), coalesced);
    }

    #[test]
    fn small_neighbours_are_copied_together() {
        check(&[], &[]);
        check(&[0, 5], &[5]);
        check(&[5, 6, 7], &[18]);
        check(&[5, SMALL, 6, 7], &[5, SMALL, 13]);
        check(&[40_000; 4], &[80_000, 80_000]);
    }

    #[test]
    fn a_small_part_does_not_keep_a_large_allocation_alive() {
        let large = chunk(1000);
        let mut parts = [large.slice(0..300), large.slice(400..500)];
        assert_eq!(held(parts.iter()), 1000);
        rehome(parts.iter_mut());
        assert_eq!(held(parts.iter()), 400);
        assert_eq!(parts.each_ref().map(Chunk::len), [300, 100]);
    }
}
