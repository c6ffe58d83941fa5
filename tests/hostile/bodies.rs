//! What a client can put into the body of a request: bombs, depth, counts that lie, numbers without end, halves.

use std::time::Instant;

use bytes::Bytes;
use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use prost::encoding::encode_varint;

use crate::range::{Attack, FOREIGN, Range};
use crate::support::client::{Coding, compress, grpc_call, http_request};
use crate::support::export::Signal;
use crate::support::generate::{lean_spans, request};
use crate::support::setup::Ports;

/// All of them, again and again.
pub(crate) const BODIES: Attack = |ports, until| Box::pin(all_again_and_again(ports, until));

const CODINGS: [Coding; 7] =
    [Coding::Gzip, Coding::Zstd, Coding::Zlib, Coding::Deflate, Coding::Snappy, Coding::SnappyFramed, Coding::Lz4];

/// What one request is answered over HTTP.
async fn post(ports: Ports, content_type: &str, encoding: &str, body: impl Into<Bytes>) -> u16 {
    let mut headers = vec![("content-type", content_type)];
    if !encoding.is_empty() {
        headers.push(("content-encoding", encoding));
    }
    http_request(Method::POST, ports.http, "/v1/traces", &headers, body).await.status.as_u16()
}

async fn protobuf(ports: Ports, body: impl Into<Bytes>) -> u16 {
    post(ports, "application/x-protobuf", "", body).await
}

async fn json(ports: Ports, body: impl Into<Bytes>) -> u16 {
    post(ports, "application/json", "", body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_are_refused_for_their_size_whatever_they_are_packed_with() {
    let range = Range::open().await;
    let zeros = vec![0; 64 << 20];
    for coding in CODINGS {
        let bomb = compress(coding, &zeros);
        let status = post(range.ports(), "application/x-protobuf", coding.name(), bomb.clone()).await;
        assert_eq!(status, 413, "{coding:?}");
        assert_eq!(post(range.ports(), "application/json", coding.name(), bomb.clone()).await, 413, "{coding:?}");
        if matches!(coding, Coding::Gzip | Coding::Zstd | Coding::Snappy) {
            let headers = [("grpc-encoding", coding.name())];
            // What gRPC calls snappy has frames.
            let framed = if coding == Coding::Snappy { Coding::SnappyFramed } else { coding };
            let bomb = compress(framed, &zeros);
            let answer = grpc_call(range.ports().grpc, Signal::Traces.method(), &headers, &bomb).await;
            assert_eq!(answer.header("grpc-status"), Some("8"), "{coding:?}");
        }
        range.check_memory();
    }
    range.close().await;
}

/// Once unpacked they are no OTLP: nothing is unpacked twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_in_bombs_are_unpacked_once_at_most() {
    let range = Range::open().await;
    let zeros = vec![0; 64 << 20];
    for coding in CODINGS {
        let nested = compress(coding, &compress(coding, &zeros));
        assert_eq!(post(range.ports(), "application/x-protobuf", coding.name(), nested).await, 400, "{coding:?}");
    }
    let twice = compress(Coding::Gzip, &compress(Coding::Gzip, &zeros));
    assert_eq!(post(range.ports(), "application/x-protobuf", "gzip, gzip", twice).await, 400);
    // Members of one stream, each of which would be small enough.
    let members = compress(Coding::Gzip, &vec![0; 15 << 20]).repeat(10);
    assert_eq!(post(range.ports(), "application/x-protobuf", "gzip", members).await, 413);
    let frames = compress(Coding::Zstd, &vec![0; 15 << 20]).repeat(10);
    assert_eq!(post(range.ports(), "application/x-protobuf", "zstd", frames).await, 413);
    range.close().await;
}

/// A value within lists (field 5) or maps (field 6, by way of key-values) to the given depth, as an attribute.
fn nested_protobuf(depth: usize, list: u8) -> Vec<u8> {
    let mut value = vec![0x18, 1];
    for _ in 0..depth {
        value = match list {
            5 => field(5, &field(1, &value)),
            _ => field(6, &field(1, &field(2, &value))),
        };
    }
    let attribute = [field(1, b"deep"), field(2, &value)].concat();
    // resource_spans, resource, attributes
    field(1, &field(1, &field(1, &attribute)))
}

fn nested_json(depth: usize, open: &str, close: &str) -> String {
    let value = format!("{}{{\"intValue\":1}}{}", open.repeat(depth), close.repeat(depth));
    format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"deep","value":{value}}}]}}}}]}}"#)
}

