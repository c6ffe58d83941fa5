//! Odd calls over gRPC: what the relay answers, and the Collector, and why where these differ.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::peer::{Peer, Wanted, Whose};
use crate::support::PATIENCE;
use crate::support::client::{Coding, compress};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::net::local;

/// A call and what is answered to it.
struct Row {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    relay: Answer,
    collector: Answer,
}

/// What is expected of an answer.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// One message with an empty partial success, and status 0. The Collector compresses it where the request is.
    Success,
    /// A gRPC status whose message has these words.
    Status(i32, &'static str),
    /// An HTTP status, whatever else.
    Http(u16),
    /// No answer at all. Nobody waits for it here.
    Silence,
}

use Answer::{Http, Silence, Status, Success};

const GRPC: (&str, &str) = ("content-type", "application/grpc");
const SUCCESS: &[u8] = &[0, 0, 0, 0, 2, 0x0a, 0x00];
const MALFORMED: &str = "the specification of OTLP wants InvalidArgument for bad data";

fn call(path: impl Into<String>, headers: &[(&'static str, &'static str)], body: Vec<u8>, relay: Answer) -> Row {
    let headers = [&[GRPC, ("te", "trailers")][..], headers].concat();
    Row { method: "POST", path: path.into(), headers, body, relay, collector: relay }
}

/// An export of traces with these headers more.
fn export(headers: &[(&'static str, &'static str)], body: Vec<u8>, relay: Answer) -> Row {
    call(Signal::Traces.method(), headers, body, relay)
}

impl Row {
    /// The Collector answers otherwise; `_why` says why the relay does not.
    fn but_the_collector(self, collector: Answer, _why: &str) -> Row {
        Row { collector, ..self }
    }

    fn of_type(mut self, content_type: &'static str) -> Row {
        self.headers.retain(|(name, _)| *name != GRPC.0);
        self.headers.push((GRPC.0, content_type));
        self
    }
}

/// `message` behind its prefix.
fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// The beginning of a message of `length` bytes: that is refused for what it announces.
fn announced(length: u32) -> Vec<u8> {
    [&[0][..], &length.to_be_bytes(), &[0; 100]].concat()
}

fn rows() -> Vec<Row> {
    let spans = lean_spans("app", 0..2).encode();
    let whole = framed(0, &spans);
    let packed = |coding| framed(1, &compress(coding, &spans));
    let service = |name: &str| format!("opentelemetry.proto.collector.{name}");
    let traces = service("trace.v1.TraceService");
    let bomb = compress(Coding::Gzip, &vec![0; 5 << 20]);
    vec![
        export(&[], whole.clone(), Success),
        export(&[], framed(0, b""), Success),
        export(&[("grpc-encoding", "gzip")], packed(Coding::Gzip), Success),
        export(&[("grpc-encoding", "zstd")], packed(Coding::Zstd), Success),
        export(&[("grpc-encoding", "snappy")], packed(Coding::SnappyFramed), Success),
        export(&[("grpc-encoding", "gzip")], whole.clone(), Success),
        export(&[("grpc-encoding", "identity")], whole.clone(), Success),
        export(&[], whole.clone(), Success).of_type("application/grpc+proto"),
        export(&[], whole.clone(), Success).of_type("application/grpc;charset=utf-8"),
        export(&[("grpc-timeout", "1S")], whole.clone(), Success),
        call("/a.B/C", &[], whole.clone(), Status(12, "unknown service a.B")),
        call(format!("/{traces}/Foo"), &[], whole.clone(), Status(12, "unknown method Foo for service")),
        call(format!("/{traces}"), &[], whole.clone(), Status(12, "")),
        call("/", &[], whole.clone(), Status(12, "")),
        // The configuration has no pipeline for metrics.
        call(
            Signal::Metrics.method(),
            &[],
            whole.clone(),
            Status(12, "unknown service opentelemetry.proto.collector.m"),
        ),
        call(Signal::Logs.method(), &[], whole.clone(), Status(3, "")).but_the_collector(Status(13, ""), MALFORMED),
        export(&[], framed(0, &[0xff; 9]), Status(3, "")).but_the_collector(Status(13, ""), MALFORMED),
        export(&[], framed(0, &spans[..spans.len() - 1]), Status(3, "")).but_the_collector(Status(13, ""), MALFORMED),
        export(&[], vec![], Status(3, "no message"))
            .but_the_collector(Silence, "a call that ends with its headers would hang until its client gives up"),
        export(&[], whole[..3].to_vec(), Status(3, "ends early")).but_the_collector(Status(2, "EOF"), MALFORMED),
        export(&[], whole[..20].to_vec(), Status(3, "ends early")).but_the_collector(Status(2, "EOF"), MALFORMED),
        export(&[], whole.repeat(2), Status(3, "more than one"))
            .but_the_collector(Success, "the second message would be lost without a word"),
        export(&[], framed(2, &spans), Status(3, "payload format 2")).but_the_collector(Status(13, ""), MALFORMED),
        export(&[], framed(1, &spans), Status(3, "compressed flag")).but_the_collector(Status(13, ""), MALFORMED),
        export(&[("grpc-encoding", "gzip")], framed(1, &spans), Status(3, ""))
            .but_the_collector(Status(13, ""), MALFORMED),
        export(&[("grpc-encoding", "foo")], framed(1, &spans), Status(12, "Decompressor is not installed")),
        export(&[("grpc-encoding", "foo")], whole.clone(), Success).but_the_collector(
            Status(12, "Decompressor is not installed"),
            "the message is not compressed, so that nothing keeps it from being read",
        ),
        export(&[], announced((4 << 20) + 1), Status(8, "received message larger than max (4194305 vs. 4194304)")),
        export(&[("grpc-encoding", "gzip")], framed(1, &bomb), Status(8, "larger than max")),
        export(&[], whole.clone(), Success).of_type("application/grpc+json"),
        export(&[], whole.clone(), Http(415)).of_type("text/plain"),
        Row { method: "GET", ..export(&[], vec![], Http(405)) },
    ]
}

