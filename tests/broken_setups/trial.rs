//! One set-up, tried several times: what its log and its metrics must say, and what they must not.

use crate::support::client::{Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// Whatever depends on luck shows in one of these.
pub(crate) const RUNS: usize = 5;
/// A value that stands in headers and URLs, and must not come out again.
pub(crate) const SECRET: &str = "s3cr3t-abc";

/// What is wrong, as the relay must say it.
pub(crate) struct Expected<'a> {
    pub(crate) class: &'a str,
    pub(crate) phase: &'a str,
    pub(crate) retry: Again,
    /// Each must occur, in any case; `a|b` is either.
    pub(crate) words: &'a [&'a str],
    /// None may occur.
    pub(crate) never: &'a [&'a str],
}

/// What becomes of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It is kept and sent again.
    Yes,
    /// It is given up.
    No,
}

/// A set-up with one exporter with these settings, beside its quick retries.
pub(crate) fn exporting(exporter: &str, settings: &str) -> Setup {
    Setup::new().exporter(exporter, settings)
}

/// Runs `setup` several times, sends it one request each time, and expects `expected`.
pub(crate) async fn check(setup: impl Fn() -> Setup, environment: &[(&str, &str)], expected: &Expected<'_>) {
    for _ in 0..RUNS {
        check_once(Relay::start_with(&setup(), environment).await, expected).await;
    }
}

/// Sends one request to `relay`, whose only exporter is wrong.
pub(crate) async fn check_once(relay: Relay, expected: &Expected<'_>) {
    let class = format!("class={}", expected.class);
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    // What the sender hears is another test's matter.
    let _ = client.send(&lean_spans("app", 0..1)).await;
    let line = relay.wait_for_line(&["export failed"]).await;
    assert!(line.contains(&class), "another class than {class}: {line}");
    assert!(line.contains(&format!("phase={}", expected.phase)), "another phase than {}: {line}", expected.phase);
    let again = if line.contains("retry=no") { Again::No } else { Again::Yes };
    assert_eq!(again, expected.retry, "{line}");
    let metrics = relay.wait_for_metrics("the failure", |metrics| !metrics.counted("error_type").is_empty()).await;
    let counted: Vec<String> = metrics.counted("error_type").into_iter().collect();
    assert_eq!(counted, [expected.class], "{line}");
    let log = relay.log();
    let told = log.lines().filter(|line| line.contains("export failed") && line.contains(&class)).count();
    assert_eq!(told, 1, "told {told} times:\n{log}");
    check_words(&log, expected.words, expected.never);
}

/// Whether `text` says all of `words`, none of `never`, and no secret.
#[track_caller]
pub(crate) fn check_words(text: &str, words: &[&str], never: &[&str]) {
    let lower = text.to_lowercase();
    let says = |word: &str| lower.contains(&word.to_lowercase());
    for wanted in words {
        assert!(wanted.split('|').any(says), "no {wanted:?} in\n{text}");
    }
    for unwanted in never.iter().chain(&[SECRET, "_OTHER"]) {
        assert!(!says(unwanted), "{unwanted:?} in\n{text}");
    }
}
