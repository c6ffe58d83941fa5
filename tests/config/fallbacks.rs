//! Which exporters take over from which, and what is wrong with them.

use std::time::Duration;

use otlp_relay::config::Fallback;

use super::*;

/// A configuration whose exporters begin on line 3.
fn with_exporters(exporters: &str) -> String {
    format!(
        "receivers: {{nop: }}\nexporters:\n{exporters}\
         service: {{pipelines: {{traces: {{receivers: [nop], exporters: [otlp_grpc/a]}}, \
         logs: {{receivers: [nop], exporters: [otlp_grpc/a]}}}}}}\n"
    )
}

fn fallback(text: &str) -> Option<Fallback> {
    let config = good(text);
    config.exporters[&id("otlp_grpc/a")].fallback().cloned()
}

#[test]
fn fallbacks_have_defaults_and_need_no_pipeline() {
    let usual = Fallback {
        exporters: vec![id("file/b"), id("otlp_http/c")],
        max_consecutive_failures: 5,
        max_outage: Duration::from_secs(30),
        retry_interval: Duration::from_secs(30),
    };
    let exporters = "  file/b: {path: /b}\n  otlp_http/c: {endpoint: 'http://c'}\n";
    let with = |fallback: &str| with_exporters(&format!("  otlp_grpc/a: {{endpoint: 'a:1', {fallback}}}\n{exporters}"));
    assert_eq!(fallback(&with("fallback: {exporters: [file/b, otlp_http/c]}")), Some(usual.clone()));
    let own = "fallback: {exporters: [file/b], max_consecutive_failures: 1, max_outage: 2s, retry_interval: 3s}";
    let expected = Fallback {
        exporters: vec![id("file/b")],
        max_consecutive_failures: 1,
        max_outage: Duration::from_secs(2),
        retry_interval: Duration::from_secs(3),
    };
    assert_eq!(fallback(&with(own)), Some(expected));
    assert_eq!(fallback(&with("fallback: ")), None);
    assert_eq!(fallback(&with("fallback: {enabled: false}")), None);
}

#[test]
fn fallbacks_that_cannot_take_over_are_named() {
    let check = |exporters: &str, expected: &[&str]| check_problems(&[], &with_exporters(exporters), expected);
    check(
        "  otlp_grpc/a: {endpoint: 'a:1', fallback: {exporters: [file/spil, file/spill, file/spill]}}\n  file/spill: {path: /s}\n",
        &[
            "c.yaml:3:57: exporters::otlp_grpc/a::fallback::exporters::0: references exporter \"file/spil\" which is not \
             configured; did you mean \"file/spill\"?",
            "c.yaml:3:80: exporters::otlp_grpc/a::fallback::exporters::2: names exporter \"file/spill\" twice; \
             take it out once: each fallback is tried once in its turn",
        ],
    );
    check(
        "  otlp_grpc/a: {endpoint: 'a:1', fallback: {exporters: [otlp_http/c]}}\n  otlp_http/c: {traces_endpoint: 'http://c'}\n",
        &["c.yaml:3:57: exporters::otlp_grpc/a::fallback::exporters::0: otlp_http/c has no endpoint for logs, which \
           otlp_grpc/a is sent; write endpoint or logs_endpoint in otlp_http/c"],
    );
    check(
        "  otlp_grpc/a: {endpoint: 'a:1', fallback: {exporters: [], max_consecutive_failures: 0, max_outage: 0s}}\n",
        &[
            "c.yaml:3:34: exporters::otlp_grpc/a::fallback: `max_consecutive_failures` must be positive",
            "c.yaml:3:34: exporters::otlp_grpc/a::fallback: `max_outage` must be positive",
            "c.yaml:3:45: exporters::otlp_grpc/a::fallback::exporters: must have at least one exporter; \
             write exporters: [otlp_http/standby]",
        ],
    );
}

#[test]
fn fallbacks_that_lead_back_are_a_loop() {
    let itself = with_exporters("  otlp_grpc/a: {endpoint: 'a:1', fallback: {exporters: [otlp_grpc/a]}}\n");
    check_problems(
        &[],
        &itself,
        &[
            "c.yaml:3:57: exporters::otlp_grpc/a::fallback::exporters::0: a loop of fallbacks: otlp_grpc/a -> otlp_grpc/a; \
           let one of them have no fallback that leads back",
        ],
    );
    let around = with_exporters(
        "  otlp_grpc/a: {endpoint: 'a:1', fallback: {exporters: [otlp_grpc/b]}}\n  \
         otlp_grpc/b: {endpoint: 'b:1', fallback: {exporters: [otlp_grpc/a]}}\n",
    );
    check_mistake(&around, Mistake::Cycle);
}

#[test]
fn a_fallback_that_sends_to_the_relay_itself_is_a_loop_too() {
    let text = "receivers: {otlp: {protocols: {grpc: }}}\nexporters:\n  \
                otlp_grpc/a: {endpoint: 'a:1', fallback: {exporters: [otlp_grpc/b]}}\n  \
                otlp_grpc/b: {endpoint: 'localhost:4317'}\n\
                service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc/a]}}}\n";
    check_mistake(text, Mistake::ExportLoop);
}
