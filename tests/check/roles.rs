//! Whether a check looks at exporters that data reaches only in need, and says what they are there for.

use crate::looks::{Checked, check};
use crate::support::backend::Backend;
use crate::support::net::free_port;

#[track_caller]
fn section<'c>(found: &'c Checked, title: &str) -> &'c serde_json::Value {
    let sections = found.report["sections"].as_array().unwrap();
    let of = sections.iter().find(|section| section["title"].as_str().unwrap().starts_with(title));
    of.unwrap_or_else(|| panic!("no section {title} in\n{}", found.text))
}

#[tokio::test]
async fn a_fallback_that_does_not_work_is_found_before_it_is_needed() {
    let backend = Backend::start();
    let yaml = format!(
        "receivers: {{nop: }}\nexporters:\n  otlp_grpc: {{endpoint: '127.0.0.1:{}', tls: {{insecure: true}}, \
         fallback: {{exporters: [otlp_http/backup]}}}}\n  otlp_http/backup: {{endpoint: 'http://127.0.0.1:{}'}}\n\
         service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{traces: {{receivers: [nop], exporters: \
         [otlp_grpc]}}}}}}\n",
        backend.grpc,
        free_port()
    );
    let found = check(&yaml, &["--only", "exporters"], &[]).await;
    let backup = section(&found, "exporters::otlp_http/backup → ");
    assert_eq!(backup["role"], "fallback of otlp_grpc");
    assert!(section(&found, "exporters::otlp_grpc → ")["role"].is_null());
    found.fails("connect", "connection_refused", "connect", &["refused the connection"]);
    let failed: Vec<_> = found.with("failed").iter().map(|check| check["target"].clone()).collect();
    assert_eq!(failed, ["exporters::otlp_http/backup"], "{}", found.text);
}

#[tokio::test]
async fn exporters_behind_connectors_are_shown_as_such() {
    let backend = Backend::start();
    let yaml = format!(
        "receivers: {{nop: }}\nexporters:\n  otlp_grpc: {{endpoint: '127.0.0.1:{}', tls: {{insecure: true}}}}\n  \
         otlp_http: {{endpoint: 'http://127.0.0.1:{}'}}\n  nop: \nconnectors:\n  failover: {{priority_levels: \
         [[traces/a], [traces/b]]}}\n  forward: \nservice:\n  telemetry: {{metrics: {{level: none}}}}\n  pipelines:\n    \
         traces: {{receivers: [nop], exporters: [failover, forward]}}\n    \
         traces/a: {{receivers: [failover], exporters: [otlp_grpc]}}\n    \
         traces/b: {{receivers: [failover], exporters: [otlp_http]}}\n    \
         traces/c: {{receivers: [forward], exporters: [nop]}}\n",
        backend.grpc, backend.http
    );
    let found = check(&yaml, &["--only", "exporters"], &[]).await;
    assert_eq!(found.code, Some(0), "{}", found.text);
    for (title, role) in [
        ("exporters::otlp_grpc → ", "behind failover, level 1 (traces/a)"),
        ("exporters::otlp_http → ", "behind failover, level 2 (traces/b)"),
        ("exporters::nop", "behind forward (traces/c)"),
    ] {
        assert_eq!(section(&found, title)["role"], role, "{}", found.text);
    }
}
