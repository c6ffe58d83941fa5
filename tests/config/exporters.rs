//! What exporters are read as: endpoints, TLS, headers and delivery.

use std::time::Duration;

use otlp_relay::config::{
    Acknowledge, BatchSizer, Compression, DebugOutput, Exporter, HttpEncoding, Mistake, OtlpGrpc, OtlpHttp, Overflow,
    PemSource, QueueSizer, Verbosity,
};

use otlp_relay::signal::Signal;

use super::*;

#[track_caller]
fn grpc(text: &str) -> OtlpGrpc {
    match good(&with_exporter(text)).exporters.into_values().next() {
        Some(Exporter::OtlpGrpc(exporter)) => exporter,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn http(text: &str) -> OtlpHttp {
    match good(&with_exporter(text)).exporters.into_values().next() {
        Some(Exporter::OtlpHttp(exporter)) => exporter,
        other => panic!("{other:?}"),
    }
}

#[test]
fn aliases_are_taken_with_the_collectors_warning() {
    check_warnings(
        &[],
        &with_exporter("otlp: {endpoint: 'b:4317'}"),
        &["c.yaml:4:3: exporters::otlp: \"otlp\" alias is deprecated; use \"otlp_grpc\" instead"],
    );
    check_warnings(
        &[],
        &with_exporter("logging: {loglevel: debug}"),
        &[
            "c.yaml:4:3: exporters::logging: the logging exporter has been deprecated, use the debug exporter instead",
            "c.yaml:4:23: exporters::logging::loglevel: the key \"loglevel\" is called \"verbosity\" today; \
             write verbosity: detailed",
        ],
    );
    let config = good(&with_exporter("logging: {loglevel: info}"));
    let Some(Exporter::Debug(debug)) = config.exporters.get(&id("logging")) else { panic!("{config:?}") };
    assert_eq!(debug.verbosity, Verbosity::Normal);
    assert_eq!((debug.delivery.retry, &debug.delivery.queue), (None, &None));
}

#[test]
fn remote_write_keeps_its_order_whether_its_queue_is_written_or_not() {
    for (queue, size) in [("", 10_000), (", sending_queue: {}", 10_000), (", sending_queue: {queue_size: 7}", 7)] {
        let exporter = format!("prometheusremotewrite: {{endpoint: 'http://p:9090/api/v1/write'{queue}}}");
        let text = format!(
            "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters: {{{exporter}}}\n\
             service: {{pipelines: {{metrics: {{receivers: [otlp], exporters: [prometheusremotewrite]}}}}}}"
        );
        let exporter = good(&text).exporters.into_values().next();
        let Some(Exporter::OtlpHttp(exporter)) = exporter else { panic!("{exporter:?}") };
        let read = exporter.delivery.queue.unwrap();
        assert_eq!((read.num_consumers, read.queue_size), (1, size), "{queue}");
    }
}

#[test]
fn an_otlp_exporter_has_the_collectors_defaults() {
    let exporter = grpc("otlp_grpc: {endpoint: 'b:4317'}");
    assert_eq!(exporter.compression, Compression::Gzip);
    assert_eq!(exporter.timeout, Some(Duration::from_secs(5)));
    let retry = exporter.delivery.retry.unwrap();
    assert_eq!((retry.initial_interval, retry.max_interval), (Duration::from_secs(5), Duration::from_secs(30)));
    assert_eq!((retry.multiplier, retry.randomization_factor), (1.5, 0.5));
    assert_eq!(retry.max_elapsed_time, Some(Duration::from_secs(300)));
    let queue = exporter.delivery.queue.unwrap();
    assert_eq!((queue.num_consumers, queue.queue_size, queue.sizer), (10, 1000, QueueSizer::Requests));
    assert_eq!((queue.overflow, queue.acknowledge), (Overflow::Refuse, Acknowledge::WhenQueued));
    assert_eq!(queue.batch, None);
    assert_eq!(http("otlp_http: {endpoint: 'http://b/x/'}").timeout, Some(Duration::from_secs(30)));
    let target = &http("otlp_http: {endpoint: 'http://b/x/'}").targets[&Signal::Logs];
    assert_eq!(target.path, "/x/v1/logs");
}

#[test]
fn each_exporter_takes_its_own_compressions() {
    for (word, expected) in [
        ("snappy", Compression::Snappy),
        ("zstd", Compression::Zstd),
        ("none", Compression::None),
        ("''", Compression::None),
    ] {
        assert_eq!(grpc(&format!("otlp_grpc: {{endpoint: 'b:4317', compression: {word}}}")).compression, expected);
        assert_eq!(http(&format!("otlp_http: {{endpoint: 'http://b', compression: {word}}}")).compression, expected);
    }
    for (word, expected) in [
        ("zlib", Compression::Zlib),
        ("deflate", Compression::Deflate),
        ("lz4", Compression::Lz4),
        ("x-snappy-framed", Compression::SnappyFramed),
    ] {
        assert_eq!(http(&format!("otlp_http: {{endpoint: 'http://b', compression: {word}}}")).compression, expected);
        check_problems(
            &[],
            &with_exporter(&format!("otlp_grpc: {{endpoint: 'b:4317', compression: {word}}}")),
            &[&format!(
                "c.yaml:4:48: exporters::otlp_grpc::compression: unsupported compression type \"{word}\"; \
                 valid here: gzip, snappy, zstd, none"
            )],
        );
    }
}

#[test]
fn a_compression_level_has_to_fit() {
    let with = |words: &str| format!("otlp_http: {{endpoint: 'http://b', {words}}}");
    let level = |words: &str| http(&with(words)).compression_level;
    assert_eq!(level("compression_params: "), None);
    assert_eq!(level("compression_params: {level: 0}, compression: lz4"), None);
    assert_eq!(level("compression_params: {level: 9}"), Some(9));
    assert_eq!(level("compression_params: {level: -1}, compression: zlib"), Some(-1));
    assert_eq!(level("compression_params: {level: 11}, compression: zstd"), Some(11));
    check_problems(
        &[],
        &with_exporter(&with("compression: snappy, compression_params: {level: 5}")),
        &["c.yaml:4:86: exporters::otlp_http::compression_params::level: unsupported parameters {Level:5} for \
           compression type \"snappy\"; only gzip, zlib, deflate and zstd have levels"],
    );
    check_problems(
        &[],
        &with_exporter(&with("compression_params: {level: 10}")),
        &["c.yaml:4:65: exporters::otlp_http::compression_params::level: unsupported parameters {Level:10} for \
           compression type \"gzip\"; write a level from 1 to 9"],
    );
    check_warnings(
        &[],
        &with_exporter(&with("compression_params: {level: -2}")),
        &["c.yaml:4:65: exporters::otlp_http::compression_params::level: is taken for level 1: \
           otlp-relay has no mode that only uses Huffman codes"],
    );
}

#[test]
fn an_http_exporter_encodes_as_it_is_told() {
    assert_eq!(http("otlp_http: {endpoint: 'http://b:1'}").encoding, HttpEncoding::Proto);
    assert_eq!(http("otlp_http: {endpoint: 'http://b:1', encoding: proto}").encoding, HttpEncoding::Proto);
    assert_eq!(http("otlp_http: {endpoint: 'http://b:1', encoding: json}").encoding, HttpEncoding::Json);
    check_problems(
        &[],
        &with_exporter("otlp_http: {endpoint: 'http://b:1', encoding: JSON}"),
        &["c.yaml:4:49: exporters::otlp_http::encoding: invalid encoding type: JSON; write proto or json"],
    );
}

#[test]
fn delivery_can_be_set_and_switched_off() {
    let delivery = |text: &str| grpc(&format!("otlp_grpc: {{endpoint: 'b:4317', {text}}}")).delivery;
    let off = delivery("retry_on_failure: {enabled: false}, sending_queue: {enabled: false}");
    assert_eq!((off.retry, off.queue), (None, None));
    let forever = delivery("retry_on_failure: {max_elapsed_time: 0}").retry.unwrap();
    assert_eq!(forever.max_elapsed_time, None);
    let set =
        "sending_queue: {queue_size: 20000, sizer: items, block_on_overflow: true, wait_for_result: true, batch: }";
    let queue = delivery(set).queue.unwrap();
    let waits = (queue.overflow, queue.acknowledge);
    assert_eq!((queue.queue_size, waits), (20000, (Overflow::Block, Acknowledge::WhenExported)));
    let batch = queue.batch.unwrap();
    assert_eq!((batch.flush_timeout, batch.min_size, batch.max_size), (Duration::from_millis(200), 8192, None));
    let bytes = delivery("sending_queue: {sizer: bytes, queue_size: 99999, batch: {min_size: 5}}");
    assert_eq!(bytes.queue.unwrap().batch.unwrap().sizer, BatchSizer::Bytes);
}

#[test]
fn delivery_is_checked_with_the_collectors_words() {
    let check = |text: &str, expected: &str| {
        let text = with_exporter(&format!("otlp_grpc: {{endpoint: 'b:4317', {text}}}"));
        let problems = load_with(&[], text.as_str()).expect_err("a problem");
        assert!(problems.to_string().contains(expected), "{text}: {problems}");
    };
    check("timeout: -5s", "'timeout' must be non-negative");
    check("retry_on_failure: {max_elapsed_time: 1s}", "'max_elapsed_time' must not be less than 'initial_interval'");
    check("retry_on_failure: {randomization_factor: 2}", "randomization_factor value must be less than or equal to 1");
    check(
        "retry_on_failure: {multiplier: '2'}",
        "'multiplier' expected type 'float64', got unconvertible type 'string'",
    );
}

#[test]
fn tls_of_grpc_follows_the_scheme_unless_tls_says_otherwise() {
    let tls =
        |endpoint: &str, tls: &str| grpc(&format!("otlp_grpc: {{endpoint: '{endpoint}', tls: {tls}}}")).tls.is_some();
    assert!(tls("b:4317", ""));
    assert!(!tls("b:4317", "{insecure: true}"));
    assert!(tls("b:4317", "{insecure: true, ca_file: /ca.pem}"));
    assert!(tls("https://b:4317", "{insecure: true}"));
    assert!(!tls("http://b:4317", ""));
    assert!(tls("http://b:4317", "{insecure: false}"));
    assert!(tls("http://b:4317", "{ca_file: /ca.pem}"));
    assert!(!tls("dns:///b:4317", "{insecure: true}"));
    check_warnings(
        &[],
        &with_exporter("otlp_grpc: {endpoint: 'http://b:4317'}"),
        &["c.yaml:4:25: exporters::otlp_grpc::endpoint: http:// is taken for plaintext, where the Collector would \
           still use TLS; tls::insecure: true says plaintext to both"],
    );
    check_warnings(&[], &with_exporter("otlp_grpc: {endpoint: 'http://b:4317', tls: {insecure: true}}"), &[]);
}

#[test]
fn early_tls_keys_beside_the_endpoint_are_taken_with_a_warning() {
    let text = "otlp_grpc: {endpoint: 'b:4317', insecure: true}";
    assert_eq!(grpc(text).tls, None);
    check_warnings(
        &[],
        &with_exporter(text),
        &["c.yaml:4:45: exporters::otlp_grpc::insecure: the key \"insecure\" belongs under tls; \
           the Collector of today refuses it here"],
    );
}

#[test]
fn tls_settings_are_checked_with_the_collectors_words() {
    let exporter = grpc("otlp_grpc: {endpoint: 'b:1', tls: {cert_file: /c, key_pem: K, server_name_override: n}}");
    let tls = exporter.tls.unwrap();
    assert!(matches!(tls.identity, Some((PemSource::File(_), PemSource::Inline(_)))));
    assert_eq!(tls.server_name.as_deref(), Some("n"));
    check_problems(
        &[],
        &with_exporter(
            "otlp_grpc: {endpoint: 'b:1', tls: {ca_file: a, ca_pem: SECRET, key_file: k, max_version: '1.1'}}",
        ),
        &[
            "c.yaml:4:32: exporters::otlp_grpc::tls: provide either a CA file or the PEM-encoded string, but not both",
            "c.yaml:4:32: exporters::otlp_grpc::tls: TLS configuration must include both certificate and key \
             (CertFile/CertPem and KeyFile/KeyPem): write cert_file and key_file, or neither",
            "c.yaml:4:92: exporters::otlp_grpc::tls::max_version: TLS 1.1 is not spoken by otlp-relay, which knows 1.2 \
             and 1.3",
        ],
    );
    check_warnings(
        &[],
        &with_exporter("otlp_http: {endpoint: 'http://b:4318', tls: {ca_file: /x}}"),
        &[
            "c.yaml:4:25: exporters::otlp_http::endpoint: http:// is plaintext whatever tls says; write https:// for TLS",
        ],
    );
}

#[test]
fn endpoints_that_cannot_work_are_refused_by_kind() {
    for (exporter, mistake) in [
        ("otlp_http: {endpoint: 'http://b:4318/v1/traces'}", Mistake::SignalPathDoubled),
        ("otlp_grpc: {endpoint: 'grpc://b:4317'}", Mistake::UnsupportedScheme),
        ("otlp_grpc: {endpoint: 127.0.0.1}", Mistake::MissingPort),
        ("otlp_grpc: {endpoint: 'b:99999'}", Mistake::InvalidEndpoint),
        ("otlp_http: {endpoint: 'localhost:4318'}", Mistake::InvalidEndpoint),
        ("otlp_http: {endpoint: 'http://user:secret@b'}", Mistake::InvalidEndpoint),
        ("otlp_grpc: {endpoint: 'http://${env:NONE}:4317'}", Mistake::UnexpandedVariable),
        ("otlp_grpc: {endpoint: 'b${env:NONE}:4317'}", Mistake::UnexpandedVariable),
        ("otlp_grpc: {endpoint: 'unix-abstract:x'}", Mistake::NotSupportedYet),
    ] {
        check_mistake(&with_exporter(exporter), mistake);
    }
    check_problems(
        &[],
        &with_exporter("otlp_http: {endpoint: 'http://${env:HOST}:4318'}"),
        &["c.yaml:4:25: exporters::otlp_http::endpoint: endpoint must be a valid URL: it names no host \
           (the environment variable HOST is not set); write http://host:4318"],
    );
    check_problems(
        &[],
        &with_exporter("otlp_grpc:"),
        &["c.yaml:4:3: exporters::otlp_grpc: requires a non-empty \"endpoint\"; write endpoint: host:4317"],
    );
}

#[test]
fn endpoints_that_look_wrong_are_warned_of() {
    check_warnings(
        &[],
        &with_exporter("otlp_grpc: {endpoint: 'https://0.0.0.0:4318/otlp'}"),
        &[
            "c.yaml:4:25: exporters::otlp_grpc::endpoint: gRPC has no path; /otlp is ignored; \
             is this the endpoint of an otlp_http exporter?",
            "c.yaml:4:25: exporters::otlp_grpc::endpoint: gRPC is usually served on 4317; \
             4318 is the port of OTLP/HTTP (exporter otlp_http)",
            "c.yaml:4:25: exporters::otlp_grpc::endpoint: 0.0.0.0 is an address to listen on, not to send to; \
             write 127.0.0.1 or the name of the service",
        ],
    );
}

#[test]
fn an_exporter_to_our_own_receiver_is_refused() {
    let text = "receivers: {otlp: {protocols: {grpc: }}}\nexporters:\n  otlp_grpc: {endpoint: 'localhost:4317'}\n  nop:\n\
                service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}\n";
    check_problems(
        &[],
        text,
        &[
            "c.yaml:3:25: exporters::otlp_grpc::endpoint: this sends to the relay's own receiver otlp, which listens on \
           0.0.0.0:4317; write the backend's address, or give the receiver another port",
        ],
    );
    check_mistake(text, Mistake::ExportLoop);
    good(&text.replace("[otlp_grpc]", "[nop]"));
}

#[test]
fn headers_are_read_in_order_and_never_shown() {
    let exporter = grpc("otlp_grpc: {endpoint: 'b:1', headers: {X-Org: 1, authorization: Bearer s3cr3t}}");
    let headers: Vec<(&str, &str)> =
        exporter.headers.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
    assert_eq!(headers, [("x-org", "1"), ("authorization", "Bearer s3cr3t")]);
    assert!(!format!("{exporter:?}").contains("s3cr3t"));
    let list = http("otlp_http: {endpoint: 'http://b', headers: [{name: a, value: b}]}");
    assert_eq!(list.headers.len(), 1);
}

#[test]
fn headers_that_cannot_be_sent_are_named_without_their_value() {
    check_problems(
        &[("TOKEN", "s3cr3t-abc\n"), ("ODD", "caf\u{e9}")],
        &with_exporter(
            "otlp_grpc: {endpoint: 'b:1', headers: \
             {authorization: 'Bearer ${TOKEN}', 'a b': x, k-bin: x, odd: \"${ODD}\"}}",
        ),
        &[
            "c.yaml:4:57: exporters::otlp_grpc::headers::authorization: the header authorization has a line break at \
             character 18 of its value (the value comes from the environment variable TOKEN); \
             a secret taken from a file often ends in a line break: remove it",
            "c.yaml:4:83: exporters::otlp_grpc::headers::a b: the header name \"a b\" has a blank",
            "c.yaml:4:93: exporters::otlp_grpc::headers::k-bin: the header k-bin: gRPC keeps names that end in -bin \
             for binary values",
            "c.yaml:4:101: exporters::otlp_grpc::headers::odd: the header odd has a character that is not ASCII \
             (U+00E9) at character 4 of its value (the value comes from the environment variable ODD)",
        ],
    );
    check_warnings(
        &[("TOKEN", "")],
        &with_exporter("otlp_http: {endpoint: 'http://b', headers: {authorization: 'Bearer ${TOKEN}'}}"),
        &["c.yaml:4:62: exporters::otlp_http::headers::authorization: the header authorization holds no credential; \
           set TOKEN"],
    );
}

#[test]
fn the_address_of_an_exporter_that_nobody_uses_is_worth_a_warning() {
    let exporters = "exporters: {nop: , otlphttp: {endpoint: '<host>:4318', timeout: 1}}\n";
    let text = format!(
        "receivers: {{nop: }}\n{exporters}service: {{pipelines: {{traces: {{receivers: [nop], exporters: [nop]}}}}}}\n"
    );
    let timeout = "c.yaml:2:65: exporters::otlphttp::timeout: a duration needs a unit; write 5s or 200ms \
                   (the Collector would take nanoseconds)";
    check_problems(&[], &text, &[timeout]);
    check_warnings(
        &[],
        &text.replace("timeout: 1", ""),
        &[
            "c.yaml:2:20: exporters::otlphttp: \"otlphttp\" alias is deprecated; use \"otlp_http\" instead",
            "c.yaml:2:41: exporters::otlphttp::endpoint: the endpoint \"<host>:4318\" holds a placeholder \
             (no pipeline uses this exporter); write the address",
        ],
    );
    check_mistake(&text.replace("[nop]}", "[otlphttp]}"), Mistake::InvalidEndpoint);
}

#[test]
fn a_debug_exporter_prints_in_the_log_or_where_it_is_told() {
    let output = |settings: &str| match good(&with_exporter(&format!("debug: {settings}"))).exporters.get(&id("debug"))
    {
        Some(Exporter::Debug(debug)) => debug.output.clone(),
        other => panic!("{other:?}"),
    };
    let paths = |paths: &[&str]| DebugOutput::Paths(paths.iter().map(|path| (*path).to_owned()).collect());
    assert_eq!(output(""), DebugOutput::InternalLogger);
    assert_eq!(output("{use_internal_logger: true, output_paths: }"), DebugOutput::InternalLogger);
    assert_eq!(output("{use_internal_logger: false}"), paths(&["stdout"]));
    assert_eq!(output("{use_internal_logger: false, output_paths: [stderr, /d.txt]}"), paths(&["stderr", "/d.txt"]));
    let check = |settings: &str, expected: &str| {
        check_problems(&[], &with_exporter(&format!("debug: {{{settings}}}")), &[expected]);
    };
    check(
        "output_paths: [stdout]",
        "c.yaml:4:11: exporters::debug::output_paths: output_paths is not supported when use_internal_logger is true; \
         write use_internal_logger: false",
    );
    check(
        "use_internal_logger: false, output_paths: []",
        "c.yaml:4:39: exporters::debug::output_paths: output_paths must not be empty when use_internal_logger is false; \
         write output_paths: [stdout]",
    );
}

#[test]
fn a_debug_exporter_has_three_verbosities() {
    for (word, expected) in
        [("Basic", Verbosity::Basic), ("normal", Verbosity::Normal), ("DETAILED", Verbosity::Detailed)]
    {
        let config = good(&with_exporter(&format!("debug: {{verbosity: {word}}}")));
        let Some(Exporter::Debug(debug)) = config.exporters.get(&id("debug")) else { panic!("{config:?}") };
        assert_eq!(debug.verbosity, expected);
    }
    let check = |word: &str, expected: &str| {
        let problems = load_with(&[], with_exporter(&format!("debug: {{verbosity: {word}}}"))).expect_err("a problem");
        assert!(problems.to_string().contains(expected), "{problems}");
    };
    check("none", "exporters::debug::verbosity: verbosity level \"None\" is not supported");
    check("detailled", "unknown metrics level \"detailled\"; did you mean \"detailed\"?");
}

#[test]
fn what_prometheus_cannot_take_is_named_with_its_place() {
    check_problems(
        &[],
        "receivers: {otlp: {protocols: {grpc: }}}\nexporters:\n  prometheus:\n    namespace: n\n\
         service: {pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}}\n",
        &["c.yaml:3:3: exporters::prometheus: requires a non-empty \"endpoint\"; write endpoint: 0.0.0.0:8889"],
    );
    check_problems(
        &[],
        "receivers: {otlp: {protocols: {grpc: }}}\nexporters: {prometheus: {endpoint: ':8889'}}\n\
         service: {pipelines: {traces: {receivers: [otlp], exporters: [prometheus]}}}\n",
        &[
            "c.yaml:3:51: service::pipelines::traces::exporters: failed to create \"prometheus\" exporter for data type \
           \"traces\": telemetry type is not supported; Prometheus takes metrics only: take it out here",
        ],
    );
}