const LIST: (&str, &str) = (r#"{"arrayValue":{"values":["#, "]}}");
const MAP: (&str, &str) = (r#"{"kvlistValue":{"values":[{"key":"k","value":"#, "}]}}");

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![number << 3 | 2];
    encode_varint(bytes.len() as u64, &mut all);
    all.extend_from_slice(bytes);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_deeper_than_any_reader_would_follow_are_malformed() {
    let range = Range::open().await;
    for depth in [200, 5_000, 200_000] {
        for list in [5, 6] {
            assert_eq!(protobuf(range.ports(), nested_protobuf(depth.min(20_000), list)).await, 400, "{depth}");
        }
        for (open, close) in [LIST, MAP, ("[", "]")] {
            assert_eq!(json(range.ports(), nested_json(depth, open, close)).await, 400, "{depth} {open}");
        }
        // What nobody knows is passed over, however deep.
        assert_eq!(json(range.ports(), nested_json(depth, r#"{"x":"#, "}")).await, 200, "{depth}");
        // Never closed.
        assert_eq!(json(range.ports(), LIST.0.repeat(depth)).await, 400, "{depth}");
        assert_eq!(json(range.ports(), "[".repeat(depth)).await, 400, "{depth}");
    }
    for list in [5, 6] {
        assert_eq!(protobuf(range.ports(), nested_protobuf(10, list)).await, 200);
    }
    assert_eq!(json(range.ports(), nested_json(10, LIST.0, LIST.1)).await, 200);
    range.close().await;
}

/// Bytes that are no request: each says why not.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a length beyond the body", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("a length of 2^64 - 1", [&[0x0a][..], &[0xff; 9], &[1]].concat()),
        ("a varint of eleven bytes", [&[0x78][..], &[0x80; 10], &[1]].concat()),
        ("a varint beyond 64 bits", [&[0x78][..], &[0xff; 9], &[2]].concat()),
        ("a key of eleven bytes", [&[0xfa][..], &[0x80; 9], &[1, 0]].concat()),
        ("field number 0", vec![0x02, 0]),
        ("a group that does not begin", vec![0x0c]),
        ("groups without end", vec![0x7b; 100_000]),
        ("a wire type that there is not", vec![0x7e]),
        ("a fixed number that ends early", vec![0x79, 1, 2, 3]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_and_numbers_that_lie_are_malformed() {
    let range = Range::open().await;
    for (what, body) in malformed() {
        assert_eq!(protobuf(range.ports(), body.clone()).await, 400, "{what}");
        let answer = grpc_call(range.ports().grpc, Signal::Traces.method(), &[], &body).await;
        assert_eq!(answer.header("grpc-status"), Some("3"), "{what}");
    }
    // Overlong, but what prost takes too.
    assert_eq!(protobuf(range.ports(), vec![0x8a, 0x80, 0, 0x80, 0]).await, 200);
    range.close().await;
}

/// Small on the wire, and as many things as fit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn huge_counts_of_nothing_take_no_more_memory_than_their_bytes() {
    let range = Range::open().await;
    let empties: [(&str, Vec<u8>); 4] = [
        ("resources", [0x0a, 0].repeat(1 << 20)),
        ("spans", field(1, &field(2, &[&[0x12, 0].repeat(9 << 20)[..], &[0x12]].concat()))),
        ("attributes", field(1, &field(1, &[0x0a, 0].repeat(1 << 20)))),
        ("unknown fields", [0x78, 0].repeat(9 << 20)),
    ];
    for (what, body) in empties {
        let packed = compress(Coding::Gzip, &body);
        let status = post(range.ports(), "application/x-protobuf", "gzip", packed).await;
        assert!([200, 400, 503].contains(&status), "{what}: {status}");
        range.check_memory();
    }
    let lists = format!(r#"{{"resourceSpans":[{}{{}}]}}"#, "{},".repeat(1 << 19));
    let status = json(range.ports(), lists).await;
    assert!([200, 503].contains(&status), "{status}");
    range.close().await;
}

/// A request that ends early is taken exactly where what is left is a request, as prost sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_cut_at_each_byte_are_refused_unless_they_are_whole() {
    let range = Range::open().await;
    let whole = request(Signal::Traces, "cut", FOREIGN..FOREIGN + 1).encode();
    for end in 0..whole.len() {
        let is_whole = ExportTraceServiceRequest::decode(&whole[..end]).is_ok();
        let status = protobuf(range.ports(), whole[..end].to_vec()).await;
        assert_eq!(status, if is_whole { 200 } else { 400 }, "cut at {end} of {}", whole.len());
    }
    for coding in CODINGS {
        let packed = compress(coding, &whole);
        for end in 1..packed.len() {
            let status = post(range.ports(), "application/x-protobuf", coding.name(), packed[..end].to_vec()).await;
            // Behind the data of some formats comes a trailer, which says nothing that is needed; one has a beginning of
            // its own, behind which there is nothing yet.
            let nothing = coding == Coding::SnappyFramed && end == 10 && status == 200;
            assert!(
                nothing || status == 400 || (packed.len() - 20 < end && status == 200),
                "{coding:?} {end}: {status}"
            );
        }
    }
    range.close().await;
}

async fn all_again_and_again(ports: Ports, until: Instant) {
    let zeros = vec![0; 24 << 20];
    let mut kinds: Vec<(&str, &str, Bytes)> = Vec::new();
    for coding in CODINGS {
        kinds.push(("application/x-protobuf", coding.name(), compress(coding, &zeros).into()));
        kinds.push((
            "application/json",
            coding.name(),
            compress(coding, nested_json(9000, MAP.0, MAP.1).as_bytes()).into(),
        ));
        kinds.push(("application/x-protobuf", coding.name(), vec![0xff; 3000].into()));
    }
    for (_, body) in malformed() {
        kinds.push(("application/x-protobuf", "", body.into()));
    }
    kinds.push(("application/x-protobuf", "", nested_protobuf(9000, 6).into()));
    let half = lean_spans("half", FOREIGN..FOREIGN + 9).encode();
    kinds.push(("application/x-protobuf", "", half[..half.len() - 1].to_vec().into()));
    let mut turn = kinds.iter().cycle();
    while Instant::now() < until {
        let Some((content_type, encoding, body)) = turn.next() else { return };
        let status = tokio::time::timeout_at(until.into(), post(ports, content_type, encoding, body.clone())).await;
        assert!(status.is_err() || matches!(status, Ok(400 | 413 | 503)), "{content_type} {encoding}: {status:?}");
    }
}
