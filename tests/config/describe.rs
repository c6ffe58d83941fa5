//! What print-config shows: every key that is written, every default, no secret; and that it can be read again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use otlp_relay::config::{Secrets, describe};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::everything::everything;

fn described(text: &str, secrets: Secrets) -> (otlp_relay::config::Description, Result<Config, Problems>) {
    let files = HashMap::from([("c.yaml", text.as_bytes().to_vec())]);
    let variables = HashMap::from([("TOKEN", "s3cr3t$${x}"), ("LEVEL", "debug"), ("NUMBER", "0123")]);
    let origin = Origin { locations: vec!["c.yaml".to_owned()], ..Origin::default() };
    describe(&origin, &Played { variables, files }, secrets).unwrap_or_else(|problems| panic!("{problems}"))
}

#[track_caller]
fn check_same(a: &Config, b: &Config, text: &str) {
    assert_eq!(a.receivers, b.receivers, "{text}");
    assert_eq!(a.processors, b.processors, "{text}");
    assert_eq!(a.exporters, b.exporters, "{text}");
    assert_eq!(a.connectors, b.connectors, "{text}");
    assert_eq!(a.extensions, b.extensions, "{text}");
    assert_eq!(a.pipelines, b.pipelines, "{text}");
    assert_eq!(a.started_extensions, b.started_extensions, "{text}");
    assert_eq!(a.telemetry, b.telemetry, "{text}");
    assert_eq!(a.shutdown_timeout, b.shutdown_timeout, "{text}");
}

/// What is printed of `text` is read as `text` is.
#[track_caller]
fn check_reads_again(text: &str) -> Value {
    let (description, config) = described(text, Secrets::Shown);
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    for printed in [description.to_yaml(), description.to_json()] {
        let again = described(&printed, Secrets::Shown).1.unwrap_or_else(|problems| panic!("{problems}\n{printed}"));
        check_same(&config, &again, &printed);
    }
    serde_json::from_str(&description.to_json()).unwrap()
}

/// Each leaf of `written` stands at the same place of `shown`.
#[track_caller]
pub(crate) fn check_shows(shown: &Value, written: &Value, path: &str) {
    match (shown, written) {
        (Value::Object(shown), Value::Object(written)) => {
            for (key, value) in written {
                let inside = shown.get(key).unwrap_or_else(|| panic!("{path}::{key} is not shown"));
                check_shows(inside, value, &format!("{path}::{key}"));
            }
        }
        (Value::Array(shown), Value::Array(written)) => {
            assert_eq!(shown.len(), written.len(), "{path}");
            shown.iter().zip(written).for_each(|(shown, written)| check_shows(shown, written, path));
        }
        _ => assert_eq!(shown, written, "{path}"),
    }
}

#[test]
fn every_accepted_key_is_shown_with_its_value() {
    let text = everything().to_string();
    let shown = check_reads_again(&text);
    check_shows(&shown, &everything(), "");
}

#[test]
fn what_is_not_written_is_shown_with_its_default() {
    let shown = check_reads_again(
        "receivers: {otlp: {protocols: {grpc: , http: {}}}}\nprocessors: {batch: , memory_limiter: {limit_mib: 9}}\n\
         exporters: {otlp: {endpoint: 'h:1', sending_queue: {batch: }}, otlphttp/a: {endpoint: 'http://h:1'}, debug: ,\
         prometheus: {endpoint: ':1'}}\n\
         extensions: {health_check: }\n\
         service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp, otlphttp/a, debug]}, \
         metrics: {receivers: [otlp], exporters: [prometheus]}}}\n",
    );
    for (path, expected) in [
        ("/receivers/otlp/protocols/grpc/endpoint", json!("0.0.0.0:4317")),
        ("/receivers/otlp/protocols/http/max_request_body_size", json!(20971520)),
        ("/processors/batch/timeout", json!("200ms")),
        ("/processors/memory_limiter/check_interval", json!("1s")),
        ("/exporters/otlp/timeout", json!("5s")),
        ("/exporters/otlp/sending_queue/batch/min_size", json!(8192)),
        ("/exporters/otlp/retry_on_failure/randomization_factor", json!(0.5)),
        ("/exporters/otlphttp~1a/timeout", json!("30s")),
        ("/exporters/debug/verbosity", json!("basic")),
        ("/exporters/prometheus/metric_expiration", json!("5m")),
        ("/exporters/prometheus/max_series", json!(200_000)),
        ("/extensions/health_check/path", json!("/")),
        ("/service/shutdown_timeout", json!("8s")),
        ("/service/telemetry/logs/level", json!("info")),
        ("/service/telemetry/metrics/readers/0/pull/exporter/prometheus/port", json!(8888)),
    ] {
        assert_eq!(shown.pointer(path), Some(&expected), "{path}");
    }
    assert_eq!(shown.pointer("/exporters/debug/sending_queue"), None);
}

