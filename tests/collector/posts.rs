//! Odd requests over HTTP: what the relay answers, and the Collector, and why where these differ.

use prost::Message;

use crate::peer::{Peer, Wanted, Whose};
use crate::support::client::{Coding, compress};
use crate::support::generate::lean_spans;
use crate::wire::{Got, exchange};

/// A request and what is answered to it.
struct Row {
    /// The first line.
    line: &'static str,
    /// Headers, beside Host and Connection.
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    framing: Framing,
    relay: Answer,
    collector: Answer,
}

/// Whether a body says itself where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length,
    Chunks,
}

/// What is expected of an answer.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// A success in protobuf.
    Protobuf,
    /// A success in JSON.
    Json,
    /// A status, and a text of this content type.
    Text(u16, &'static str, &'static str),
    /// A status without a body.
    Bare(u16),
    /// A status, and a `google.rpc.Status` of this code in protobuf.
    Refused(u16, i32),
    /// The same in JSON.
    RefusedInJson(u16, i32),
    /// A redirection there.
    Moved(u16, &'static str),
}

use Answer::{Bare, Json, Moved, Protobuf, Refused, RefusedInJson, Text};

const PLAIN: &str = "text/plain";
const NOT_FOUND: Answer = Text(404, "text/plain; charset=utf-8", "404 page not found\n");
const NOT_ALLOWED: Answer = Text(405, PLAIN, "405 method not allowed, supported: [POST]");
const UNSUPPORTED: Answer =
    Text(415, PLAIN, "415 unsupported media type, supported: [application/json, application/x-protobuf]");
const POST: &str = "POST /v1/traces HTTP/1.1";

fn row(line: &'static str, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>, relay: Answer) -> Row {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Row { line, headers, body: body.into(), framing: Framing::Length, relay, collector: relay }
}

/// A POST of `body` in protobuf with these headers more.
fn post(headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>, relay: Answer) -> Row {
    row(POST, &[&[("content-type", "application/x-protobuf")][..], headers].concat(), body, relay)
}

impl Row {
    /// The Collector answers otherwise; `_why` says why the relay does not.
    fn but_the_collector(self, collector: Answer, _why: &str) -> Row {
        Row { collector, ..self }
    }

    /// Sent as one chunk.
    fn chunked(self) -> Row {
        let body = [format!("{:x}\r\n", self.body.len()).as_bytes(), &self.body, b"\r\n0\r\n\r\n"].concat();
        Row { body, framing: Framing::Chunks, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\nhost: localhost\r\nconnection: close\r\n", self.line);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&match self.framing {
            Framing::Length => format!("content-length: {}\r\n", self.body.len()),
            Framing::Chunks => "transfer-encoding: chunked\r\n".to_owned(),
        });
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

fn spans() -> Vec<u8> {
    lean_spans("app", 0..2).encode()
}

const JSON_SPANS: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}"#;

fn paths_and_methods() -> Vec<Row> {
    let proto = [("content-type", "application/x-protobuf")];
    let at = |line: &'static str, answer| row(line, &proto, spans(), answer);
    vec![
        at(POST, Protobuf),
        at("POST /v1/logs HTTP/1.1", Refused(400, 3)),
        at("POST /v1/traces?a=b HTTP/1.1", Protobuf),
        at("POST http://localhost/v1/traces HTTP/1.1", Protobuf),
        at("POST /v1/%74races HTTP/1.1", Protobuf),
        at("POST /v1/traces HTTP/1.0", Protobuf),
        at("POST / HTTP/1.1", NOT_FOUND),
        at("POST /v1/tracez HTTP/1.1", NOT_FOUND),
        at("POST /v1/Traces HTTP/1.1", NOT_FOUND),
        at("POST /v1/traces/ HTTP/1.1", NOT_FOUND),
        at("POST /v1/traces/v1/traces HTTP/1.1", NOT_FOUND),
        at("POST /v1development/profiles HTTP/1.1", NOT_FOUND),
        // The configuration has no pipeline for metrics.
        at("POST /v1/metrics HTTP/1.1", NOT_FOUND),
        at("POST //v1/traces HTTP/1.1", Moved(307, "/v1/traces")),
        at("POST /v1/../v1/traces HTTP/1.1", Moved(307, "/v1/traces")),
        at("GET /v1/traces HTTP/1.1", NOT_ALLOWED),
        at("PUT /v1/traces HTTP/1.1", NOT_ALLOWED),
        at("DELETE /v1/traces HTTP/1.1", NOT_ALLOWED),
        at("PATCH /v1/traces HTTP/1.1", NOT_ALLOWED),
        at("OPTIONS /v1/traces HTTP/1.1", NOT_ALLOWED),
        at("post /v1/traces HTTP/1.1", NOT_ALLOWED),
        row("HEAD /v1/traces HTTP/1.1", &[], "", Bare(405)),
        row("GET /v1/traces HTTP/1.1", &[], "", NOT_ALLOWED),
        row("GET / HTTP/1.1", &[], "", NOT_FOUND),
        row("GET /metrics HTTP/1.1", &[], "", NOT_FOUND),
    ]
}

