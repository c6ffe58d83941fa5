//! How much memory a payload takes while it waits: more than its bytes, and far more where it is small.

use super::Payload;
use super::body::Body;
use crate::units::ByteCount;

impl Payload {
    /// What it takes of memory in a queue: its bytes in the steps in which memory is handed out, and everything that is
    /// kept beside them.
    pub fn footprint(&self) -> ByteCount {
        let body = match &self.body {
            Body::Whole(bytes) => step(bytes.len() as u64),
            Body::Pieces(pieces) => pieces.footprint(),
        };
        let encoded = self.encoded.as_ref().map_or(0, |encoded| step(encoded.body.len() as u64) + BESIDE_ENCODED);
        let metadata = self.metadata.as_ref().map_or(0, |metadata| metadata.size().0 / 4 * 5 + BESIDE_METADATA);
        ByteCount(body + encoded + metadata) + Payload::BESIDE
    }

    /// What a request costs in a queue beside its bytes: itself, its place in the queue, and who accounts for it.
    pub const BESIDE: ByteCount = ByteCount(256);
}

/// The memory that an allocation of `len` bytes takes, as jemalloc hands it out: small ones in four steps to each power of
/// two, large ones in pages, of which they begin and end anywhere.
pub(super) fn step(len: u64) -> u64 {
    if LARGE < len {
        return len + PAGE;
    }
    // With 1221 bytes: between 1024 and 2048, in steps of 256.
    let above = len.next_power_of_two();
    len.next_multiple_of((above / 8).max(SMALLEST))
}

const PAGE: u64 = 4096;

/// From here on memory is handed out in pages.
const LARGE: u64 = 14 << 10;

const SMALLEST: u64 = 16;

/// What leads to a compressed body.
const BESIDE_ENCODED: u64 = 96;

/// What leads to metadata, whose many small texts take a quarter more than they have bytes, and accounts for it.
const BESIDE_METADATA: u64 = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;

    use super::*;
    use crate::payload::{Encoded, Encoding};
    use crate::signal::Signal;

    #[test]
    fn memory_is_handed_out_in_steps() {
        let steps = [(0, 0), (1, 16), (64, 64), (65, 80), (138, 160), (606, 640), (1221, 1280), (6770, 7168)];
        for (len, taken) in steps {
            assert_eq!(step(len), taken, "{len}");
        }
        assert_eq!(step(20_000), 20_000 + PAGE);
    }

    #[test]
    fn a_payload_takes_more_than_it_holds() {
        // An unknown field of 500 bytes.
        let body: Vec<u8> = [0xa2, 0x06, 0xf4, 0x03].into_iter().chain([0; 500]).collect();
        let payload = Payload::parse(Signal::Logs, Bytes::from(body)).unwrap();
        assert_eq!(payload.footprint(), ByteCount(512) + Payload::BESIDE);
        let encoded = payload.with_encoded(Encoded { encoding: Encoding::Gzip, body: Bytes::from(vec![0; 200]) });
        assert_eq!(encoded.footprint(), ByteCount(512 + 224 + BESIDE_ENCODED) + Payload::BESIDE);
        assert_eq!(encoded.without_encoded().footprint(), ByteCount(512) + Payload::BESIDE);
    }
}
