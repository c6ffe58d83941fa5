//! Does the official parser of Prometheus' client library read what is written? Without python3 or its package registry
//! a test says so and passes; `OTLP_RELAY_REQUIRE_INTEROP=1` makes that a failure.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use http::Method;
use serde_json::{Value, json};

use crate::metrics::all;
use crate::scraping::scraped_at;
use crate::support::client::{Coding, Wire, http_request};
use crate::support::interop::{Absence, installed};
use crate::support::net::free_port;
use crate::support::relay::Relay;

/// The samples that the parser sees.
fn parsed(place: &Path, format: &str, text: &str) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/prometheus/parse.py");
    let mut command = Command::new(place.join("venv/bin/python"));
    command.arg(script).arg(format).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the parser refuses this:\n{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is sent is read again from what is scraped with this `accept`.
async fn check(format: &str, accept: &str, settings: &str) {
    let Some(place) = installed("prometheus", Absence::FailsInCi) else { return };
    let port = free_port();
    let relay = Relay::start(&scraped_at(port, settings)).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&all()).await;
    let text = http_request(Method::GET, port, "/metrics", &[("accept", accept)], "").await.text();
    let samples = parsed(&place, format, &text);
    relay.stop_without_loss().await;

    let utf8 = settings.contains("NoUTF8");
    let name =
        |classic: &'static str| if utf8 { classic.replacen("traffic_in", "traffic.in", 1) } else { classic.into() };
    for (name, label, value) in [
        (name("traffic_in_bytes_total"), ("odd", "a\"b\\c\nd{e}"), json!(3e6)),
        (name("use_ratio"), ("index", "1"), json!(1e300)),
        (name("use_ratio"), ("index", "3"), json!("nan")),
        (name("use_ratio"), ("index", "4"), json!("inf")),
        (name("latency_seconds_bucket"), ("le", "0.5"), json!(1.0)),
        (name("latency_seconds_bucket"), ("le", "+Inf"), json!(7.0)),
        (name("latency_seconds_sum"), ("job", "shop"), json!(12.5)),
        (name("size_count"), ("job", "shop"), json!(5.0)),
        (name("age_milliseconds"), ("quantile", "0.99"), json!("inf")),
        (name("age_milliseconds_count"), ("instance", "1"), json!(3.0)),
        (name("target_info"), (if utf8 { "host.name" } else { "host_name" }, "h"), json!(1.0)),
    ] {
        let found =
            samples.iter().find(|sample| sample["name"] == name.as_str() && sample["labels"][label.0] == label.1);
        let found = found.unwrap_or_else(|| panic!("no {name} {label:?} in\n{text}"));
        // 1 and 1.0 are one number.
        let same =
            found["value"] == value || found["value"].as_f64().is_some_and(|found| Some(found) == value.as_f64());
        assert!(same, "{name} {label:?}: {found}");
        assert!(found["type"] != "unknown" && found["type"] != "untyped", "{found}");
    }
    let about = samples.iter().find(|sample| sample["name"] == "latency_seconds_count").unwrap();
    assert_eq!(about["help"], "About \"latency\" \\ and\nmore");
    if format == "openmetrics" {
        assert_eq!(about["unit"], "seconds");
        let has =
            |name: &str| samples.iter().filter(|s| s["name"] == name).filter(|s| !s["exemplar"].is_null()).count();
        assert_eq!((has(&name("traffic_in_bytes_total")), has("latency_seconds_bucket")), (1, 2));
    }
}

#[tokio::test]
async fn the_text_format_is_read_by_the_official_parser() {
    check("text", "text/plain", "").await;
    check("text", "text/plain", ", send_timestamps: true, enable_open_metrics: true").await;
}

#[tokio::test]
async fn open_metrics_is_read_by_the_official_parser() {
    let accept = "application/openmetrics-text;version=1.0.0";
    check("openmetrics", accept, ", enable_open_metrics: true").await;
    check("openmetrics", accept, ", enable_open_metrics: true, send_timestamps: true").await;
}

#[tokio::test]
async fn names_of_all_characters_are_read_by_the_official_parser() {
    let settings = ", enable_open_metrics: true, translation_strategy: NoUTF8EscapingWithSuffixes";
    let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8";
    check("openmetrics", accept, settings).await;
    check("text", "text/plain;version=1.0.0;escaping=allow-utf-8", settings).await;
}