fn content_types() -> Vec<Row> {
    let typed = |name: &'static str, body: Vec<u8>, answer| row(POST, &[("content-type", name)], body, answer);
    vec![
        typed("application/json", JSON_SPANS.into(), Json),
        typed("application/json; charset=utf-8", JSON_SPANS.into(), Json),
        typed("application/json;charset=UTF-8", JSON_SPANS.into(), Json),
        typed("Application/JSON", JSON_SPANS.into(), Json),
        typed("application/x-protobuf; a=b", spans(), Protobuf),
        typed("APPLICATION/X-PROTOBUF", spans(), Protobuf),
        typed("application/json;", JSON_SPANS.into(), Json),
        typed("application/json; charset", JSON_SPANS.into(), UNSUPPORTED),
        row(POST, &[], spans(), UNSUPPORTED),
        typed("", spans(), UNSUPPORTED),
        typed("text/plain", spans(), UNSUPPORTED),
        typed("application/protobuf", spans(), UNSUPPORTED),
        typed("application/x-protobuf2", spans(), UNSUPPORTED),
        typed("application/grpc", spans(), UNSUPPORTED),
        typed("application/x-www-form-urlencoded", spans(), UNSUPPORTED),
        typed("application/json, application/x-protobuf", spans(), UNSUPPORTED),
    ]
}

fn bodies() -> Vec<Row> {
    let json = |body: &str, answer| row(POST, &[("content-type", "application/json")], body, answer);
    let cut = spans()[..spans().len() - 1].to_vec();
    vec![
        post(&[], "", Protobuf),
        post(&[], "\n\0", Protobuf),
        post(&[], cut, Refused(400, 3)),
        post(&[], vec![0xff_u8; 9], Refused(400, 3)),
        post(&[], JSON_SPANS, Refused(400, 3)),
        json("", RefusedInJson(400, 3)),
        json("{}", Json),
        json("[]", RefusedInJson(400, 3)),
        json("nonsense", RefusedInJson(400, 3)),
        json(&JSON_SPANS[..30], RefusedInJson(400, 3)),
        json(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}"#, RefusedInJson(400, 3)),
        json(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":null}]}]}]}"#, Json)
            .but_the_collector(RefusedInJson(400, 3), "null is the default of a field in ProtoJSON"),
        json(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}],"more":[{}]}"#, Json),
        post(&[], vec![0_u8; 1001], Refused(413, 8)).but_the_collector(Refused(400, 3), "413 says what is wrong"),
        post(&[], spans(), Protobuf).chunked(),
        post(&[], vec![0_u8; 1001], Refused(413, 8))
            .but_the_collector(Refused(400, 3), "413 says what is wrong")
            .chunked(),
        post(&[("expect", "100-continue")], spans(), Protobuf),
        post(&[("expect", "100-continue")], "", Protobuf),
    ]
}

