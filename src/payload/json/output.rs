//! Where the wire format is written that JSON becomes: memory that is granted, and lengths that are known afterwards.

use bytes::Bytes;

use super::fault::Fault;
use crate::payload::wire::{Wire, put_varint, varint_len};
use crate::units::ByteCount;

/// A request that is being written.
pub(super) struct Output<'g> {
    bytes: Vec<u8>,
    grant: &'g mut dyn FnMut(ByteCount) -> bool,
    granted: usize,
}

/// Where a field with a length begins whose content is being written.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    at: usize,
    content: usize,
}

impl<'g> Output<'g> {
    /// Nothing yet, in memory that `grant` grants.
    pub(super) fn new(grant: &'g mut dyn FnMut(ByteCount) -> bool) -> Output<'g> {
        Output { bytes: Vec::new(), grant, granted: 0 }
    }

    /// What was written, in an allocation of its size.
    pub(super) fn finish(self) -> Bytes {
        self.bytes.into_boxed_slice().into()
    }

    pub(super) fn key(&mut self, number: u32, wire: Wire) -> Result<(), Fault> {
        self.varint(u64::from(number << 3 | wire.bits()))
    }

    pub(super) fn varint(&mut self, value: u64) -> Result<(), Fault> {
        self.make_room(varint_len(value))?;
        put_varint(&mut self.bytes, value);
        Ok(())
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.make_room(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// A field with a length.
    pub(super) fn sized(&mut self, number: u32, content: &[u8]) -> Result<(), Fault> {
        self.key(number, Wire::Sized)?;
        self.varint(content.len() as u64)?;
        self.put(content)
    }

    /// Begins a field with a length.
    pub(super) fn begin(&mut self, number: u32) -> Result<Begun, Fault> {
        let at = self.bytes.len();
        self.key(number, Wire::Sized)?;
        self.put(&[0])?;
        Ok(Begun { at, content: self.bytes.len() })
    }

    /// Ends a field with a length: what is behind a length of several bytes moves, once per level.
    pub(super) fn end(&mut self, begun: Begun) -> Result<(), Fault> {
        let length = self.bytes.len() - begun.content;
        self.make_room(varint_len(length as u64) - 1)?;
        let mut prefix = Vec::with_capacity(varint_len(length as u64));
        put_varint(&mut prefix, length as u64);
        self.bytes.splice(begun.content - 1..begun.content, prefix);
        Ok(())
    }

    /// Ends a list of numbers; nothing is left of an empty one.
    pub(super) fn end_packed(&mut self, begun: Begun) -> Result<(), Fault> {
        if self.bytes.len() == begun.content {
            self.cancel(begun);
            return Ok(());
        }
        self.end(begun)
    }

    /// Takes back a field that was begun.
    pub(super) fn cancel(&mut self, begun: Begun) {
        self.bytes.truncate(begun.at);
    }

    fn make_room(&mut self, more: usize) -> Result<(), Fault> {
        let needed = self.bytes.len() + more;
        if needed <= self.bytes.capacity() {
            return Ok(());
        }
        let roomy = needed.max(2 * self.bytes.capacity()).max(SMALLEST);
        if !(self.grant)(ByteCount::of(roomy - self.granted)) {
            return Err(Fault::NoRoom);
        }
        self.granted = roomy;
        self.bytes.try_reserve_exact(roomy - self.bytes.len()).map_err(|_| Fault::NoRoom)
    }
}

const SMALLEST: usize = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lengths_of_several_bytes_move_what_is_behind_them() {
        let mut grant = |_| true;
        let mut out = Output::new(&mut grant);
        let outer = out.begin(1).unwrap();
        let inner = out.begin(2).unwrap();
        out.put(&[7; 200]).unwrap();
        out.end(inner).unwrap();
        out.end(outer).unwrap();
        let mut expected = vec![0x0a, 0xcb, 0x01, 0x12, 0xc8, 0x01];
        expected.extend([7; 200]);
        assert_eq!(out.finish(), expected);
    }

    #[test]
    fn memory_that_is_not_granted_is_not_used() {
        let mut left = 1000;
        let mut grant = |more: ByteCount| {
            let granted = more.0 <= left;
            left -= if granted { more.0 } else { 0 };
            granted
        };
        let mut out = Output::new(&mut grant);
        while out.put(&[1; 100]).is_ok() {}
        assert!(out.bytes.capacity() <= 1000);
        assert_eq!(out.put(&[1; 1000]), Err(Fault::NoRoom));
    }
}