#[test]
fn what_is_off_or_written_in_early_words_is_read_again() {
    check_reads_again(&with_exporter("debug: {loglevel: debug}"));
    check_reads_again(&with_exporter("otlp: {endpoint: 'http://h:1', protocol: http/json}"));
    check_reads_again(&with_exporter("otlp: {endpoint: 'h:1', insecure: true, sending_queue: {blocking: true}}"));
    check_reads_again(&with_exporter(
        "otlp_http: {endpoint: 'http://h:1', sending_queue: {enabled: false, batch: }, retry_on_failure: {enabled: false}}",
    ));
    check_reads_again(&with_exporter(
        "zipkin: {endpoint: 'http://h:1', sending_queue: {batch: }, dead_letter: {directory: /l}}",
    ));
    let telemetry = |telemetry: &str| {
        let text = with_exporter("nop:").replace("service: {", &format!("service: {{telemetry: {telemetry}, "));
        check_reads_again(&text);
    };
    telemetry("{metrics: {address: ':9999'}}");
    telemetry("{metrics: {level: none, readers: []}, logs: {sampling: }}");
    telemetry("{logs: {sampling: {initial: 5}}, resource: {service.name: }}");
    telemetry(
        "{metrics: {readers: [{periodic: {exporter: {otlp: {endpoint: 'http://h:4318', protocol: http/protobuf}}}}]}}",
    );
}

#[test]
fn secrets_are_shown_only_when_asked_for() {
    let exporter = "otlp: {endpoint: 'h:1', headers: {authorization: 'Bearer ${TOKEN}', x: '${NUMBER}'}, \
                    tls: {ca_pem: s3cr3t}}";
    let redacted = described(&with_exporter(exporter), Secrets::Redacted).0.to_yaml();
    assert!(!redacted.contains("s3cr3t") && !redacted.contains("123"), "{redacted}");
    assert_eq!(redacted.matches("[REDACTED]").count(), 3, "{redacted}");
    let shown = check_reads_again(&with_exporter(exporter));
    assert_eq!(shown.pointer("/exporters/otlp/headers/authorization"), Some(&json!("Bearer s3cr3t$$$${x}")));
    assert_eq!(shown.pointer("/exporters/otlp/headers/x"), Some(&json!("0123")));
    for proxy in ["http://u:s3cr3t@p:1", "u:s3cr3t@p:1"] {
        let text = with_exporter(&format!("otlp_http: {{endpoint: 'http://h:1', proxy_url: '{proxy}'}}"));
        assert!(!described(&text, Secrets::Redacted).0.to_yaml().contains("s3cr3t"));
    }
    let listed = with_exporter("otlp: {endpoint: 'h:1', headers: [{name: a, value: s3cr3t}]}");
    assert!(!described(&listed, Secrets::Redacted).0.to_yaml().contains("s3cr3t"));
}

/// The source of each decoder.
fn decoders() -> Vec<(PathBuf, String)> {
    let (mut folders, mut found) = (vec![PathBuf::from("src/config/decode")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// A secret that a decoder reads without saying so would be printed.
#[test]
fn decoders_read_secrets_as_secrets() {
    for (path, text) in decoders() {
        // A proxy's password is a part of its URL, which is shown without.
        let is_exempt = path.ends_with("proxies.rs");
        assert!(is_exempt || !text.contains("Secret::new("), "{}: read it with Reading::secret", path.display());
    }
}

proptest! {
    #[test]
    fn any_value_is_read_again(header in "[ -~]{0,20}", number in "[0-9]{1,6}", name in "[a-z]{1,8}") {
        let exporter = json!({
            "endpoint": "http://h:1",
            "headers": {name: header.replace('$', "$$"), "number": number},
            "sending_queue": {"queue_size": 7},
        });
        check_reads_again(&with_exporter(&format!("otlp_http: {exporter}")));
    }
}

/// The keys that the decoders ask for, as far as they are called by their names.
fn asked_for() -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for (_, text) in decoders() {
        for call in ASKING.map(|method| format!("{method}(\"")) {
            let keys = text.split(&call).skip(1).filter_map(|rest| rest.split('"').next());
            asked
                .extend(keys.filter(|key| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')).map(str::to_owned));
        }
    }
    asked
}

/// By which the decoders ask for a key.
const ASKING: [&str; 12] = [
    ".value",
    ".entry",
    ".text",
    ".text_value",
    ".boolean",
    ".unsigned",
    ".float",
    ".duration",
    ".choice",
    ".optional",
    "without",
    " time",
];

fn keys_of(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            keys_of(value, keys);
        }),
        Value::Array(items) => items.iter().for_each(|item| keys_of(item, keys)),
        _ => {}
    }
}

#[test]
fn no_key_is_forgotten_here() {
    let mut written = BTreeSet::new();
    keys_of(&everything(), &mut written);
    let asked = asked_for();
    assert!(60 < asked.len(), "the decoders are read: {asked:?}");
    let forgotten: Vec<&String> =
        asked.iter().filter(|key| !written.contains(*key) && !OTHER_WORDS.contains(&key.as_str())).collect();
    assert!(forgotten.is_empty(), "write {forgotten:?} into everything()");
}

/// Keys that stand for another one or for nothing, or that are refused.
const OTHER_WORDS: [&str; 10] = [
    "wal",
    "address",
    "attributes_list",
    "blocking",
    "cookies",
    "cors_allowed_origins",
    "group_by",
    "loglevel",
    "traces",
    "protocol",
];