fn encodings() -> Vec<Row> {
    let coded = |coding: Coding| post(&[("content-encoding", coding.token())], compress(coding, &spans()), Protobuf);
    let plain = |name: &str, answer| post(&[("content-encoding", name)], spans(), answer);
    let bomb = compress(Coding::Gzip, &[0; 5000]);
    let json = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let mut rows: Vec<Row> = [Coding::Gzip, Coding::Zstd].into_iter().chain(Coding::HTTP_ONLY).map(coded).collect();
    for name in ["gzip", "zstd", "zlib", "deflate", "snappy", "x-snappy-framed", "lz4"] {
        rows.push(post(&[("content-encoding", name)], "not compressed at all", Refused(400, 3)));
    }
    rows.extend([
        row(POST, &json, compress(Coding::Gzip, JSON_SPANS.as_bytes()), Json),
        row(POST, &json, JSON_SPANS, RefusedInJson(400, 3)),
        plain("", Protobuf),
        plain("foo", Refused(400, 3)),
        plain("br", Refused(400, 3)),
        plain("gzip, zstd", Refused(400, 3)),
        plain("identity", Protobuf).but_the_collector(Refused(400, 3), "identity is an encoding, of HTTP"),
        plain("none", Refused(400, 3)),
        post(&[("content-encoding", "GZIP")], compress(Coding::Gzip, &spans()), Protobuf)
            .but_the_collector(Refused(400, 3), "HTTP compares names of encodings without case"),
        post(&[("content-encoding", "gzip")], "", Refused(400, 3)),
        post(&[("content-encoding", "gzip")], bomb, Refused(413, 8))
            .but_the_collector(Refused(400, 3), "413 says what is wrong"),
        row("GET /v1/traces HTTP/1.1", &[("content-encoding", "foo")], "", RefusedInJson(400, 3)),
        row(POST, &[("content-type", "text/plain"), ("content-encoding", "foo")], "", RefusedInJson(400, 3))
            .but_the_collector(
                Text(500, "application/json", r#"{"code": 13, "message": "failed to marshal error message"}"#),
                "it is the client's mistake",
            ),
    ]);
    rows
}

/// Every row is answered as it says.
async fn check(whose: Whose, rows: Vec<Row>) {
    let wanted = Wanted { debug: "verbosity: basic", pipelines: &["traces", "logs"], most: 1000 };
    let Some(peer) = Peer::start(whose, &wanted).await else { return };
    let mut wrong = Vec::new();
    for row in rows {
        let got = exchange(peer.http, &row.bytes()).await;
        let expected = if whose == Whose::Relay { row.relay } else { row.collector };
        if !expected.is(&got) {
            let body = String::from_utf8_lossy(&row.body[..row.body.len().min(40)]).into_owned();
            wrong.push(format!("{} {:?} {body:?}\n  expected {expected:?}\n  got {got:?}", row.line, row.headers));
        }
    }
    assert!(wrong.is_empty(), "{whose:?}:\n{}", wrong.join("\n"));
}

impl Answer {
    fn is(self, got: &Got) -> bool {
        let header = |name: &str| got.headers.get(name).map_or("", String::as_str);
        let (status, content_type) = match self {
            Protobuf => (200, "application/x-protobuf"),
            Json => (200, "application/json"),
            Text(status, content_type, _) => (status, content_type),
            Refused(status, _) => (status, "application/x-protobuf"),
            RefusedInJson(status, _) => (status, "application/json"),
            Bare(status) => return got.status == status && got.body.is_empty(),
            Moved(status, to) => return got.status == status && header("location") == to,
        };
        let body = match self {
            Protobuf => got.body == [0x0a, 0x00],
            Json => got.body == br#"{"partialSuccess":{}}"#,
            Text(_, _, text) => got.body == text.as_bytes(),
            Refused(_, code) => tonic_types::Status::decode(&got.body[..])
                .is_ok_and(|status| status.code == code && !status.message.is_empty()),
            RefusedInJson(_, code) => serde_json::from_slice::<serde_json::Value>(&got.body).is_ok_and(|status| {
                status["code"] == code && status["message"].as_str().is_some_and(|m| !m.is_empty())
            }),
            Bare(_) | Moved(..) => false,
        };
        got.status == status && header("content-type") == content_type && body
    }
}

#[tokio::test]
async fn paths_and_methods_are_answered_as_documented() {
    check(Whose::Relay, paths_and_methods()).await;
}

#[tokio::test]
async fn content_types_are_answered_as_documented() {
    check(Whose::Relay, content_types()).await;
}

#[tokio::test]
async fn bodies_are_answered_as_documented() {
    check(Whose::Relay, bodies()).await;
}

#[tokio::test]
async fn encodings_are_answered_as_documented() {
    check(Whose::Relay, encodings()).await;
}

#[tokio::test]
async fn a_collector_answers_as_the_tables_say() {
    let all = [paths_and_methods(), content_types(), bodies(), encodings()];
    check(Whose::Collector, all.into_iter().flatten().collect()).await;
}
