//! How a text as a whole is read: places, references, variables, and what is no configuration at all.

use std::time::Duration;

use otlp_relay::config::{Exporter, LogEncoding, LogLevel, Receiver};
use otlp_relay::units::ByteCount;
use proptest::prelude::*;

use super::*;

#[test]
fn an_ordinary_configuration_is_understood() {
    let config = good(ORDINARY);
    let Some(Receiver::Otlp(otlp)) = config.receivers.get(&id("otlp")) else { panic!("{config:?}") };
    assert_eq!(otlp.grpc.as_ref().unwrap().listen.to_string(), "0.0.0.0:4317");
    assert_eq!(otlp.http.as_ref().unwrap().max_body, ByteCount(1000));
    assert!(config.exporters.contains_key(&id("otlp/eu")) && config.exporters.contains_key(&id("debug")));
    let pipelines: Vec<String> = config.pipelines.keys().map(ToString::to_string).collect();
    assert_eq!(pipelines, ["traces/eu", "logs"]);
    assert_eq!(config.started_extensions, [id("health_check")]);
    assert_eq!(config.shutdown_timeout, Duration::from_secs(3));
    assert_eq!((config.telemetry.logs.level, config.telemetry.logs.encoding), (LogLevel::Debug, LogEncoding::Json));
    assert_eq!(config.places.find("exporters::otlp/eu::endpoint").map(|place| place.line), Some(16));
    assert_eq!(config.source, "c.yaml");
    good(&format!("\u{feff}{}", ORDINARY.replace('\n', "\r\n")));
}

