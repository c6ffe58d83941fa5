//! How records lie in a file: a header that names the kind of the file, then frames that tell damage from data.
//!
//! ```text
//! file   = magic (8 bytes) version (u32) frame*
//! frame  = length (u32) checksum (u32) body (length bytes)
//! ```
//!
//! Numbers are little-endian. The checksum is the CRC32C of the length's four bytes and the body, so that a damaged length
//! is told from a damaged body only by luck, but neither is taken for data.

/// Bytes of a frame around its body.
pub const OVERHEAD: usize = 8;

/// Bytes of a file's header.
pub const HEADER: usize = 12;

/// What a file holds, as its first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The first eight bytes.
    pub magic: [u8; 8],
    /// The version of the format behind them.
    pub version: u32,
}

/// What is read at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// A whole frame: its body, and what comes behind it.
    Frame(&'a [u8], &'a [u8]),
    /// The bytes end within a frame: it was not written to its end, or its length is damaged.
    Cut,
    /// The length is beyond what the reader allows, or the checksum does not fit.
    Damaged,
    /// There is nothing more.
    End,
}

impl Kind {
    /// The header of a file of this kind.
    pub fn header(self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&self.magic);
        header[8..].copy_from_slice(&self.version.to_le_bytes());
        header
    }

    /// The version of a file that begins with `bytes`; nothing if it is of another kind.
    pub fn version_of(self, bytes: &[u8]) -> Option<u32> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (version, _) = rest.split_first_chunk::<4>()?;
        (*magic == self.magic).then(|| u32::from_le_bytes(*version))
    }
}

/// What stands before a body that is made of `parts`; nothing if they are longer than a frame can say (4 GiB).
pub fn head<'a>(parts: impl IntoIterator<Item = &'a [u8]> + Clone) -> Option<[u8; OVERHEAD]> {
    let length = parts.clone().into_iter().map(<[u8]>::len).sum::<usize>();
    let length = u32::try_from(length).ok()?.to_le_bytes();
    let checksum = parts.into_iter().fold(crc32c::crc32c(&length), crc32c::crc32c_append);
    let mut head = [0; OVERHEAD];
    head[..4].copy_from_slice(&length);
    head[4..].copy_from_slice(&checksum.to_le_bytes());
    Some(head)
}

/// Reads the frame with which `bytes` begin, if its body has at most `limit` bytes.
pub fn read(bytes: &[u8], limit: usize) -> Read<'_> {
    if bytes.is_empty() {
        return Read::End;
    }
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Read::Cut };
    let Some((checksum, rest)) = rest.split_first_chunk::<4>() else { return Read::Cut };
    let size = u32::from_le_bytes(*length) as usize;
    if limit < size {
        return Read::Damaged;
    }
    let Some((body, rest)) = rest.split_at_checked(size) else { return Read::Cut };
    match crc32c::crc32c_append(crc32c::crc32c(length), body) == u32::from_le_bytes(*checksum) {
        true => Read::Frame(body, rest),
        false => Read::Damaged,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    fn frame(body: &[u8]) -> Vec<u8> {
        let mut bytes = head([body]).unwrap().to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn a_file_says_its_kind_and_version() {
        let kind = Kind { magic: *b"otlprec\n", version: 3 };
        assert_eq!(kind.version_of(&kind.header()), Some(3));
        assert_eq!(kind.version_of(&kind.header()[..HEADER - 1]), None);
        assert_eq!(Kind { magic: *b"otlpjnl\n", version: 3 }.version_of(&kind.header()), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let bytes: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
            let (mut rest, mut found) = (&bytes[..], Vec::new());
            while let Read::Frame(body, next) = read(rest, LIMIT) {
                found.push(body.to_vec());
                rest = next;
            }
            prop_assert_eq!(read(rest, LIMIT), Read::End);
            prop_assert_eq!(found, bodies);
        }

        #[test]
        fn a_body_in_parts_has_the_head_of_the_whole(body in prop::collection::vec(any::<u8>(), 0..300), cut in 0_usize..300) {
            let (one, other) = body.split_at(cut.min(body.len()));
            prop_assert_eq!(head([one, other]), head([&body[..]]));
        }

        #[test]
        fn no_flipped_bit_is_taken_for_data(body in prop::collection::vec(any::<u8>(), 0..300), bit in any::<prop::sample::Index>()) {
            let mut bytes = frame(&body);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!matches!(read(&bytes, LIMIT), Read::Frame(..)));
        }
    }
}
