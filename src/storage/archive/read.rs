//! What is in a file of records, with the damaged parts told from the rest.

use crate::storage::frame::{self, Kind, Read};

/// The kind of the files.
pub const KIND: Kind = Kind { magic: *b"otlprec\n", version: 1 };

/// The bytes of a record at most: more than any request that a receiver takes, with what is known of it.
pub(super) const MAX_RECORD: usize = 512 << 20;

/// What is found in a file, in its order. A damaged record costs nothing but itself.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Something in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A record, and where its frame begins in the file.
    Record {
        /// In bytes from the beginning of the file.
        offset: u64,
        /// The encoded record.
        bytes: &'a [u8],
    },
    /// So many bytes that are no record: damaged, or not written to their end.
    Damaged {
        /// In bytes from the beginning of the file.
        offset: u64,
        /// How many.
        bytes: u64,
    },
}

impl<'a> Records<'a> {
    /// What is in the file whose content is `bytes`; nothing if it is of another kind, or of a version that is not known.
    pub fn of(bytes: &'a [u8]) -> Option<Records<'a>> {
        let version = KIND.version_of(bytes)?;
        (version == KIND.version).then_some(Records { bytes, at: frame::HEADER })
    }

    /// Where the next frame begins whose checksum fits, or the end.
    fn resume(&self, from: usize) -> usize {
        let is_record = |at: &usize| {
            let rest = &self.bytes[*at..];
            let looks_so = rest.get(frame::OVERHEAD) == Some(&FIRST_TAG);
            looks_so && matches!(frame::read(rest, MAX_RECORD), Read::Frame(..))
        };
        (from..self.bytes.len()).find(is_record).unwrap_or(self.bytes.len())
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let at = self.at;
        let offset = at as u64;
        match frame::read(self.bytes.get(at..)?, MAX_RECORD) {
            Read::End => None,
            Read::Frame(body, _) => {
                self.at = at + frame::OVERHEAD + body.len();
                Some(Found::Record { offset, bytes: body })
            }
            Read::Cut | Read::Damaged => {
                self.at = self.resume(at + 1);
                Some(Found::Damaged { offset, bytes: (self.at - at) as u64 })
            }
        }
    }
}

/// The tag of the time, with which each record begins: a cheap look before a checksum is worked out.
const FIRST_TAG: u8 = 1 << 3 | 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::interface::record::Record;

    fn file(records: &[Record]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = KIND.header().to_vec();
        let mut starts = Vec::new();
        for record in records {
            starts.push(bytes.len());
            let body = record.encode_to_vec();
            bytes.extend_from_slice(&frame::head([&body[..]]).unwrap());
            bytes.extend_from_slice(&body);
        }
        (bytes, starts)
    }

    fn records(count: u64) -> Vec<Record> {
        let record = |number| Record { time_unix_nano: number + 1, items: number, ..Record::default() };
        (0..count).map(record).collect()
    }

    fn intact(bytes: &[u8]) -> Vec<Record> {
        let found = Records::of(bytes).unwrap();
        let record = |found| match found {
            Found::Record { bytes, .. } => Record::decode(bytes).ok(),
            Found::Damaged { .. } => None,
        };
        found.filter_map(record).collect()
    }

    #[test]
    fn a_file_of_another_kind_or_version_is_not_read() {
        assert!(Records::of(b"").is_none());
        assert!(Records::of(b"{\"resourceSpans\":[]}").is_none());
        assert!(Records::of(&Kind { version: 2, ..KIND }.header()).is_none());
    }

    proptest! {
        #[test]
        fn a_damaged_record_costs_nothing_but_itself(count in 1..8u64, index in any::<prop::sample::Index>(), bit in 0..8u32) {
            let records = records(count);
            let (mut bytes, starts) = file(&records);
            let at = frame::HEADER + index.index(bytes.len() - frame::HEADER);
            bytes[at] ^= 1 << bit;
            let hit = starts.iter().rposition(|start| *start <= at).unwrap();
            let mut expected = records;
            expected.remove(hit);
            prop_assert_eq!(intact(&bytes), expected);
        }

        #[test]
        fn a_file_that_was_cut_has_the_records_before_the_cut(count in 1..8u64, index in any::<prop::sample::Index>()) {
            let records = records(count);
            let (bytes, starts) = file(&records);
            let cut = frame::HEADER + index.index(bytes.len() - frame::HEADER);
            let whole = starts.iter().skip(1).filter(|start| **start <= cut).count();
            prop_assert_eq!(intact(&bytes[..cut]), &records[..whole]);
        }

        #[test]
        fn no_bytes_do_harm(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes: Vec<u8> = KIND.header().into_iter().chain(noise).collect();
            let covered: u64 = Records::of(&bytes).unwrap().map(|found| match found {
                Found::Record { bytes, .. } => (frame::OVERHEAD + bytes.len()) as u64,
                Found::Damaged { bytes, .. } => bytes,
            }).sum();
            prop_assert_eq!(covered, (bytes.len() - frame::HEADER) as u64);
        }
    }
}
