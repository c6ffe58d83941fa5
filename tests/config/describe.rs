//! What print-config shows: every key that is written, every default, no secret; and that it can be read again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use otlp_relay::config::{Secrets, describe};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

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
const OTHER_WORDS: [&str; 9] = [
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

/// Every key that has an effect, once.
pub(crate) fn everything() -> Value {
    json!({
        "receivers": {
            "otlp": {"protocol_detection": "on", "max_in_flight_mib": 8, "protocols": {
                "grpc": {
                    "endpoint": "127.0.0.1:1", "transport": "tcp", "max_recv_msg_size_mib": 5,
                    "max_concurrent_streams": 6, "max_connections": 7, "keepalive": keepalive(), "include_metadata": true,
                    "auth": {"authenticator": "bearertokenauth"},
                    "tls": {
                        "cert_file": "/cert", "key_file": "/key", "client_ca_file": "/ca", "reload_interval": "1m",
                        "client_ca_file_reload": true, "min_version": "1.2", "max_version": "1.3",
                        "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
                        "include_insecure_cipher_suites": false, "curve_preferences": ["X25519", "P256"],
                    },
                },
                "http": http(),
            }},
            "prometheus": {"config": {
                "global": {
                    "scrape_interval": "20s", "scrape_timeout": "5s", "external_labels": {"a": "b"},
                    "body_size_limit": "1MB", "sample_limit": 9,
                },
                "scrape_configs": [{
                    "job_name": "j", "scrape_interval": "30s", "scrape_timeout": "4s", "metrics_path": "/m",
                    "scheme": "https", "params": {"p": ["1", "2"]}, "honor_labels": true, "honor_timestamps": false,
                    "follow_redirects": false, "body_size_limit": "2MB", "sample_limit": 10, "label_limit": 11,
                    "label_name_length_limit": 12, "label_value_length_limit": 13,
                    "authorization": {"type": "Token", "credentials": "s3"},
                    "http_headers": {"x-a": {"values": ["b"], "secrets": ["s4"]}},
                    "tls_config": {
                        "ca": "a", "cert_file": "/cert", "key_file": "/key", "server_name": "n",
                        "insecure_skip_verify": true,
                    },
                    "static_configs": [{"targets": ["h:1", "[::1]:2"], "labels": {"c": "d"}}],
                    "relabel_configs": [{"source_labels": ["__address__"], "regex": "(.*):.*", "target_label": "host"}],
                    "metric_relabel_configs": [{
                        "source_labels": ["a", "b"], "separator": "-", "regex": "x", "target_label": "y",
                        "replacement": "z", "action": "replace", "modulus": 0,
                    }],
                }, {
                    "job_name": "k", "basic_auth": {"username": "u", "password": "s5"},
                    "static_configs": [{"targets": ["h"]}],
                }],
            }},
            "nop": null,
        },
        "processors": {
            "batch": {
                "timeout": "1s", "send_batch_size": 2, "send_batch_max_size": 3, "metadata_keys": ["tenant"],
                "metadata_cardinality_limit": 4,
            },
            "memory_limiter": {"check_interval": "4s", "limit_mib": 100, "spike_limit_mib": 20},
            "memory_limiter/share": {"check_interval": "4s", "limit_percentage": 50, "spike_limit_percentage": 20},
            "resource": {"attributes": [
                {"key": "a", "action": "upsert", "value": 1}, {"key": "b", "action": "delete"},
                {"key": "c", "action": "insert", "from_attribute": "a"},
            ]},
            "attributes/unused": {"actions": [{"key": "a", "action": "delete", "pattern": "b"}], "include": {
                "match_type": "strict", "span_names": ["a"], "span_kinds": ["b"], "log_bodies": ["c"],
                "log_severity_texts": ["d"], "log_severity_number": {"min": "INFO", "match_undefined": true},
                "metric_names": ["e"],
            }},
            "attributes": {"include": matching("strict"), "exclude": matching("regexp"), "actions": [
                {"key": "g", "action": "extract", "pattern": "^(?P<h>.*)$"},
                {"key": "d", "action": "insert", "from_context": "metadata.tenant"}, {"key": "e", "action": "hash"},
                {"key": "f", "action": "convert", "converted_type": "int"},
            ]},
        },
        "exporters": {
            "otlp_grpc": otlp(json!({
                "endpoint": "h:3", "authority": "a:1", "user_agent": "u", "balancer_name": "pick_first",
                "wait_for_ready": true, "auth": {"authenticator": "headers_setter"},
                "keepalive": {"time": "11s", "timeout": "12s", "permit_without_stream": true},
                "fallback": {
                    "enabled": true, "exporters": ["otlp_http", "file"], "max_consecutive_failures": 4,
                    "max_outage": "16s", "retry_interval": "17s",
                },
                "tls": {
                    "insecure": false, "insecure_skip_verify": true, "server_name_override": "n", "ca_file": "/ca",
                    "cert_file": "/cert", "key_file": "/key", "include_system_ca_certs_pool": true,
                },
            })),
            "otlp_http": otlp(json!({
                "endpoint": "https://h:4/p", "encoding": "json", "proxy_url": "http://p:1",
                "auth": {"authenticator": "oauth2client"},
                "traces_endpoint": "http://h:5/t", "metrics_endpoint": "http://h:5/m", "logs_endpoint": "http://h:5/l",
                "compression_params": {"level": 4}, "max_idle_conns": 7, "max_idle_conns_per_host": 8,
                "max_conns_per_host": 9,
                "force_attempt_http2": false, "disable_keep_alives": true, "idle_conn_timeout": "13s",
                "http2_read_idle_timeout": "14s", "http2_ping_timeout": "15s",
                "tls": {"ca_pem": "a", "cert_pem": "b", "key_pem": "c"},
            })),
            "debug": {
                "verbosity": "detailed", "sampling_initial": 5, "sampling_thereafter": 6,
                "sending_queue": {
                    "enabled": true, "queue_size": 7, "storage": "file_storage", "overflow": "drop_oldest",
                    "on_storage_failure": "memory", "max_age": "24h", "replay_rate": 5,
                },
                "use_internal_logger": false,
                "output_paths": ["stderr"],
            },
            "file": {
                "path": "/f", "append": false, "format": "proto", "compression": "zstd", "create_directory": true,
                "directory_permissions": "0700", "flush_interval": "1s", "compression_params": {"level": 3},
                "rotation": {"enabled": true, "max_megabytes": 1, "max_days": 2, "max_backups": 3},
            },
            "prometheus": {
                "endpoint": "127.0.0.1:8", "transport": "tcp", "namespace": "n", "const_labels": {"a": "1", "b": "c"},
                "send_timestamps": true, "metric_expiration": "3h", "enable_open_metrics": true,
                "add_metric_suffixes": false, "translation_strategy": "NoTranslation", "without_scope_info": true,
                "max_series": 7, "response_headers": {"x-served-by": "relay"}, "keep_alives_enabled": false,
                "read_timeout": "8s", "read_header_timeout": "9s", "idle_timeout": "10s",
                "resource_to_telemetry_conversion": {"enabled": true, "exclude_service_attributes": true},
                "resource_constant_labels": {"included": ["k8s.*"], "excluded": ["*.id"]},
                "tls": {"cert_file": "/cert", "key_file": "/key", "client_ca_file": "/ca"},
            },
            "prometheusremotewrite": otlp(json!({
                "endpoint": "https://h:9/api/v1/write", "namespace": "n", "external_labels": {"a": "b"},
                "compression": "snappy", "disable_scope_info": true, "send_metadata": true,
                "target_info": {"enabled": false}, "remote_write_queue": {"enabled": false, "queue_size": 4},
                "resource_to_telemetry_conversion": {"enabled": true}, "add_metric_suffixes": false,
                "auth": {"authenticator": "oauth2client"},
            })),
            "zipkin": otlp(json!({
                "endpoint": "http://h:9/api/v2/spans", "format": "proto", "default_service_name": "n",
                "compression_params": {"level": 4},
            })),
            "nop": null,
        },
        "connectors": {
            "forward": null,
            "failover": {
                "priority_levels": [["traces/first"], ["traces/second"]], "retry_interval": "18s",
                "sending_queue": {"enabled": true, "queue_size": 19},
            },
        },
        "extensions": {
            "file_storage": {
                "directory": "/d", "timeout": "2s", "fsync": false, "create_directory": true,
                "directory_permissions": "0700", "recreate": true, "max_size": 1048576,
                "compaction": {
                    "on_start": true, "on_rebound": true, "directory": "/c", "rebound_needed_threshold_mib": 1,
                    "rebound_trigger_threshold_mib": 2, "max_transaction_size": 3, "check_interval": "4s",
                    "cleanup_on_start": true,
                },
            },
            "health_check": {
                "endpoint": "127.0.0.1:5", "path": "/p", "response_body": {"healthy": "y", "unhealthy": "n"},
            },
            "zpages": {"endpoint": "127.0.0.1:6"},
            "bearertokenauth": {"header": "x-token", "scheme": "", "token": "a"},
            "bearertokenauth/many": {"tokens": ["a", "b"]},
            "bearertokenauth/file": {"filename": "/f"},
            "basicauth": {"htpasswd": {"file": "/f", "inline": "a:b"}},
            "basicauth/client": {"client_auth": {"username": "a", "password_file": "/f"}},
            "basicauth/files": {"client_auth": {"username_file": "/f", "password": "b"}},
            "headers_setter": {
                "headers": [
                    {"key": "a", "action": "insert", "value": "b"},
                    {"key": "c", "from_context": "d", "default_value": "e"},
                    {"key": "f", "action": "delete"},
                    {"key": "g", "value_file": "/f"},
                ],
                "additional_auth": "basicauth/client",
            },
            "oauth2client": {
                "client_id": "a", "client_secret": "b", "token_url": "https://t:1/token", "scopes": ["c", "d"],
                "endpoint_params": {"e": "f"}, "timeout": "1s", "expiry_buffer": "2s",
                "grant_type": "client_credentials", "tls": {"ca_file": "/ca"},
            },
            "oauth2client/files": {
                "client_id_file": "/f", "client_secret_file": "/f", "token_url": "http://t:1/token",
            },
            "pprof": {"endpoint": "127.0.0.1:7"},
            "debug_dump": {
                "directory": "/d", "which": "all", "sample": 2, "payload": "otlp_json", "max_bytes": 5000000,
                "max_age": "1h", "exporters": ["otlp_grpc"],
            },
        },
        "service": {
            "extensions": [
                "health_check", "zpages", "pprof", "bearertokenauth", "bearertokenauth/file", "basicauth",
                "headers_setter", "oauth2client", "debug_dump", "file_storage",
            ],
            "shutdown_timeout": "9s",
            "pipelines": {
                "metrics": {"receivers": ["otlp"], "exporters": ["prometheus"]},
                "traces/a": {
                    "receivers": ["otlp", "nop"],
                    "processors": ["memory_limiter", "batch", "resource", "attributes"],
                    "exporters": ["otlp_grpc", "otlp_http", "debug", "file", "nop", "forward"],
                },
                "traces/b": {"receivers": ["forward"], "exporters": ["failover"]},
                "traces/first": {"receivers": ["failover"], "exporters": ["nop"]},
                "traces/second": {"receivers": ["failover"], "exporters": ["debug"]},
            },
            "telemetry": telemetry(),
        },
    })
}

fn http() -> Value {
    json!({
        "endpoint": "127.0.0.1:2", "transport": "tcp4", "max_request_body_size": 6000, "traces_url_path": "/t",
        "metrics_url_path": "/m", "logs_url_path": "/l", "compression_algorithms": ["", "gzip"],
        "include_metadata": true, "response_headers": {"x-served-by": "relay"}, "keep_alives_enabled": true,
        "max_connections": 9, "read_timeout": "8s", "read_header_timeout": "9s", "idle_timeout": "10s",
        "auth": {"authenticator": "basicauth"},
        "cors": {
            "allowed_origins": ["https://a"], "allowed_headers": ["x-tenant"], "exposed_headers": ["x-served-by"],
            "max_age": 7,
        },
    })
}

fn keepalive() -> Value {
    json!({
        "server_parameters": {
            "max_connection_idle": "1s", "max_connection_age": "2s", "max_connection_age_grace": "3s", "time": "4s",
            "timeout": "5s",
        },
        "enforcement_policy": {"min_time": "6s", "permit_without_stream": true},
    })
}

/// The keys of `own` and those that sending exporters share.
fn otlp(own: Value) -> Value {
    let mut keys = json!({
        "timeout": "7s",
        "compression": "zstd",
        "headers": {"a": "b"},
        "retry_on_failure": {
            "enabled": true, "initial_interval": "1s", "randomization_factor": 0.25, "multiplier": 2.5,
            "max_interval": "2s", "max_elapsed_time": "3s", "retryable_status_codes": [],
        },
        "sending_queue": {
            "enabled": true, "num_consumers": 2, "queue_size": 300, "sizer": "items", "block_on_overflow": true,
            "wait_for_result": true,
            "batch": {
                "flush_timeout": "4s", "min_size": 5, "max_size": 6, "sizer": "items",
                "partition": {"metadata_keys": ["tenant"]},
            },
        },
        "dead_letter": {"directory": "/l", "max_bytes": 70000},
    });
    let Value::Object(own) = own else { panic!("{own}") };
    keys.as_object_mut().unwrap().extend(own);
    keys
}

/// What all signals have.
fn matching(kind: &str) -> Value {
    json!({
        "match_type": kind, "regexp": {"cacheenabled": true, "cachemaxnumentries": 1},
        "services": ["s"], "attributes": [{"key": "a", "value": "b"}, {"key": "c"}],
        "resources": [{"key": "d", "value": "e"}], "libraries": [{"name": "l", "version": "1"}],
    })
}

fn telemetry() -> Value {
    json!({
        "logs": {
            "level": "warn", "encoding": "json", "output_paths": ["stdout", "/log"], "error_output_paths": ["stderr"],
            "sampling": {"enabled": true, "tick": "1s", "initial": 2, "thereafter": 3},
            "initial_fields": {"a": 1, "b": "c"}, "disable_zap_resource": true,
        },
        "metrics": {
            "level": "detailed", "views": [],
            "readers": [
                {"pull": {"exporter": {"prometheus": {
                    "host": "127.0.0.1", "port": 6, "without_scope_info": false, "without_units": false,
                    "without_type_suffix": false,
                }}}},
                {"periodic": {"interval": 1000, "timeout": 2000, "exporter": {"otlp": {
                    "protocol": "grpc", "endpoint": "http://h:7", "headers": [{"name": "a", "value": "b"}],
                    "compression": "gzip", "timeout": 3000, "insecure": true,
                }}}},
            ],
        },
        "resource": {"attributes": [{"name": "service.name", "value": "n"}, {"name": "service.version", "value": null}]},
    })
}
