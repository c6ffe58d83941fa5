//! How bodies are compressed and, within hard limits, decompressed.

mod gzip;
mod output;
mod zstd;

use std::io;

use bytes::Bytes;

use crate::failure::BoxError;
use crate::payload::Encoding;
use crate::units::ByteCount;

use output::Output;

/// Why a body could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There is more in it than the limit allows.
    #[error("larger than {0} after decompression")]
    TooLarge(ByteCount),
    /// It is damaged, ends early, or is something else.
    #[error("invalid {}", name(*.0))]
    Corrupt(Encoding, #[source] BoxError),
    /// Whoever grants the memory has no more.
    #[error("no memory is left to decompress it into")]
    NoRoom,
}

/// Compresses `chunks` as one body.
///
/// # Errors
/// When the compressor cannot get memory for its state.
pub fn compress(encoding: Encoding, chunks: &[Bytes]) -> io::Result<Bytes> {
    match encoding {
        Encoding::Gzip => gzip::compress(chunks),
        Encoding::Zstd => zstd::compress(chunks),
    }
}

/// Decompresses `body`, all of its gzip members or zstd frames, into at most `limit` bytes. No more is allocated for
/// the answer than `limit`, whatever the body claims or holds.
pub fn decompress(encoding: Encoding, body: &[u8], limit: ByteCount) -> Result<Bytes, DecodeError> {
    decompress_within(encoding, body, limit, &mut |_| true)
}

/// Decompresses like [`decompress`], and asks `grant` before each allocation whether so many bytes more may be held.
pub fn decompress_within(
    encoding: Encoding,
    body: &[u8],
    limit: ByteCount,
    grant: &mut dyn FnMut(ByteCount) -> bool,
) -> Result<Bytes, DecodeError> {
    let mut output = Output::new(limit, grant);
    match encoding {
        Encoding::Gzip => gzip::decompress(body, &mut output)?,
        Encoding::Zstd => zstd::decompress(body, &mut output)?,
    }
    Ok(output.finish())
}

/// The name of `encoding` in `Content-Encoding` and `grpc-encoding`.
pub const fn name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Gzip => "gzip",
        Encoding::Zstd => "zstd",
    }
}

/// The encoding that is called `name`: exactly so, in lower case.
pub fn from_name(name: &str) -> Option<Encoding> {
    ENCODINGS.into_iter().find(|encoding| self::name(*encoding) == name)
}

