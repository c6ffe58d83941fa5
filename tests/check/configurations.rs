//! What a check says of a configuration that cannot be used, and how it ends.

use crate::looks::{Checked, check, sending};
use crate::support::backend::Backend;
use crate::support::cli::run;
use crate::support::net::free_port;

/// The configuration is refused with `class` and `words`, and nothing is tried.
#[track_caller]
fn is_unusable(found: &Checked, class: &str, words: &[&str]) {
    let failed = found.with("failed");
    let classes: Vec<_> = failed.iter().map(|check| check["class"].as_str().unwrap()).collect();
    assert_eq!(classes, [class], "{}", found.text);
    assert!(words.iter().all(|word| found.text.contains(word)), "{words:?} in\n{}", found.text);
    assert_eq!((found.code, &found.report["usable"]), (Some(3), &false.into()), "{}", found.text);
    assert!(!found.with("skipped").is_empty() && found.text.contains("needs a valid configuration"), "{}", found.text);
}

#[tokio::test]
async fn mistakes_come_first_with_their_class_and_place() {
    let unset = check(&sending("otlp_grpc", "endpoint: 'http://${env:NO_SUCH_HOST}:4317'"), &[], &[]).await;
    is_unusable(&unset, "config_unexpanded_variable", &["NO_SUCH_HOST", "relay.yaml:3:"]);
    let portless = check(&sending("otlp_grpc", "endpoint: '127.0.0.1'"), &[], &[]).await;
    is_unusable(&portless, "config_missing_port", &["4317", "relay.yaml:3:"]);
    let doubled = check(&sending("otlp_http", "endpoint: 'http://127.0.0.1:1/v1/traces'"), &[], &[]).await;
    is_unusable(&doubled, "config_signal_path_doubled", &["/v1/traces/v1/traces"]);
    let scheme = check(&sending("otlp_grpc", "endpoint: 'grpc://127.0.0.1:1'"), &[], &[]).await;
    is_unusable(&scheme, "config_unsupported_scheme", &["grpc://", "http://"]);
    let settings = "endpoint: 'http://127.0.0.1:1', headers: {authorization: 'Bearer ${env:TOKEN}'}";
    let header = check(&sending("otlp_http", settings), &[], &[("TOKEN", "s3cr3t-abc\n")]).await;
    is_unusable(&header, "config_invalid_header", &["authorization"]);
    assert!(!header.text.contains("s3cr3t-abc"), "{}", header.text);
}

#[tokio::test]
async fn a_token_with_its_quotation_marks_fails_although_the_relay_would_start() {
    let settings = "endpoint: 'http://127.0.0.1:1', headers: {authorization: '\"Bearer s3cr3t-abc\"'}";
    let found = check(&sending("otlp_http", settings), &["--only", "configuration"], &[]).await;
    found.fails("configuration", "config_invalid_header", "config", &["quotation marks"]);
    assert!(!found.text.contains("s3cr3t-abc"), "{}", found.text);
}

#[tokio::test]
async fn warnings_count_only_when_it_is_asked_for() {
    let backend = Backend::start();
    // The relay sizes its buffers by itself, which it warns of.
    let settings = format!("endpoint: '127.0.0.1:{}', tls: {{insecure: true}}, read_buffer_size: 9", backend.grpc);
    let yaml = sending("otlp_grpc", &settings);
    let found = check(&yaml, &[], &[]).await;
    assert_eq!((found.code, found.report["verdict"].as_str()), (Some(0), Some("warning")), "{}", found.text);
    assert_eq!(check(&yaml, &["--strict"], &[]).await.code, Some(1));
}

#[tokio::test]
async fn a_variable_that_leads_back_to_the_relay_fails_as_the_start_would() {
    let address = format!("127.0.0.1:{}", free_port());
    let yaml = sending("otlp_http", "endpoint: 'http://${env:BACKEND}'")
        .replace("nop: }", "otlp: {protocols: {grpc: {endpoint: 'ADDRESS'}}}}")
        .replace("[nop]", "[otlp]");
    let found = check(&yaml.replace("ADDRESS", &address), &["--only", "configuration"], &[("BACKEND", &address)]).await;
    found.fails("configuration", "config_export_loop", "config", &[&address]);
}

#[tokio::test]
async fn only_a_part_is_checked_when_that_is_asked_for() {
    let yaml = sending("otlp_http", "endpoint: 'http://127.0.0.1:1'");
    let found = check(&yaml, &["--only", "local"], &[]).await;
    let parts: Vec<_> = found.report["sections"].as_array().unwrap().iter().map(|s| s["part"].clone()).collect();
    assert_eq!(parts, ["configuration", "local"], "{}", found.text);
    assert_eq!(found.code, Some(0), "{}", found.text);
}

#[tokio::test]
async fn wrong_usage_has_a_code_of_its_own() {
    for arguments in [&["check", "--nonsense"][..], &["check", "--only", "x"], &["check", "b:1", "--config", "x"]] {
        assert_eq!(run(arguments, &[]).await.code, Some(64), "{arguments:?}");
    }
    let told = run(&["check", "b:1", "--header", "s3cr3t"], &[]).await;
    assert!(told.code == Some(64) && !told.stderr.contains("s3cr3t"), "{told:?}");
}

#[tokio::test]
async fn the_text_has_sections_marks_mends_and_a_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("relay.yaml");
    std::fs::write(&file, sending("otlp_http", "endpoint: 'http://127.0.0.1:1'")).unwrap();
    let told = run(&["check", "--config", file.to_str().unwrap()], &[]).await;
    assert_eq!((told.code, told.stderr.as_str()), (Some(2), ""), "{told:?}");
    for words in [
        "\nexporters::otlp_http → http://127.0.0.1:1\n",
        "\n√ goes directly: neither HTTP_PROXY nor http_proxy is set\n",
        "\n× connection to 127.0.0.1:1\n    connection_refused: ",
        "\n    more:  otlp-relay explain connection_refused\n",
        "\n· empty export of traces: not tried: needs a connection\n",
    ] {
        assert!(told.stdout.contains(words), "no {words:?} in\n{}", told.stdout);
    }
    assert!(told.stdout.lines().last().unwrap().starts_with("Verdict: failed: 1 failed, "), "{}", told.stdout);
    assert!(!told.stdout.contains('\u{1b}'), "colours without a terminal:\n{}", told.stdout);
}
