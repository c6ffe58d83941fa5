//! The body of an outgoing request: shared chunks that are never copied, and that say when all of them are written.

use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::attempt::Progress;
use crate::failure::Phase;

/// A body made of chunks. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RequestBody {
    parts: Arc<[Bytes]>,
    len: usize,
    taken: bool,
    progress: Option<Progress>,
}

impl RequestBody {
    /// The concatenation of `parts`.
    pub fn new(parts: impl Into<Arc<[Bytes]>>) -> RequestBody {
        let parts = parts.into();
        let len = parts.iter().map(Bytes::len).sum();
        RequestBody { parts, len, taken: false, progress: None }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Tells `progress` when the last byte is written.
    pub(super) fn track(&mut self, progress: &Progress) {
        progress.carries(self.len as u64);
        self.progress = Some(progress.clone());
        if self.is_empty() {
            written(progress);
        }
    }
}

impl Body for RequestBody {
    type Data = Chunks;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Chunks>, Infallible>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        self.taken = true;
        let chunks = Chunks {
            parts: Arc::clone(&self.parts),
            at: 0,
            offset: 0,
            remaining: self.len,
            progress: self.progress.take(),
        };
        Poll::Ready(Some(Ok(Frame::data(chunks))))
    }

    fn is_end_stream(&self) -> bool {
        self.taken || self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.taken { 0 } else { self.len as u64 })
    }
}

/// The bytes of a body as one buffer that is written piece by piece.
#[derive(Debug)]
pub struct Chunks {
    parts: Arc<[Bytes]>,
    at: usize,
    offset: usize,
    remaining: usize,
    progress: Option<Progress>,
}

impl Chunks {
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let first = self.parts.get(self.at).map(|part| part.get(self.offset..).unwrap_or_default());
        let rest = self.parts.iter().skip(self.at + 1).map(|part| &part[..]);
        first.into_iter().chain(rest).filter(|slice| !slice.is_empty())
    }
}

impl Buf for Chunks {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.slices().next().unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slots: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slot, slice) in slots.iter_mut().zip(self.slices()) {
            *slot = IoSlice::new(slice);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, count: usize) {
        let mut left = count.min(self.remaining);
        self.remaining -= left;
        while let Some(part) = self.parts.get(self.at) {
            let here = part.len() - self.offset;
            if left < here {
                self.offset += left;
                break;
            }
            left -= here;
            self.at += 1;
            self.offset = 0;
        }
        if self.remaining == 0
            && let Some(progress) = self.progress.take()
        {
            written(&progress);
        }
    }
}

fn written(progress: &Progress) {
    progress.request_written();
    progress.enter(Phase::Response);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chunks_are_the_concatenation_however_they_are_read(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
            steps in prop::collection::vec(1..30usize, 1..20),
        ) {
            let whole = parts.concat();
            let parts: Vec<Bytes> = parts.into_iter().map(Bytes::from).collect();
            let mut body = RequestBody::new(parts);
            let progress = Progress::new();
            body.track(&progress);
            let mut read = Vec::new();
            if let Poll::Ready(Some(Ok(frame))) =
                Pin::new(&mut body).poll_frame(&mut Context::from_waker(std::task::Waker::noop()))
            {
                let mut chunks = frame.into_data().unwrap();
                let mut steps = steps.into_iter().cycle();
                while chunks.has_remaining() {
                    prop_assert!(!progress.record().request_written);
                    let slice = chunks.chunk();
                    let count = slice.len().min(steps.next().unwrap());
                    read.extend_from_slice(&slice[..count]);
                    chunks.advance(count);
                }
            }
            prop_assert_eq!(read, whole);
            prop_assert!(progress.record().request_written);
            prop_assert!(body.is_end_stream());
        }
    }
}
