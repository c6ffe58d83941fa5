//! A payload as the bytes of a request: compressed or as it is, with or without the gRPC prefix.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::stage::Shape;
use crate::config::Compression;
use crate::failure::{Class, Failure};
use crate::payload::{Encoding, Payload};
use crate::transport::codec::{self, Level, compress_at};
use crate::units::ByteCount;

/// How bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    Plain,
    /// With this encoding, this hard.
    Packed(Encoding, Option<Level>),
}

impl Packing {
    /// What gRPC calls snappy are frames.
    pub(super) fn grpc(compression: Compression) -> Packing {
        match compression {
            Compression::Snappy => Packing::Packed(Encoding::SnappyFramed, None),
            compression => Packing::http(compression, None),
        }
    }

    pub(super) fn http(compression: Compression, level: Option<i32>) -> Packing {
        codec::of(compression).map_or(Packing::Plain, |encoding| Packing::Packed(encoding, level.map(Level)))
    }

    /// The token of `grpc-encoding`.
    pub(super) fn grpc_token(self) -> Option<&'static str> {
        match self {
            Packing::Plain => None,
            Packing::Packed(encoding, _) => codec::grpc_name(encoding),
        }
    }

    /// The token of `content-encoding`.
    pub(super) fn http_token(self) -> Option<&'static str> {
        match self {
            Packing::Plain => None,
            Packing::Packed(encoding, _) => Some(codec::name(encoding)),
        }
    }
}

/// The body of an OTLP/HTTP request.
pub(super) async fn body(payload: Payload, packing: Packing) -> Result<Arc<[Bytes]>, Failure> {
    match packing {
        Packing::Plain => Ok(payload.chunks().into()),
        Packing::Packed(encoding, level) => Ok([pack(payload, encoding, level).await?].into()),
    }
}

/// The body of an OTLP/HTTP request in JSON. Unknown fields are left out of it.
pub(super) async fn json_body(payload: Payload, packing: Packing) -> Result<Arc<[Bytes]>, Failure> {
    let written = aside_if_large(payload, move |payload| {
        let json = payload.to_json();
        match packing {
            Packing::Plain => Ok(json),
            Packing::Packed(encoding, level) => compress_at(encoding, level, &[json]),
        }
    });
    Ok([written.await?].into())
}

/// The one message of a gRPC request: flag, length, bytes (gRPC over HTTP/2, "Length-Prefixed-Message").
pub(super) async fn message(payload: Payload, packing: Packing) -> Result<Arc<[Bytes]>, Failure> {
    let (flag, chunks) = match packing {
        Packing::Plain => (0, payload.chunks().to_vec()),
        Packing::Packed(encoding, level) => (1, vec![pack(payload, encoding, level).await?]),
    };
    framed(flag, chunks)
}

/// The body of a request in the format of `shape`, made of a `message` that is encoded already. It is compressed here
/// and now, however large it is.
pub(super) fn ready(message: Bytes, shape: Shape, packing: Packing) -> Result<Arc<[Bytes]>, Failure> {
    let (flag, body) = match packing {
        Packing::Plain => (0, message),
        Packing::Packed(encoding, level) => (1, compress_at(encoding, level, &[message]).map_err(not_compressed)?),
    };
    match shape {
        Shape::Grpc => framed(flag, vec![body]),
        Shape::Http | Shape::HttpJson => Ok([body].into()),
    }
}

fn framed(flag: u8, chunks: Vec<Bytes>) -> Result<Arc<[Bytes]>, Failure> {
    let len: usize = chunks.iter().map(Bytes::len).sum();
    let len = u32::try_from(len).map_err(|_| {
        Failure::new(Class::MessageTooLarge, format!("a gRPC message cannot have {}", ByteCount::of(len)))
    })?;
    let [a, b, c, d] = len.to_be_bytes();
    let prefix = Bytes::copy_from_slice(&[flag, a, b, c, d]);
    Ok(std::iter::once(prefix).chain(chunks).collect())
}

/// The compressed body, passed on as it came where it came in the same encoding, unless a level is asked for: who asks
/// has reasons to have it compressed anew.
async fn pack(payload: Payload, encoding: Encoding, level: Option<Level>) -> Result<Bytes, Failure> {
    if let Some(encoded) = payload.encoded()
        && encoded.encoding == encoding
        && level.is_none()
    {
        return Ok(encoded.body.clone());
    }
    aside_if_large(payload, move |payload| compress_at(encoding, level, payload.chunks())).await
}

/// What `write` makes of a payload; of a large one beside the worker.
async fn aside_if_large(
    payload: Payload,
    write: impl FnOnce(&Payload) -> io::Result<Bytes> + Send + 'static,
) -> Result<Bytes, Failure> {
    let written = if payload.len() < LARGE {
        write(&payload)
    } else {
        let task = tokio::task::spawn_blocking(move || write(&payload));
        task.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    };
    written.map_err(not_compressed)
}

fn not_compressed(error: io::Error) -> Failure {
    Failure::new(Class::Other, "the request could not be compressed").because(error)
}

/// From here on compressing or writing JSON takes so long that other requests of the thread would wait.
const LARGE: ByteCount = ByteCount(256 << 10);