const ENCODINGS: [Encoding; 2] = [Encoding::Gzip, Encoding::Zstd];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    const ROOMY: ByteCount = ByteCount::mib(64);

    fn check_round_trip(encoding: Encoding, chunks: &[Vec<u8>]) {
        let chunks: Vec<Bytes> = chunks.iter().cloned().map(Bytes::from).collect();
        let plain = chunks.concat();
        let compressed = compress(encoding, &chunks).unwrap();
        let mut granted = 0;
        let mut grant = |more: ByteCount| {
            granted += more.0;
            true
        };
        let limit = ByteCount::of(plain.len());
        assert_eq!(decompress_within(encoding, &compressed, limit, &mut grant).unwrap(), plain, "{encoding:?}");
        assert!(granted <= limit.0, "{encoding:?} asked for {granted} bytes with a limit of {limit:?}");
        if 0 < limit.0 {
            let refused = decompress(encoding, &compressed, limit - ByteCount(1));
            assert!(matches!(refused, Err(DecodeError::TooLarge(_))), "{encoding:?} {refused:?}");
        }
    }

    fn check_corrupt(encoding: Encoding, body: &[u8]) {
        let refused = decompress(encoding, body, ROOMY);
        assert!(matches!(refused, Err(DecodeError::Corrupt(..))), "{encoding:?} {body:02x?} {refused:?}");
    }

    /// A body that the streaming writers of other languages produce: without its size in the header.
    fn zstd_of_unknown_size(plain: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut writer = ::zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        writer.include_contentsize(false).unwrap();
        writer.include_checksum(true).unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(
            chunks in prop::collection::vec(prop::collection::vec(prop::sample::select(b"abc\0\xff".to_vec()), 0..3000), 0..5)
        ) {
            for encoding in ENCODINGS {
                check_round_trip(encoding, &chunks);
            }
        }

        #[test]
        fn any_bytes_are_answered_within_the_limit(noise in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..400) {
            for encoding in ENCODINGS {
                let _ = decompress(encoding, &noise, ByteCount(1000));
                let mut body = compress(encoding, &[Bytes::from(noise.clone()), Bytes::from(noise.repeat(9))]).unwrap().to_vec();
                let middle = cut % body.len();
                body[middle] ^= 0x55;
                let _ = decompress(encoding, &body, ByteCount(1000));
                body.truncate(middle);
                let _ = decompress(encoding, &body, ByteCount(1000));
            }
        }
    }

    #[test]
    fn a_large_body_of_one_chunk_comes_back() {
        let plain: Vec<u8> = (0..3_000_000_u32).flat_map(|n| (n / 7).wrapping_mul(0x9E37_79B9).to_le_bytes()).collect();
        for encoding in ENCODINGS {
            check_round_trip(encoding, std::slice::from_ref(&plain));
        }
    }

    #[test]
    fn a_body_without_a_declared_size_comes_back() {
        let plain = b"span ".repeat(100_000);
        let body = zstd_of_unknown_size(&plain);
        let limit = ByteCount::of(plain.len());
        assert_eq!(decompress(Encoding::Zstd, &body, limit).unwrap(), plain);
        let refused = decompress(Encoding::Zstd, &body, limit - ByteCount(1));
        assert!(matches!(refused, Err(DecodeError::TooLarge(_))), "{refused:?}");
        check_corrupt(Encoding::Zstd, &body[..body.len() - 1]);
    }

    #[test]
    fn several_members_are_one_body() {
        let parts = [Bytes::from_static(b"first "), Bytes::from_static(b""), Bytes::from_static(b"second")];
        for encoding in ENCODINGS {
            let body: Vec<u8> =
                parts.iter().flat_map(|part| compress(encoding, std::slice::from_ref(part)).unwrap()).collect();
            assert_eq!(decompress(encoding, &body, ROOMY).unwrap(), parts.concat(), "{encoding:?}");
        }
    }

    #[test]
    fn damaged_and_foreign_bodies_are_corrupt() {
        for encoding in ENCODINGS {
            let body = compress(encoding, &[Bytes::from(b"0123456789".repeat(50))]).unwrap();
            check_corrupt(encoding, b"not compressed at all, by no means");
            for length in 1..body.len() {
                check_corrupt(encoding, &body[..length]);
            }
            check_corrupt(encoding, &[&body[..], b"garbage"].concat());
        }
    }

    #[test]
    fn nothing_is_an_empty_zstd_body_and_no_gzip_body_as_in_go() {
        assert!(decompress(Encoding::Zstd, b"", ROOMY).unwrap().is_empty());
        check_corrupt(Encoding::Gzip, b"");
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let zeros = vec![0; 50 << 20];
        for bomb in [
            (Encoding::Gzip, compress(Encoding::Gzip, &[Bytes::from(zeros.clone())]).unwrap()),
            (Encoding::Zstd, compress(Encoding::Zstd, &[Bytes::from(zeros.clone())]).unwrap()),
            (Encoding::Zstd, Bytes::from(zstd_of_unknown_size(&zeros))),
        ] {
            let mut granted = 0;
            let mut grant = |more: ByteCount| {
                granted += more.0;
                true
            };
            let refused = decompress_within(bomb.0, &bomb.1, ByteCount::mib(4), &mut grant);
            assert!(matches!(refused, Err(DecodeError::TooLarge(_))), "{refused:?}");
            assert!(granted <= 4 << 20, "{granted}");
        }
    }

    #[test]
    fn memory_that_is_not_granted_is_not_used() {
        for encoding in ENCODINGS {
            let body = compress(encoding, &[Bytes::from(vec![7; 1 << 20])]).unwrap();
            let refused = decompress_within(encoding, &body, ROOMY, &mut |_| false);
            assert!(matches!(refused, Err(DecodeError::NoRoom)), "{refused:?}");
        }
    }
}
