//! When requests are sent: by the clock in an open loop, and until somebody says stop.

use serde_json::Value;

use super::support::backend::{Answer, Backend};
use super::support::cli::Process;
use super::support::client::Wire;
use super::support::eventually;
use super::{aim, report};

use std::time::Duration;

fn number(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {report}"))
}

#[tokio::test]
async fn an_open_loop_goes_on_while_nothing_is_answered() {
    let backend = Backend::start();
    backend.always(Answer::Hang);
    let arguments = [
        "--request-rate",
        "200",
        "--count",
        "40",
        "--items-per-request",
        "1",
        "--timeout",
        "2s",
        "--concurrency",
        "50",
    ];
    let report = report(&backend, &arguments, 1).await;
    assert_eq!(backend.records().len(), 40);
    assert_eq!(number(&report, "/requests/failed"), 40.0);
    assert_eq!(report["failures"][0]["class"], "deadline_exceeded", "{report}");
}

#[tokio::test]
async fn a_stall_shows_in_every_request_that_it_delays() {
    let backend = Backend::start();
    // One place: the nineteen others are due while the first is not answered.
    backend.once(Answer::Slow(Duration::from_secs(1)));
    let arguments = [
        "--request-rate",
        "100",
        "--count",
        "20",
        "--items-per-request",
        "1",
        "--connections",
        "1",
        "--concurrency",
        "1",
    ];
    let report = report(&backend, &arguments, 0).await;
    assert_eq!(number(&report, "/requests/accepted"), 20.0);
    assert_eq!(number(&report, "/requests/late"), 19.0);
    // The last was due after 190 ms, and could not be sent before a second had passed.
    assert!(number(&report, "/latency_ms/min") >= 800.0, "{report}");
    assert_eq!(report["mode"], "open");
}

#[tokio::test]
async fn what_could_not_be_sent_in_time_is_counted() {
    let backend = Backend::start();
    backend.always(Answer::Hang);
    let arguments = ["--request-rate", "50", "--duration", "1s", "--timeout", "2s", "--connections", "1"];
    let report = report(&backend, &[&arguments[..], &["--concurrency", "1"]].concat(), 1).await;
    assert_eq!(number(&report, "/requests/sent"), 1.0);
    assert_eq!(number(&report, "/requests/unsent"), 49.0);
}

#[tokio::test]
async fn a_slow_schedule_ends_with_its_last_request() {
    let backend = Backend::start();
    // The other 199 places have nothing to wait for: the second request would be due after half a minute.
    let arguments = ["--request-rate", "0.0333", "--count", "10", "--items-per-request", "10", "--timeout", "1s"];
    let report = report(&backend, &arguments, 0).await;
    assert_eq!(number(&report, "/requests/accepted"), 1.0);
    assert_eq!(report["schedule"], serde_json::json!({"requests_per_second": 0.0333, "ramp_seconds": 0.0}));
}

#[tokio::test]
async fn a_ramp_sends_less_at_first() {
    let backend = Backend::start();
    let arguments = ["--rate", "1000", "--items-per-request", "10", "--duration", "1s"];
    let (even, ramped) = (
        report(&backend, &arguments, 0).await,
        report(&backend, &[&arguments[..], &["--ramp", "1s"]].concat(), 0).await,
    );
    let due = |report: &Value| number(report, "/requests/sent") + number(report, "/requests/unsent");
    assert_eq!((due(&even), due(&ramped)), (100.0, 50.0));
}

#[tokio::test]
async fn a_signal_ends_it_with_a_summary() {
    let backend = Backend::start();
    let [endpoint, _] = aim(&backend, Wire::Grpc);
    for signal in ["INT", "TERM"] {
        let before = backend.records().len();
        let process = Process::relay(&["load", &endpoint, "--duration", "1h", "--request-rate", "100"], &[]);
        eventually("some requests", || async { (backend.records().len() > before + 5).then_some(()) }).await;
        process.signal(signal);
        let finished = process.finish().await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stdout.contains(", interrupted\n"), "{}", finished.stdout);
        assert!(finished.stdout.contains("latency     p50 "), "{}", finished.stdout);
    }
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_answers() {
    let backend = Backend::start();
    backend.always(Answer::Hang);
    let [endpoint, _] = aim(&backend, Wire::Grpc);
    let process =
        Process::relay(&["load", &endpoint, "--duration", "1h", "--timeout", "1h", "--give-up-after", "0s"], &[]);
    // Four connections with ten requests each.
    backend.wait_for_requests(40).await;
    process.signal("INT");
    let is_ending = || process.log().iter().any(|line| line.starts_with("Ending: "));
    eventually("the end of the sending", || async { is_ending().then_some(()) }).await;
    process.signal("TERM");
    let finished = process.finish().await;
    assert!(finished.stdout.contains("unanswered  40 requests"), "{}", finished.stdout);
}
