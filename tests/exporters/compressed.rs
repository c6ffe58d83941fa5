//! When a compressed body is passed on as it came, and when it is compressed anew.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use otlp_relay::config::{Compression, OtlpHttp};
use otlp_relay::payload::{Encoded, Encoding, Payload};
use otlp_relay::signal::Signal;
use otlp_relay::transport::codec::{Level, compress_at, decompress};
use otlp_relay::units::ByteCount;

use crate::stubs::{http1, response};
use crate::support::{http, http_config, payload};

/// A payload and the gzip body that it came in: packed so hard that it is told from what an exporter would make of it.
fn arrived() -> (Payload, Bytes) {
    let plain = payload(&"the same again, ".repeat(200));
    let body = compress_at(Encoding::Gzip, Some(Level(9)), plain.chunks()).unwrap();
    assert_ne!(body, compress_at(Encoding::Gzip, None, plain.chunks()).unwrap());
    (plain.with_encoded(Encoded { encoding: Encoding::Gzip, body: body.clone() }), body)
}

/// What is sent of `payload` with this compression and level.
async fn sent(payload: Payload, compression: Compression, level: Option<i32>) -> Bytes {
    let seen = Arc::new(Mutex::new(Bytes::new()));
    let put = Arc::clone(&seen);
    let stub = http1(move |request| {
        *put.lock().unwrap() = request.into_body();
        response(200, &[("content-type", "application/x-protobuf")], "")
    });
    let stub = stub.await;
    let config = OtlpHttp { compression, compression_level: level, ..http_config(stub.address) };
    http(&config).stage(Signal::Traces).unwrap().consume(payload).await.unwrap();
    std::mem::take(&mut *seen.lock().unwrap())
}

/// `payload` is sent in `encoding`, not in the body that it came in, and is whole.
async fn check_anew(payload: Payload, body: &Bytes, encoding: Encoding, compression: Compression, level: Option<i32>) {
    let plain = payload.to_bytes();
    let sent = sent(payload, compression, level).await;
    assert_ne!(sent, body);
    assert_eq!(decompress(encoding, &sent, ByteCount::mib(1)).unwrap(), plain);
}

#[tokio::test]
async fn what_leaves_as_it_came_leaves_in_the_very_same_bytes() {
    let (payload, body) = arrived();
    assert_eq!(sent(payload, Compression::Gzip, None).await, body);
}

#[tokio::test]
async fn what_is_sent_otherwise_is_compressed_anew() {
    let (payload, body) = arrived();
    check_anew(payload.clone(), &body, Encoding::Zstd, Compression::Zstd, None).await;
    check_anew(payload.clone(), &body, Encoding::Gzip, Compression::Gzip, Some(1)).await;
    let merged = Payload::merge(vec![payload.clone(), payload.clone()]).unwrap();
    check_anew(merged, &body, Encoding::Gzip, Compression::Gzip, None).await;
    let plain = payload.to_bytes();
    assert_eq!(sent(payload, Compression::None, None).await, plain);
}