/// Headers and trailers, and the body.
async fn send(port: u16, row: &Row) -> (u16, BTreeMap<String, String>, Bytes) {
    let stream = TokioIo::new(TcpStream::connect(local(port)).await.expect("connect"));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut request = Request::builder().method(row.method).uri(format!("http://localhost:{port}{}", row.path));
    for (name, value) in &row.headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(Bytes::from(row.body.clone()));
    let answered = tokio::time::timeout(PATIENCE, client.send_request(request.body(body).expect("a request"))).await;
    let response = match answered {
        Ok(Ok(response)) => response,
        other => {
            let head = &row.body[..row.body.len().min(20)];
            panic!("{} {} {:?} {head:?} has no answer: {other:?}", row.method, row.path, row.headers)
        }
    };
    let status = response.status().as_u16();
    let head = response.headers().clone();
    let collected = response.into_body().collect().await.expect("the whole answer");
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let pairs = head.iter().chain(&trailers);
    let headers = pairs.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    (status, headers.collect(), collected.to_bytes())
}

async fn check(whose: Whose) {
    let wanted = Wanted { debug: "verbosity: basic", pipelines: &["traces", "logs"], most: 1000 };
    let Some(peer) = Peer::start(whose, &wanted).await else { return };
    let mut wrong = Vec::new();
    for row in rows() {
        let expected = if whose == Whose::Relay { row.relay } else { row.collector };
        if matches!(expected, Silence) {
            continue;
        }
        let (status, headers, body) = send(peer.grpc, &row).await;
        let header = |name: &str| headers.get(name).map_or("", String::as_str);
        let message = header("grpc-message").replace("%20", " ");
        let is = match expected {
            Success => {
                header("grpc-status") == "0"
                    && (body == SUCCESS || (whose == Whose::Collector && body.first() == Some(&1)))
            }
            Status(code, words) => header("grpc-status") == code.to_string() && message.contains(words),
            Http(expected) => status == expected,
            Silence => false,
        };
        if !is {
            let head = &row.body[..row.body.len().min(20)];
            wrong.push(format!(
                "{} {} {:?} {head:?}\n  expected {expected:?}\n  got {status} {headers:?} {body:?}",
                row.method, row.path, row.headers
            ));
        }
    }
    assert!(wrong.is_empty(), "{whose:?}:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn calls_are_answered_as_documented() {
    check(Whose::Relay).await;
}

#[tokio::test]
async fn a_collector_answers_as_the_table_says() {
    check(Whose::Collector).await;
}
