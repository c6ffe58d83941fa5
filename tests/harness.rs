//! Do the black-box tests' own tools work? The receiver records what a client sends, without a relay in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use support::backend::{Answer, Backend};
use support::client::{Client, Coding, Wire};
use support::export::{Export, Signal, assert_same_items};
use support::generate;
use support::scrape::Metrics;

#[tokio::test]
async fn the_receiver_records_every_signal_over_every_wire_and_coding() {
    let backend = Backend::start();
    let mut sent = Vec::new();
    for wire in [Wire::Grpc, Wire::Http] {
        for coding in Coding::ALL {
            let mut client = Client::connect(wire, backend.port(wire), coding).await;
            for signal in Signal::ALL {
                let first = sent.len() as u64 * 10;
                let export = generate::request(signal, "harness", first..first + 10);
                client.deliver(&export).await;
                let record = backend.records().pop().expect("a record");
                assert_eq!((record.wire, record.encoding.as_str(), record.items), (wire, coding.token(), 10));
                sent.push(export);
            }
        }
    }
    assert_same_items(&sent, backend.accepted().iter().map(|export| export.as_ref()));
}

#[tokio::test]
async fn the_receiver_answers_as_told_and_counts_only_what_it_accepts() {
    let backend = Backend::start();
    for wire in [Wire::Grpc, Wire::Http] {
        let before = backend.accepted_items();
        let mut client = Client::connect(wire, backend.port(wire), Coding::None).await;
        let export = generate::request(Signal::Logs, "harness", 0..3);
        for answer in [Answer::Unavailable, Answer::Throttle(Duration::from_secs(1)), Answer::Invalid] {
            let retryable = !matches!(answer, Answer::Invalid);
            backend.once(answer);
            assert_eq!(client.send(&export).await.expect_err("refused").is_retryable(), retryable);
        }
        backend.once(Answer::Partial { rejected: 2 });
        assert_eq!(client.send(&export).await.expect("taken"), 2);
        assert_eq!(backend.accepted_items() - before, 3);
    }
}

#[tokio::test]
async fn the_receiver_comes_back_on_the_same_port() {
    let mut backend = Backend::start();
    let export = generate::lean_spans("harness", 0..1);
    Client::connect(Wire::Grpc, backend.grpc, Coding::None).await.deliver(&export).await;
    let old = Client::connect(Wire::Http, backend.http, Coding::None).await;
    backend.stop();
    let Client::Http(connection, _) = &old else { unreachable!() };
    support::eventually("the end of a connection", || async { connection.is_closed().then_some(()) }).await;
    backend.run();
    Client::connect(Wire::Grpc, backend.grpc, Coding::None).await.deliver(&export).await;
    assert_eq!(backend.accepted_ids(Signal::Traces), [0, 0]);
}

#[test]
#[should_panic(expected = "1 kinds of items are missing, 1 are too many or changed")]
fn a_changed_attribute_is_seen() {
    let sent = generate::request(Signal::Metrics, "harness", 0..5);
    let mut body = sent.encode();
    let at =
        body.windows(10).rposition(|part| part == b"in a list\x0a" || part.starts_with(b"in a list")).expect("there");
    body[at] = b'I';
    assert_same_items([&sent], [&Export::decode(Signal::Metrics, &body).expect("still valid")]);
}

#[test]
fn metrics_are_read_with_their_labels() {
    let text = "# HELP a b\n# TYPE a counter\na{x=\"1\",y=\"q\\\"}\\\\\"} 2\na{x=\"2\",y=\"r\"} 3.5\nb 1e3\n";
    let metrics = Metrics::parse(text);
    assert_eq!(metrics.value("a", &[]), 5.5);
    assert_eq!(metrics.value("a", &[("y", "q\"}\\")]), 2.0);
    assert_eq!(metrics.value("b", &[]), 1000.0);
    assert_eq!(metrics.sum("a", &[("x", "3")]), None);
}
