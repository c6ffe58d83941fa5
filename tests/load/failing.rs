//! What goes wrong: counted by class, explained once, and not tried for ever. Flags that cannot be meant.

use super::support::backend::{Answer, Backend};
use super::support::cli::Process;
use super::support::client::Wire;
use super::support::eventually;
use super::{aim, load, report};

#[tokio::test]
async fn each_answer_counts_as_it_is_by_its_class() {
    let backend = Backend::start();
    backend.once(Answer::Denied);
    backend.once(Answer::Unavailable);
    backend.once(Answer::Unavailable);
    backend.once(Answer::Partial { rejected: 4 });
    let arguments = ["--count", "100", "--items-per-request", "10", "--connections", "1", "--concurrency", "1"];
    let report = report(&backend, &arguments, 0).await;
    assert_eq!(backend.records().len(), 10);
    let failures: Vec<_> = report["failures"].as_array().unwrap().iter().collect();
    let of =
        |class: &str| failures.iter().find(|failed| failed["class"] == class).map(|failed| failed["requests"].clone());
    assert_eq!(of("unauthenticated"), Some(1.into()), "{report}");
    assert_eq!(of("server_unavailable"), Some(2.into()), "{report}");
    assert_eq!(report["requests"]["accepted"], 7);
    assert_eq!(report["requests"]["failed"], 3);
    assert_eq!(report["items"], serde_json::json!({"sent": 100, "accepted": 66, "rejected": 4, "failed": 30}));
    assert_eq!(report["rejection"], "the test rejects some");
    assert_eq!(report["latency_ms"]["count"], 7);
}

#[tokio::test]
async fn the_first_failure_of_a_class_is_explained() {
    let backend = Backend::start();
    (0..3).for_each(|_| backend.once(Answer::Denied));
    let [endpoint, protocol] = aim(&backend, Wire::Http);
    let finished = load(&[&endpoint, &protocol, "--count", "500", "--header", "authorization=Bearer s3cr3t"]).await;
    let told: Vec<_> = finished.stderr.lines().filter(|line| line.starts_with("Failed: ")).collect();
    let [line] = told.as_slice() else { panic!("{finished:?}") };
    assert!(line.contains("unauthenticated: ") && line.ends_with("help=otlp-relay explain unauthenticated"), "{line}");
    assert!(finished.stdout.contains("failed      unauthenticated: 3 requests, 300 items"), "{}", finished.stdout);
    assert!(!format!("{finished:?}").contains("s3cr3t"), "{finished:?}");
}

#[tokio::test]
async fn failed_requests_are_sent_again_where_that_is_asked_for() {
    let backend = Backend::start();
    backend.once(Answer::Unavailable);
    let report = report(&backend, &["--count", "10", "--retry-for", "20s"], 0).await;
    assert_eq!((&report["requests"]["accepted"], &report["requests"]["retries"]), (&1.into(), &1.into()));
    assert_eq!(backend.accepted_items(), 10);
}

#[tokio::test]
async fn it_gives_up_where_nothing_ever_succeeds() {
    let backend = Backend::absent();
    let [endpoint, _] = aim(&backend, Wire::Grpc);
    let finished = load(&[&endpoint, "--duration", "1h", "--give-up-after", "300ms"]).await;
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("Failed: connection_refused: "), "{finished:?}");
    assert!(finished.stderr.contains("Gave up: nothing has succeeded for 300ms (--give-up-after)"), "{finished:?}");
    assert!(finished.stdout.contains("given up"), "{finished:?}");
}

#[tokio::test]
async fn a_receiver_that_comes_up_later_is_loaded_then() {
    let mut backend = Backend::absent();
    let [endpoint, _] = aim(&backend, Wire::Grpc);
    let process = Process::relay(&["load", &endpoint, "--duration", "1h", "--give-up-after", "0s"], &[]);
    let has_failed = || process.log().iter().any(|line| line.starts_with("Failed: connection_refused: "));
    eventually("a refused connection", || async { has_failed().then_some(()) }).await;
    backend.run();
    backend.wait_for_items(1000).await;
    process.signal("INT");
    let finished = process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("failed      connection_refused: "), "{}", finished.stdout);
}

#[tokio::test]
async fn wrong_flags_are_named_with_the_mend() {
    let missing: &[&str] = &["https://localhost:1", "--ca-file", "/nowhere/ca.pem"];
    let cases: [(&[&str], &[&str]); 18] = [
        (&["--rate", "0"], &["--rate", "how many in a second"]),
        (&["--rate", "fast"], &["--rate", "how many in a second"]),
        (&["--ramp", "5s"], &["--ramp needs --rate"]),
        (&["--rate", "5", "--request-rate", "5"], &["--rate", "cannot be used with"]),
        (&["--protocol", "http/protobuf", "--concurrency", "5"], &["--concurrency is for grpc", "--connections"]),
        (&["--concurrency", "500"], &["--concurrency", "1..=100"]),
        (&["--signal", "profiles"], &["--signal", "traces, metrics, logs"]),
        (&["--compression", "brotli"], &["--compression: ", "valid here: gzip"]),
        (&["--compression", "lz4"], &["--compression: ", "lz4"]),
        (&["--header", "Bearer"], &["--header: write KEY=VALUE"]),
        (&["--header", "a b=c"], &["--header: "]),
        (&["--ca-file", "x.pem"], &["--ca-file is for TLS; write https://localhost:4317"]),
        (missing, &["--ca-file: ", "/nowhere/ca.pem"]),
        (&["localhost"], &["ENDPOINT: ", "localhost:4317"]),
        (&["--connections", "10000", "--concurrency", "100"], &["lower --connections"]),
        (&["--attribute-size", "1000000", "--items-per-request", "100000"], &["lower --connections"]),
        (&["--duration", "0s"], &["--duration", "more than 0"]),
        (&["--verify", "localhost:9"], &["--verify", "write http://host:port"]),
    ];
    for (arguments, words) in cases {
        let finished = load(arguments).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        for word in words {
            assert!(finished.stderr.contains(word), "{word} is not in {}", finished.stderr);
        }
        assert!(finished.stdout.is_empty() && !finished.stderr.contains("exporters::"), "{finished:?}");
    }
}
