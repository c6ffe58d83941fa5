//! Where decompressed bytes go: a buffer that never grows beyond its limit, nor beyond the memory that it is granted.

use bytes::Bytes;

use crate::units::ByteCount;

use super::DecodeError;

/// A buffer with a hard limit.
pub(super) struct Output<'a> {
    bytes: Vec<u8>,
    limit: usize,
    grant: &'a mut dyn FnMut(ByteCount) -> bool,
}

impl<'a> Output<'a> {
    /// An empty buffer that holds no memory yet.
    pub(super) fn new(limit: ByteCount, grant: &'a mut dyn FnMut(ByteCount) -> bool) -> Output<'a> {
        Output { bytes: Vec::new(), limit: limit.as_len(), grant }
    }

    /// The bytes so far. Whoever appends to them must stay within their capacity.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether the next byte needs [`Output::grow`].
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() == self.bytes.capacity()
    }

    /// Makes room for a whole of `size` bytes, as far as the limit goes: a claim of the body, which need not be true.
    pub(super) fn expect(&mut self, size: usize) -> Result<(), DecodeError> {
        self.resize(size.min(self.limit))
    }

    /// Makes room for more.
    pub(super) fn grow(&mut self) -> Result<(), DecodeError> {
        if self.limit <= self.bytes.len() {
            return Err(DecodeError::TooLarge(ByteCount::of(self.limit)));
        }
        self.resize(self.bytes.capacity().saturating_mul(2).max(SMALLEST).min(self.limit))
    }

    /// `size` zeros more, and what there is before them.
    pub(super) fn append(&mut self, size: usize) -> Result<(&[u8], &mut [u8]), DecodeError> {
        let before = self.bytes.len();
        let after = before.saturating_add(size);
        if self.limit < after {
            return Err(DecodeError::TooLarge(ByteCount::of(self.limit)));
        }
        if self.bytes.capacity() < after {
            self.resize(self.bytes.capacity().saturating_mul(2).min(self.limit).max(after))?;
        }
        self.bytes.resize(after, 0);
        let (before, fresh) = self.bytes.split_at_mut(before);
        Ok((before, fresh))
    }

    /// The bytes, in an allocation of their own size.
    pub(super) fn finish(mut self) -> Bytes {
        self.bytes.shrink_to_fit();
        Bytes::from(self.bytes)
    }

    fn resize(&mut self, capacity: usize) -> Result<(), DecodeError> {
        let more = capacity.saturating_sub(self.bytes.capacity());
        if more == 0 {
            return Ok(());
        }
        if !(self.grant)(ByteCount::of(more)) {
            return Err(DecodeError::NoRoom);
        }
        self.bytes.try_reserve_exact(capacity - self.bytes.len()).map_err(|_| DecodeError::NoRoom)
    }
}

const SMALLEST: usize = 1024;
