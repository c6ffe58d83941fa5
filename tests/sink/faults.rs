//! Does each fault reach a client as what it is, over both protocols, and is nothing counted that was not taken?

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tonic::Code;
use tonic_types::StatusExt;

use crate::scene::{Sink, number, numbered};
use crate::support::client::{HttpAnswer, Refusal, Wire};
use crate::support::eventually;
use crate::support::export::{Export, Signal};
use crate::support::net::local;

fn export() -> Export {
    numbered(Signal::Traces, "run", 0..10)
}

async fn refused(sink: &Sink, wire: Wire) -> Refusal {
    sink.client(wire).await.send(&export()).await.expect_err("a refusal")
}

fn grpc(refusal: Refusal) -> tonic::Status {
    match refusal {
        Refusal::Grpc(status) => *status,
        other => panic!("{other:?}"),
    }
}

fn http(refusal: Refusal) -> HttpAnswer {
    match refusal {
        Refusal::Http(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn refusals_are_told_in_the_words_of_either_protocol() {
    let sink = Sink::start(&["--fail", "unavailable"]).await;
    for (fail, code, status) in [
        ("unavailable", Code::Unavailable, 503),
        ("resource_exhausted=100%", Code::ResourceExhausted, 429),
        ("invalid_argument", Code::InvalidArgument, 400),
        ("unauthenticated", Code::Unauthenticated, 401),
        ("permission_denied", Code::PermissionDenied, 403),
        ("unimplemented", Code::Unimplemented, 404),
        ("internal", Code::Internal, 500),
        ("data_loss", Code::DataLoss, 503),
        ("http_502", Code::Unavailable, 502),
        ("http_429", Code::ResourceExhausted, 429),
        ("http_408", Code::Unknown, 408),
        ("http_400", Code::InvalidArgument, 400),
    ] {
        sink.fail(fail).await;
        assert_eq!(grpc(refused(&sink, Wire::Grpc).await).code(), code, "{fail}");
        assert_eq!(http(refused(&sink, Wire::Http).await).status, status, "{fail}");
    }
    let report = sink.get("/api/status").await;
    assert_eq!((number(&report, "/total/requests"), number(&report, "/faults/unavailable")), (0, 2));
    sink.fail("").await;
    sink.client(Wire::Grpc).await.deliver(&export()).await;
    assert_eq!(sink.run("run", Signal::Traces).await, [10, 10, 0, 0], "a refused item was not taken");
}

#[tokio::test]
async fn the_time_to_wait_is_told_in_the_words_of_either_protocol() {
    let sink = Sink::start(&["--fail", "resource_exhausted:retry_after=1500ms"]).await;
    let status = grpc(refused(&sink, Wire::Grpc).await);
    let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
    assert_eq!(delay, Some(Duration::from_millis(1500)));
    assert_eq!(http(refused(&sink, Wire::Http).await).header("retry-after"), Some("2"));
    sink.fail("resource_exhausted").await;
    assert!(grpc(refused(&sink, Wire::Grpc).await).get_details_retry_info().is_none());
}

#[tokio::test]
async fn rejected_items_are_told_and_do_not_count() {
    let sink = Sink::start(&["--fail", "partial_success:rejected=3"]).await;
    for wire in [Wire::Grpc, Wire::Http] {
        assert_eq!(sink.client(wire).await.send(&export()).await.expect("taken"), 3);
    }
    assert_eq!(sink.run("run", Signal::Traces).await, [14, 7, 7, 0]);
    sink.fail("partial_success:rejected=1000").await;
    assert_eq!(sink.client(Wire::Grpc).await.send(&export()).await.expect("taken"), 10);
    let report = sink.get("/api/status").await;
    assert_eq!((number(&report, "/total/items"), number(&report, "/total/rejected_items")), (14, 16));
}

#[tokio::test]
async fn what_hangs_is_not_counted_and_keeps_nobody_from_stopping() {
    let sink = Sink::start(&["--fail", "hang"]).await;
    let mut waiting = Vec::new();
    for wire in [Wire::Grpc, Wire::Http] {
        let mut client = sink.client(wire).await;
        waiting.push(tokio::spawn(async move { drop(client.send(&export()).await) }));
    }
    let met = || async { sink.get("/api/status").await.pointer("/faults/hang").and_then(|count| count.as_u64()) };
    eventually("both hang", || async { met().await.filter(|count| *count == 2) }).await;
    assert!(waiting.iter().all(|client| !client.is_finished()));
    assert_eq!(sink.items().await, 0);
    sink.stop().await;
}

/// How a connection ends on which a request of HTTP/1.1 was sent.
fn end_of_connection(port: u16) -> Result<Vec<u8>, ErrorKind> {
    let body = export().encode();
    let mut socket = TcpStream::connect(local(port)).expect("connect");
    let head = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf";
    write!(socket, "{head}\r\ncontent-length: {}\r\n\r\n", body.len()).expect("write");
    socket.write_all(&body).expect("write");
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer) {
        Ok(_) => Ok(answer),
        Err(error) => Err(error.kind()),
    }
}

async fn check_cut(fail: &str, ends_by: Result<Vec<u8>, ErrorKind>, taken: [u64; 2]) {
    let sink = Sink::start(&["--fail", fail]).await;
    let port = sink.http;
    let ended = tokio::task::spawn_blocking(move || end_of_connection(port)).await.expect("no panic");
    assert_eq!(ended, ends_by, "{fail}");
    assert_eq!(sink.items().await, taken[0], "{fail}");
    let refusal = refused(&sink, Wire::Grpc).await;
    assert!(matches!(refusal, Refusal::Broken(_)), "{fail}: {refusal:?}");
    assert_eq!(sink.items().await, taken[1], "{fail}");
}

#[tokio::test]
async fn a_reset_connection_has_taken_nothing() {
    check_cut("reset", Err(ErrorKind::ConnectionReset), [0, 0]).await;
}

#[tokio::test]
async fn a_reset_request_has_taken_nothing() {
    check_cut("reset_request", Ok(Vec::new()), [0, 0]).await;
}

#[tokio::test]
async fn a_lost_answer_has_taken_everything() {
    check_cut("lost_answer", Err(ErrorKind::ConnectionReset), [10, 20]).await;
}

#[tokio::test]
async fn answers_wait_for_their_latency_and_who_gives_up_has_delivered_nothing() {
    let sink = Sink::start(&["--latency", "uniform:100ms-150ms"]).await;
    for wire in [Wire::Grpc, Wire::Http] {
        let began = Instant::now();
        sink.client(wire).await.deliver(&export()).await;
        assert!(Duration::from_millis(100) <= began.elapsed(), "{wire:?}: {:?}", began.elapsed());
    }
    assert_eq!(sink.post("/api/faults", r#"{"latency": "60s"}"#).await.status, 200);
    let mut client = sink.client(Wire::Http).await;
    let answered = tokio::time::timeout(Duration::from_millis(50), client.send(&export())).await;
    assert!(answered.is_err(), "{answered:?}");
    drop(client);
    assert_eq!(sink.items().await, 20);
}

#[tokio::test]
async fn bodies_can_be_read_slowly() {
    let sink = Sink::start(&["--fail", "slow_read=100%:rate=20KiB"]).await;
    let export = numbered(Signal::Traces, "run", 0..100);
    let least = Duration::from_secs_f64((export.encode().len() as f64 - 2048.0) / 20_480.0);
    for wire in [Wire::Grpc, Wire::Http] {
        let began = Instant::now();
        sink.client(wire).await.deliver(&export).await;
        assert!(least <= began.elapsed(), "{wire:?}: {:?}, at least {least:?}", began.elapsed());
    }
    assert_eq!(sink.run("run", Signal::Traces).await, [200, 100, 100, 0]);
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_for_their_size() {
    let sink = Sink::start(&["--max-request-bytes", "1KiB"]).await;
    let large = numbered(Signal::Traces, "run", 0..100);
    for wire in [Wire::Grpc, Wire::Http] {
        let mut client = sink.client(wire).await;
        client.deliver(&export()).await;
        match client.send(&large).await.expect_err("too large") {
            Refusal::Grpc(status) => assert_eq!(status.code(), Code::ResourceExhausted),
            Refusal::Http(answer) => assert_eq!(answer.status, 413),
            Refusal::Broken(error) => panic!("{error}"),
        }
    }
    let report = sink.get("/api/status").await;
    assert_eq!((number(&report, "/total/items"), number(&report, "/refused/request_too_large")), (20, 2));
    assert_eq!(sink.post("/api/faults", r#"{"max_request_bytes": null}"#).await.status, 200);
    sink.client(Wire::Http).await.deliver(&large).await;
}

#[tokio::test]
async fn the_same_seed_deals_the_same_faults() {
    let mut dealt = Vec::new();
    for seed in ["1", "1", "2"] {
        let sink = Sink::start(&["--fail", "unavailable=50%", "--seed", seed]).await;
        let mut client = sink.client(Wire::Grpc).await;
        let mut outcomes = Vec::new();
        for _ in 0..40 {
            outcomes.push(client.send(&export()).await.is_ok());
        }
        dealt.push(outcomes);
    }
    assert_eq!(dealt[0], dealt[1]);
    assert_ne!(dealt[0], dealt[2]);
}

#[tokio::test]
async fn faults_that_cannot_be_are_refused_and_change_nothing() {
    let sink = Sink::start(&["--fail", "unavailable=5%", "--seed", "9"]).await;
    let before = sink.get("/api/faults").await;
    for (body, words) in [
        (r#"{"fail": "unavailabel=5%"}"#, "did you mean \\\"unavailable\\\""),
        (r#"{"fial": ""}"#, "did you mean \\\"fail\\\""),
        ("fail=hang", "JSON object"),
    ] {
        let answer = sink.post("/api/faults", body).await;
        assert!(answer.status == 400 && answer.text().contains(words), "{body}: {}", answer.text());
    }
    assert_eq!(sink.get("/api/faults").await, before);
    assert_eq!(before["fail"], "unavailable=5%");
}
