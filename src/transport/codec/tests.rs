//! Whether every codec gives back what it was given, and withstands what it was not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::protocol::Protocol;

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

/// What some clients send as `deflate`.
fn deflate_without_wrapping(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

/// A frame with linked blocks, all checksums, and without its size.
fn lz4_with_everything(plain: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    use std::io::Write;
    let info = FrameInfo::new().block_mode(BlockMode::Linked).block_size(BlockSize::Max64KB);
    let info = info.block_checksums(true).content_checksum(true);
    let mut writer = FrameEncoder::with_frame_info(info, Vec::new());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

proptest! {
    #[test]
    fn what_was_compressed_comes_back(
        chunks in prop::collection::vec(prop::collection::vec(prop::sample::select(b"abc\0\xff".to_vec()), 0..3000), 0..5)
    ) {
        for encoding in Encoding::ALL {
            check_round_trip(encoding, &chunks);
        }
    }

    #[test]
    fn any_bytes_are_answered_within_the_limit(noise in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..400) {
        let _ = decompress(Encoding::Lz4, &[&LZ4_HEAD[..], &noise].concat(), ByteCount(1000));
        let _ = decompress(Encoding::SnappyFramed, &[SNAPPY_IDENTIFIER, &noise].concat(), ByteCount(1000));
        for encoding in Encoding::ALL {
            let _ = decompress(encoding, &noise, ByteCount(1000));
            let mut body = compress(encoding, &[Bytes::from(noise.clone()), Bytes::from(noise.repeat(9))]).unwrap().to_vec();
            let middle = cut % body.len().max(1);
            body.get_mut(middle).into_iter().for_each(|byte| *byte ^= 0x55);
            let _ = decompress(encoding, &body, ByteCount(1000));
            body.truncate(middle);
            let _ = decompress(encoding, &body, ByteCount(1000));
        }
    }
}

#[test]
fn a_large_body_of_one_chunk_comes_back() {
    let plain: Vec<u8> = (0..3_000_000_u32).flat_map(|n| (n / 7).wrapping_mul(0x9E37_79B9).to_le_bytes()).collect();
    for encoding in Encoding::ALL {
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
    for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::SnappyFramed, Encoding::Lz4] {
        let body: Vec<u8> =
            parts.iter().flat_map(|part| compress(encoding, std::slice::from_ref(part)).unwrap()).collect();
        assert_eq!(decompress(encoding, &body, ROOMY).unwrap(), parts.concat(), "{encoding:?}");
    }
}

#[test]
fn damaged_and_foreign_bodies_are_corrupt() {
    for encoding in Encoding::ALL {
        let body = compress(encoding, &[Bytes::from(b"0123456789".repeat(50))]).unwrap();
        check_corrupt(encoding, b"not compressed at all, by no means");
        for length in 1..body.len() {
            // Snappy's streams have no mark of their end: one that ends behind its identifier is an empty one.
            if encoding != Encoding::SnappyFramed || length != SNAPPY_IDENTIFIER.len() {
                check_corrupt(encoding, &body[..length]);
            }
        }
        check_corrupt(encoding, &[&body[..], b"garbage"].concat());
    }
}

#[test]
fn nothing_is_an_empty_body_of_those_that_are_streams_of_frames_as_in_go() {
    for encoding in [Encoding::Zstd, Encoding::SnappyFramed, Encoding::Lz4] {
        assert!(decompress(encoding, b"", ROOMY).unwrap().is_empty(), "{encoding:?}");
    }
    for encoding in [Encoding::Gzip, Encoding::Zlib, Encoding::Deflate, Encoding::Snappy] {
        check_corrupt(encoding, b"");
    }
}

#[test]
fn a_bomb_is_refused_at_the_limit() {
    let zeros = vec![0; 50 << 20];
    let bombs = Encoding::ALL.map(|encoding| (encoding, compress(encoding, &[Bytes::from(zeros.clone())]).unwrap()));
    let undeclared = [
        (Encoding::Zstd, Bytes::from(zstd_of_unknown_size(&zeros))),
        (Encoding::Deflate, Bytes::from(deflate_without_wrapping(&zeros))),
        (Encoding::Lz4, Bytes::from(lz4_with_everything(&zeros))),
    ];
    for bomb in bombs.into_iter().chain(undeclared) {
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
    for encoding in Encoding::ALL {
        let body = compress(encoding, &[Bytes::from(vec![7; 1 << 20])]).unwrap();
        let refused = decompress_within(encoding, &body, ROOMY, &mut |_| false);
        assert!(matches!(refused, Err(DecodeError::NoRoom)), "{refused:?}");
    }
}

#[test]
fn a_frame_of_lz4_with_linked_blocks_and_checksums_comes_back() {
    let plain: Vec<u8> = (0..40_000_u32).flat_map(|n| (n / 3 * n % 10_007).to_le_bytes()).collect();
    for size in [0, 1, 65_536, 65_537, plain.len()] {
        let body = lz4_with_everything(&plain[..size]);
        assert_eq!(decompress(Encoding::Lz4, &body, ROOMY).unwrap(), plain[..size], "{size}");
        for damaged in [4, body.len() / 2, body.len() - 1] {
            let mut body = body.clone();
            body[damaged] ^= 0x10;
            check_corrupt(Encoding::Lz4, &body);
        }
    }
}

#[test]
fn a_frame_of_lz4_that_is_not_data_is_skipped() {
    let frame = compress(Encoding::Lz4, &[Bytes::from_static(b"data")]).unwrap();
    let body = [b"\x53\x2a\x4d\x18\x03\0\0\0abc", &frame[..]].concat();
    assert_eq!(decompress(Encoding::Lz4, &body, ROOMY).unwrap(), "data");
}

#[test]
fn deflate_is_taken_with_and_without_a_wrapping() {
    let plain = b"span ".repeat(100);
    let bare = deflate_without_wrapping(&plain);
    let wrapped = compress(Encoding::Deflate, &[Bytes::from(plain.clone())]).unwrap();
    for name in [Encoding::Deflate, Encoding::Zlib] {
        for body in [&bare, &wrapped[..]] {
            assert_eq!(decompress(name, body, ROOMY).unwrap(), plain, "{name:?}");
        }
        assert_eq!(recognize(name, &wrapped), Some(name), "it can be passed on");
        assert_eq!(recognize(name, &bare), None, "nobody is sent what the name does not stand for");
    }
}

#[test]
fn snappy_is_taken_as_a_block_and_as_frames() {
    let plain = Bytes::from(b"span ".repeat(100));
    let framed = compress(Encoding::SnappyFramed, std::slice::from_ref(&plain)).unwrap();
    assert_eq!(decompress(Encoding::Snappy, &framed, ROOMY).unwrap(), plain);
    assert_eq!(recognize(Encoding::Snappy, &framed), Some(Encoding::SnappyFramed));
    let block = compress(Encoding::Snappy, &[plain]).unwrap();
    assert_eq!(recognize(Encoding::Snappy, &block), Some(Encoding::Snappy));
    check_corrupt(Encoding::SnappyFramed, &block);
}

#[test]
fn a_block_of_snappy_that_claims_too_much_takes_no_memory() {
    let mut asked = false;
    let mut grant = |_| {
        asked = true;
        true
    };
    let refused = decompress_within(Encoding::Snappy, b"\xff\xff\xff\x7f\0a", ByteCount::mib(1024), &mut grant);
    assert!(matches!(refused, Err(DecodeError::Corrupt(..))), "{refused:?}");
    assert!(!asked);
}

#[test]
fn every_level_compresses_and_higher_ones_do_not_do_worse() {
    let words = ["service", "name", "span", "id", "http", "get", "status", "200", "duration", "host"];
    let word = |n: u32| words[(n.wrapping_mul(0x9e37_79b9) >> 24) as usize % words.len()];
    let plain = Bytes::from((0..20_000).map(word).collect::<String>());
    for encoding in [Encoding::Gzip, Encoding::Zlib, Encoding::Zstd] {
        let packed = |level| compress_at(encoding, Some(Level(level)), std::slice::from_ref(&plain)).unwrap();
        for level in [-1_000, -2, -1, 1, 2, 3, 6, 9, 11, 22, i32::MAX] {
            assert_eq!(decompress(encoding, &packed(level), ROOMY).unwrap(), plain, "{encoding:?} {level}");
        }
        assert!(packed(9).len() < packed(1).len(), "{encoding:?}");
    }
}

#[test]
fn grpc_and_http_call_snappy_by_the_same_name_and_mean_different_things() {
    assert_eq!(from_name(Protocol::Grpc, "snappy"), Some(Encoding::SnappyFramed));
    assert_eq!(from_name(Protocol::Http, "snappy"), Some(Encoding::Snappy));
    assert_eq!(from_name(Protocol::Grpc, "lz4"), None);
    for encoding in Encoding::ALL {
        assert_eq!(from_name(Protocol::Http, name(encoding)), Some(encoding));
    }
}

const SNAPPY_IDENTIFIER: &[u8] = b"\xff\x06\0\0sNaPpY";

/// Of a frame with independent blocks of 64 KiB at most, without its size or checksums.
const LZ4_HEAD: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