#[test]
fn levels_may_be_numbers_as_in_the_collector() {
    let text = |level: &str, metrics: &str, verbosity: &str| {
        format!(
            "receivers: {{nop: }}\nexporters: {{debug: {{verbosity: {verbosity}}}}}\nservice:\n  telemetry: \
             {{logs: {{level: {level}}}, metrics: {{level: {metrics}}}}}\n  pipelines: {{traces: {{receivers: [nop], \
             exporters: [debug]}}}}\n"
        )
    };
    for (written, meant) in
        [((r#""""#, "1", "0"), ("info", "normal", "basic")), (("-1", "-1", "2"), ("debug", "none", "detailed"))]
    {
        let (by_number, by_name) =
            (good(&text(written.0, written.1, written.2)), good(&text(meant.0, meant.1, meant.2)));
        assert_eq!(by_number.telemetry, by_name.telemetry);
        assert_eq!(by_number.exporters, by_name.exporters);
    }
    check_problems(
        &[],
        &text("6", "'1'", "3"),
        &[
            "c.yaml:2:32: exporters::debug::verbosity: unknown metrics level \"3\"; valid here: basic, normal, detailed",
            "c.yaml:4:29: service::telemetry::logs::level: invalid level: \"6\"; valid here: debug, info, warn, error, \
             dpanic, panic, fatal",
            "c.yaml:4:50: service::telemetry::metrics::level: invalid level: \"1\"; valid here: none, basic, normal, \
             detailed",
        ],
    );
}

#[test]
fn five_mistakes_give_five_problems_each_with_its_line() {
    check_problems(
        &[],
        "receivers:\n  otlp:\n    protocols:\n      grcp:\n        endpoint: 0.0.0.0:4317\n      http:\n\
         processors:\n  batch:\n    timeout: 5\n\
         exporters:\n  otlp_grpc:\n    endpoint: backend\n    compression: gzipp\n\
         service:\n  pipelines:\n    traces:\n      receivers: [otlp]\n      processors: [bach]\n\
         \x20     exporters: [otlp_grpc]\n",
        &[
            "c.yaml:4:7: receivers::otlp::protocols::grcp: invalid key; did you mean \"grpc\"?",
            "c.yaml:9:14: processors::batch::timeout: a duration needs a unit; write 5s or 200ms \
             (the Collector would take nanoseconds)",
            "c.yaml:12:15: exporters::otlp_grpc::endpoint: address backend: missing port in address; \
             write backend:4317, the usual port of OTLP/gRPC",
            "c.yaml:13:18: exporters::otlp_grpc::compression: unsupported compression type \"gzipp\"; \
             did you mean \"gzip\"?",
            "c.yaml:18:20: service::pipelines::traces: references processor \"bach\" which is not configured; \
             did you mean \"batch\"?",
        ],
    );
}

#[test]
fn every_broken_reference_is_reported() {
    check_problems(
        &[],
        "receivers: {nop: }\nexporters: {nop: }\nservice:\n  extensions: [zpage]\n  pipelines:\n\
         \x20   traces: {receivers: [], exporters: [npo]}\n\
         \x20   metrics: {receivers: [nop], processors: [batch, batch]}\n    trace: {receivers: [nop], exporters: [nop]}\n\
         processors: {batch: }\n",
        &[
            "c.yaml:4:16: service::extensions: references extension \"zpage\" which is not configured; \
             write \"zpage:\" under extensions, or take it out here",
            "c.yaml:6:14: service::pipelines::traces::receivers: must have at least one receiver",
            "c.yaml:6:41: service::pipelines::traces: references exporter \"npo\" which is not configured; \
             did you mean \"nop\"?",
            "c.yaml:7:5: service::pipelines::metrics: references processor \"batch\" multiple times",
            "c.yaml:7:5: service::pipelines::metrics: must have at least one exporter",
            "c.yaml:8:5: service::pipelines::trace: unknown signal \"trace\"; \
             a pipeline carries traces, metrics, logs or profiles; did you mean \"traces\"?",
        ],
    );
}

#[test]
fn a_text_without_substance_is_refused() {
    check_problems(&[], "", &["c.yaml:1:1: empty configuration file"]);
    check_problems(&[], "# nothing\n", &["c.yaml:1:1: empty configuration file"]);
    check_problems(
        &[],
        "just text\n",
        &["c.yaml:1:1: the configuration is no map of sections; write receivers:, exporters: and service:"],
    );
    check_problems(
        &[],
        "service:\n",
        &[
            "c.yaml:1:1: no receiver configuration specified in config",
            "c.yaml:1:1: no exporter configuration specified in config",
            "c.yaml:1:1: service: service must have at least one pipeline",
        ],
    );
}

#[test]
fn bad_yaml_is_one_problem_with_its_place() {
    let fault = |text: &str| load_with(&[], text).expect_err("a problem").to_string();
    let tabs = fault("receivers:\n\totlp:\n");
    assert!(tabs.starts_with("c.yaml:2:") && tabs.ends_with("indent with blanks; YAML takes no tabs"), "{tabs}");
    let flow = fault("exporters: {debug: {verbosity: ${env:V}}}\n");
    assert!(flow.ends_with("a reference needs quotes: \"${env:NAME}\""), "{flow}");
    assert_eq!(
        fault("nop: 1\nnop: 2\n").lines().next(),
        Some("c.yaml:1:1: no receiver configuration specified in config")
    );
    assert!(fault("nop: 1\nnop: 2\n").contains("c.yaml:2:1: the key \"nop\" is written twice; the first is on line 1"));
}

#[test]
fn components_that_are_missing_here_are_told_from_slips() {
    check_problems(
        &[],
        "receivers: {jaeger: , otpl: {protocols: {grpc: }}}\nexporters: {nop: }\nconnectors: {spanmetrics: }\n\
         service: {pipelines: {traces: {receivers: [jaeger, otpl], exporters: [nop, spanmetrics]}}}\n",
        &[
            "c.yaml:1:13: receivers::jaeger: the Collector's receiver jaeger, which takes spans in another format, is not in \
             otlp-relay yet; the nearest thing is the otlp receiver: OpenTelemetry SDKs send OTLP to ports 4317 and 4318",
            "c.yaml:1:23: receivers::otpl: unknown type: \"otpl\" for id: \"otpl\" (valid values: [nop otlp prometheus]); \
             did you mean \"otlp\"?",
            "c.yaml:3:14: connectors::spanmetrics: the Collector's connector spanmetrics, which makes metrics of spans, is a \
             later step of otlp-relay; until then: the backend: Tempo, Jaeger and others make such metrics themselves",
        ],
    );
}

#[test]
fn variables_have_the_type_of_their_value_and_strings_keep_their_text() {
    let text = with_exporter(
        "otlp_grpc: {endpoint: '${HOST}:4317', sending_queue: '${QUEUE}', headers: {a: '${NUMBER}'}, \
         timeout: '${env:T:-7s}'}",
    );
    let variables = [("HOST", "b"), ("QUEUE", "{queue_size: 7}"), ("NUMBER", "0123")];
    let config = load_with(&variables, text).unwrap();
    let Some(Exporter::OtlpGrpc(exporter)) = config.exporters.values().next() else { panic!("{config:?}") };
    assert_eq!(exporter.endpoint.host, "b");
    assert_eq!(exporter.delivery.queue.as_ref().unwrap().queue_size, 7);
    assert_eq!(exporter.headers.first().unwrap().1.reveal(), "0123");
    assert_eq!(exporter.timeout, Some(Duration::from_secs(7)));
}

#[test]
fn references_that_lead_nowhere_are_named() {
    check_warnings(
        &[],
        &with_exporter("otlp_grpc: {endpoint: 'b:4317', timeout: '${NONE}'}"),
        &["c.yaml:4:44: exporters::otlp_grpc::timeout: configuration references unset environment variable NONE; \
           set it, or write ${env:NONE:-default}"],
    );
    check_problems(
        &[],
        &with_exporter("debug: {verbosity: '${file:/x}'}"),
        &["c.yaml:4:22: exporters::debug::verbosity: unable to read the file /x: entity not found; \
           check the path as this process sees it: inside a container, the file must be mounted"],
    );
    check_problems(
        &[],
        &with_exporter("debug: {verbosity: '${v:basic}'}"),
        &["c.yaml:4:22: exporters::debug::verbosity: scheme \"v\" is not supported for uri \"v:basic\"; \
           write ${env:v:-basic} for a default"],
    );
    check_warnings(
        &[],
        &with_exporter("debug: {verbosity: '${V:basic}'}"),
        &["c.yaml:4:22: exporters::debug::verbosity: ${V:…} is taken for a variable with a default; \
           the Collector refuses it; write ${env:V:-…}"],
    );
}

#[test]
fn a_hostile_text_costs_little() {
    let began = std::time::Instant::now();
    let many = |line: fn(usize) -> String| (0..20_000).map(line).collect::<String>();
    let key = "k".repeat(4000);
    let deep: String = (0..60).map(|depth| format!("{}{key}:\n", " ".repeat(depth))).collect();
    for text in [
        many(|n| format!("unknown{n}: x\n")),
        format!("exporters:\n{}", many(|n| format!("  kafka/{n}:\n"))),
        format!(
            "receivers:\n{}service:\n  extensions: [{}]\n",
            many(|n| format!("  nop/{n}:\n")),
            many(|n| format!("none/{n}, "))
        ),
        format!("{deep}{}[{}]\n", " ".repeat(61), many(|_| "a, ".to_owned())),
        format!("{deep}{}[{}]\n", " ".repeat(61), many(|_| "'${NONE}', ".to_owned())),
    ] {
        let _ = load_with(&[], text);
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

proptest! {
    #[test]
    fn no_mutation_of_a_configuration_panics(
        edits in proptest::collection::vec(
            (any::<prop::sample::Index>(), "[-\\[\\]{}:,#&*!|>'\"%@`?~<= \n\t.$ab0]{0,3}", 0..4_usize),
            1..8,
        )
    ) {
        let mut text = ORDINARY.as_bytes().to_vec();
        for (at, insert, remove) in edits {
            let at = at.index(text.len());
            let end = (at + remove).min(text.len());
            text.splice(at..end, insert.into_bytes());
        }
        let _ = load_with(&[], text);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = load_with(&[], bytes);
    }
}

const ORDINARY: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
      http:
        endpoint: 0.0.0.0:4318
        max_request_body_size: 1000
processors:
  batch: &batch
    timeout: 1s
  batch/large:
    <<: *batch
    send_batch_size: 20000
exporters:
  debug:
  otlp/eu: {endpoint: 'https://eu.example.com:4317', headers: {authorization: 'Bearer ${env:TOKEN:-abc}'}}
extensions:
  health_check: {}
service:
  shutdown_timeout: 3s
  extensions: [health_check]
  telemetry:
    logs:
      level: debug
      encoding: json
  pipelines:
    traces/eu:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlp/eu, debug]
    logs:
      receivers: [otlp]
      exporters:
        - debug
";
