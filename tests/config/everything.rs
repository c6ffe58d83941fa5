//! A configuration of every key that the decoders take: what it takes for a key to be shown, read again and run.

use serde_json::{Value, json};

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
            "prometheus": scraping(),
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
                {"key": "c", "action": "insert", "from_attribute": "a", "default_value": "b"},
            ]},
            "attributes/unused": {"actions": [{"key": "a", "action": "delete", "pattern": "b"}], "include": {
                "match_type": "strict", "span_names": ["a"], "span_kinds": ["b"], "log_bodies": ["c"],
                "log_severity_texts": ["d"], "log_severity_number": {"min": "INFO", "match_undefined": true},
                "metric_names": ["e"],
            }},
            "attributes": {"include": matching("strict"), "exclude": matching("regexp"), "actions": [
                {"key": "g", "action": "extract", "pattern": "^(?P<h>.*)$"},
                {"key": "d", "action": "insert", "from_context": "metadata.tenant"}, {"key": "e", "action": "hash"},
                {"key": "i", "action": "upsert", "from_context": "client.address"},
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
                "profiles_endpoint": "http://h:5/p",
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
            "prometheusremotewrite/http": {"max_batch_size_bytes": 5, "protobuf_message": "io.prometheus.write.v2.Request", "http": {
                "endpoint": "https://h:9/api/v1/write", "headers": {"a": "b"}, "timeout": "2s",
                "auth": {"authenticator": "oauth2client"},
            }},
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
                    {"key": "h", "from_attribute": "username"},
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

fn scraping() -> Value {
    json!({"initial_scrape_offset": "1s", "scrape_on_shutdown": true, "trim_metric_suffixes": true,
        "report_extra_scrape_metrics": true, "config": {
        "global": {
            "scrape_interval": "20s", "scrape_timeout": "5s", "external_labels": {"a": "b"},
            "body_size_limit": "1MB", "sample_limit": 9, "target_limit": 8, "extra_scrape_metrics": true,
            "scrape_protocols": ["PrometheusText0.0.4"], "scrape_native_histograms": true,
            "always_scrape_classic_histograms": true, "metric_name_validation_scheme": "legacy",
            "metric_name_escaping_scheme": "values",
        },
        "scrape_configs": [
            full_job(),
            job("k", json!({"basic_auth": {"username": "u", "password": "s5"}})),
            job("l", json!({"basic_auth": {"username_file": "/f", "password_file": "/f"}})),
            job("m", json!({"authorization": {"credentials_file": "/f"}})),
            job("n", json!({"bearer_token": "s6"})),
            job("o", json!({"bearer_token_file": "/f"})),
            job("q", json!({"proxy_from_environment": true, "oauth2": {
                "client_id": "i", "client_secret": "s8", "token_url": "https://t/", "scopes": ["a"],
                "endpoint_params": {"b": "s9"}, "tls_config": {"ca_file": "/ca"},
            }})),
            job("s", json!({"oauth2": {"client_id": "i", "client_secret_file": "/f", "token_url": "http://t/"}})),
            job("r", json!({"relabel_configs": [{
                "source_labels": ["a"], "modulus": 8, "target_label": "b", "action": "hashmod",
            }]})),
            job("p", json!({"tls_config": {"ca_file": "/ca", "cert": "b", "key": "s7"}})),
        ],
    }})
}

fn full_job() -> Value {
    let asked = json!({
            "job_name": "j", "scrape_interval": "30s", "scrape_timeout": "4s", "metrics_path": "/m",
            "scheme": "https", "params": {"p": ["1", "2"]}, "honor_labels": true, "honor_timestamps": false,
            "track_timestamps_staleness": true, "extra_scrape_metrics": true, "enable_compression": false,
            "scrape_protocols": ["PrometheusProto"], "fallback_scrape_protocol": "OpenMetricsText1.0.0",
            "scrape_native_histograms": true, "always_scrape_classic_histograms": true, "target_limit": 9,
        "metric_name_validation_scheme": "utf8", "metric_name_escaping_scheme": "dots", "scrape_classic_histograms": true,
            "proxy_url": "http://p:1", "no_proxy": "h",
    });
    let rest = json!({
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
                "replacement": "z", "action": "replace",
            }],
    });
    with(asked, rest)
}

/// One of `scrape_configs` with the keys of `own`.
fn job(name: &str, own: Value) -> Value {
    with(json!({"job_name": name, "static_configs": [{"targets": ["h"]}]}), own)
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
    let keys = json!({
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
    with(keys, own)
}

/// The keys of both.
fn with(mut keys: Value, own: Value) -> Value {
    let Value::Object(own) = own else { panic!("{own}") };
    keys.as_object_mut().unwrap().extend(own);
    keys
}

/// What items of all signals have.
fn matching(kind: &str) -> Value {
    json!({
        "match_type": kind, "regexp": {"cacheenabled": false},
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
