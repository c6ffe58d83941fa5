//! What encodings are called on the wire: gRPC and HTTP mean different things by `snappy`.

use crate::config::Compression;
use crate::payload::Encoding;
use crate::protocol::Protocol;

use super::{deflate, snappy};

/// What the configuration calls `compression`, over HTTP; none for no compression.
pub const fn of(compression: Compression) -> Option<Encoding> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some(Encoding::Gzip),
        Compression::Zstd => Some(Encoding::Zstd),
        Compression::Snappy => Some(Encoding::Snappy),
        Compression::SnappyFramed => Some(Encoding::SnappyFramed),
        Compression::Zlib => Some(Encoding::Zlib),
        Compression::Deflate => Some(Encoding::Deflate),
        Compression::Lz4 => Some(Encoding::Lz4),
    }
}

/// The name of `encoding` in `Content-Encoding`.
pub const fn name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Gzip => "gzip",
        Encoding::Zstd => "zstd",
        Encoding::Zlib => "zlib",
        Encoding::Deflate => "deflate",
        Encoding::Snappy => "snappy",
        Encoding::SnappyFramed => "x-snappy-framed",
        Encoding::Lz4 => "lz4",
    }
}

/// The name of `encoding` in `grpc-encoding`, for those that gRPC has. Its `snappy` is the framed format: grpc-go, and
/// with it the Collector, compresses the message as a stream.
pub const fn grpc_name(encoding: Encoding) -> Option<&'static str> {
    match encoding {
        Encoding::Gzip | Encoding::Zstd => Some(name(encoding)),
        Encoding::SnappyFramed => Some("snappy"),
        Encoding::Zlib | Encoding::Deflate | Encoding::Snappy | Encoding::Lz4 => None,
    }
}

/// The encoding that `protocol` calls `name`: exactly so, in lower case.
pub fn from_name(protocol: Protocol, name: &str) -> Option<Encoding> {
    Encoding::ALL.into_iter().find(|&encoding| match protocol {
        Protocol::Grpc => grpc_name(encoding) == Some(name),
        Protocol::Http => self::name(encoding) == name,
    })
}

/// What `body` is that came as `encoding`, if it is one of the encodings that are also written: it can be passed on as
/// such. Clients disagree on two names: `snappy` is a block or a stream of frames, and `deflate` is mostly zlib.
pub fn recognize(encoding: Encoding, body: &[u8]) -> Option<Encoding> {
    match encoding {
        Encoding::Snappy if snappy::is_framed(body) => Some(Encoding::SnappyFramed),
        Encoding::Zlib | Encoding::Deflate if !deflate::is_zlib(body) => None,
        encoding => Some(encoding),
    }
}
