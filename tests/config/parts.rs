//! What receivers, processors, extensions and the embedded default are read as.

use std::time::Duration;

use otlp_relay::config::{Exporter, Extension, HttpEncoding, MemoryLimit, Processor, Receiver};
use otlp_relay::units::{ByteCount, Items};

use super::*;

#[test]
fn keys_that_are_missing_here_are_refused_unless_they_ask_for_nothing() {
    check_problems(
        &[],
        &with_receiver("otlp: {protocols: {grpc: {auth: {authenticator: x}, middlewares: [a], tls: }}}"),
        &[
            "c.yaml:3:29: receivers::otlp::protocols::grpc::auth: the Collector's key \"auth\" is not supported by \
             otlp-relay yet",
            "c.yaml:3:55: receivers::otlp::protocols::grpc::middlewares: the Collector's key \
             \"middlewares\" is not supported by otlp-relay yet",
        ],
    );
    check_warnings(
        &[],
        &with_receiver("otlp: {protocols: {grpc: {include_metadata: false, transport: tcp, read_buffer_size: 9}}}"),
        &["c.yaml:3:88: receivers::otlp::protocols::grpc::read_buffer_size: has no effect in otlp-relay: \
           the relay sizes its buffers by itself"],
    );
    check_warnings(&[], &with_exporter("otlp_http: {endpoint: 'http://b:1', encoding: proto, proxy_url: ''}"), &[]);
}

#[test]
fn an_otlp_receiver_needs_a_protocol() {
    let expected = "c.yaml:3:3: receivers::otlp: must specify at least one protocol when using the OTLP receiver; \
                    write protocols: {grpc: {}, http: {}}";
    check_problems(&[], &with_receiver("otlp:"), &[expected]);
    check_problems(&[], &with_receiver("otlp: {protocols: {grpc: {enabled: false}}}"), &[expected]);
    let config = good(&with_receiver("otlp: {protocols: {grpc: , http: {enabled: false}}}"));
    let Some(Receiver::Otlp(otlp)) = config.receivers.get(&id("otlp")) else { panic!("{config:?}") };
    assert!(otlp.http.is_none());
    assert_eq!(otlp.grpc.as_ref().map(|grpc| grpc.max_message), Some(ByteCount::mib(4)));
}

#[test]
fn a_batch_processor_is_understood_and_checked() {
    let config = good(&with_processor("batch: {timeout: 1s, send_batch_max_size: 9000}"));
    let Some(Processor::Batch(batch)) = config.processors.get(&id("batch")) else { panic!("{config:?}") };
    assert_eq!((batch.timeout, batch.send_batch_size), (Duration::from_secs(1), Items(8192)));
    assert_eq!(batch.send_batch_max_size, Some(Items(9000)));
    check_problems(
        &[],
        &with_processor("batch: {send_batch_max_size: 10, timeout: -1s}"),
        &[
            "c.yaml:4:3: processors::batch: send_batch_max_size must be greater or equal to send_batch_size",
            "c.yaml:4:45: processors::batch::timeout: timeout must be greater or equal to 0",
        ],
    );
}

#[test]
fn a_memory_limiter_is_understood_and_checked() {
    let text = with_processor("memory_limiter: {limit_percentage: 80, spike_limit_percentage: 15}");
    let config = good(&text);
    let Some(Processor::MemoryLimiter(limiter)) = config.processors.get(&id("memory_limiter")) else { panic!() };
    assert_eq!((limiter.limit, limiter.spike), (MemoryLimit::Percent(80), Some(MemoryLimit::Percent(15))));
    assert_eq!(limiter.check_interval, Duration::from_secs(1));
    check_warnings(
        &[],
        &text,
        &["c.yaml:4:3: processors::memory_limiter: check_interval is not set, 1s is taken; \
           the Collector refuses to start; write check_interval: 1s"],
    );
    check_problems(
        &[],
        &with_processor("memory_limiter: {check_interval: 0s, limit_mib: 10, spike_limit_mib: 10}"),
        &[
            "c.yaml:4:3: processors::memory_limiter: 'spike_limit_mib' must be smaller than 'limit_mib'",
            "c.yaml:4:36: processors::memory_limiter::check_interval: 'check_interval' must be greater than zero",
        ],
    );
    check_problems(
        &[],
        &with_processor("memory_limiter: {check_interval: 1s}"),
        &["c.yaml:4:3: processors::memory_limiter: 'limit_mib' or 'limit_percentage' must be greater than zero; \
           write limit_percentage: 80"],
    );
}

#[test]
fn a_health_check_is_understood() {
    let text = "receivers: {nop: }\nexporters: {nop: }\nextensions:\n  health_check: {path: /live, \
                response_body: {healthy: ok}, check_collector_pipeline: {enabled: true}}\n\
                service: {extensions: [health_check], pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n";
    let config = good(text);
    let Some(Extension::HealthCheck(health)) = config.extensions.get(&id("health_check")) else { panic!("{config:?}") };
    assert_eq!((health.listen.to_string().as_str(), health.path.as_str()), ("0.0.0.0:13133", "/live"));
    assert_eq!((health.healthy_body.as_deref(), health.unhealthy_body.as_deref()), (Some("ok"), None));
    assert!(config.warnings.iter().any(|warning| warning.path.ends_with("check_collector_pipeline")));
}

#[test]
fn metrics_are_served_where_the_first_pull_reader_says() {
    let address = |metrics: &str| {
        let text = format!(
            "receivers: {{nop: }}\nexporters: {{nop: }}\nservice:\n  telemetry: {{metrics: {metrics}}}\n\
             \x20 pipelines: {{logs: {{receivers: [nop], exporters: [nop]}}}}\n"
        );
        good(&text).telemetry.metrics.map(|address| address.to_string())
    };
    assert_eq!(address("").as_deref(), Some("localhost:8888"));
    assert_eq!(address("{level: none}"), None);
    assert_eq!(address("{readers: []}"), None);
    assert_eq!(address("{address: ':9999'}").as_deref(), Some(":9999"));
    let reader = "{pull: {exporter: {prometheus: {host: '::1', port: 1, without_units: true}}}}";
    assert_eq!(address(&format!("{{readers: [{reader}]}}")).as_deref(), Some("[::1]:1"));
}

#[track_caller]
fn load_default(variables: Variables<'_>) -> Result<Config, Problems> {
    load(&Origin::Default, &Played { variables: variables.iter().copied().collect(), ..Played::default() })
}

#[track_caller]
fn default_exporter(variables: Variables<'_>) -> Exporter {
    let config = load_default(variables).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((config.pipelines.len(), config.started_extensions.len()), (4, 1));
    assert_eq!(config.warnings, [], "{variables:?}");
    config.exporters.into_values().next().unwrap()
}

#[test]
fn without_a_configuration_data_goes_where_the_variables_say() {
    assert!(matches!(default_exporter(&[]), Exporter::Debug(_)));
    assert!(matches!(default_exporter(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), Exporter::Debug(_)));
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:4317");
    let timeout = ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500");
    let Exporter::OtlpGrpc(grpc) = default_exporter(&[endpoint, timeout]) else { panic!() };
    assert_eq!((grpc.tls, grpc.timeout), (None, Some(Duration::from_millis(1500))));
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://b/otlp");
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c, d=e=f");
    let authority = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem");
    let Exporter::OtlpHttp(http) = default_exporter(&[endpoint, headers, authority]) else { panic!() };
    let values: Vec<&str> = http.headers.iter().map(|(_, value)| value.reveal()).collect();
    assert_eq!(values, ["b c", "e=f"]);
    assert!(http.tls.is_some_and(|tls| tls.ca.is_some()));
    let json = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
    let Exporter::OtlpHttp(http) = default_exporter(&[endpoint, json]) else { panic!() };
    assert_eq!(http.encoding, HttpEncoding::Json);
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "b:4317");
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    let Exporter::OtlpGrpc(grpc) = default_exporter(&[endpoint, insecure]) else { panic!() };
    assert_eq!(grpc.tls, None);
}

#[test]
fn problems_of_the_embedded_default_name_the_variable() {
    let problems = load_default(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "s3cr3t"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http"),
    ]);
    assert_eq!(
        shown(problems.expect_err("problems").iter()),
        [
            "environment variable OTEL_EXPORTER_OTLP_ENDPOINT: exporters::otlp_http::endpoint: this sends to the relay's \
             own receiver otlp, which listens on 0.0.0.0:4318; write the backend's address, or give the receiver \
             another port",
            "environment variable OTEL_EXPORTER_OTLP_HEADERS: member 1 is no key=value, percent-encoded; \
             write key=value,key2=value2",
            "environment variable OTEL_EXPORTER_OTLP_PROTOCOL: unknown protocol \"http\"; \
             write grpc, http/protobuf or http/json",
        ]
    );
}

#[test]
fn a_file_in_a_usual_place_wins_over_the_embedded_default() {
    let text = "receivers: {nop: }\nexporters: {nop: }\n\
                service: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n";
    let files = HashMap::from([("/etc/otelcol-contrib/config.yaml", text.into())]);
    let config = load(&Origin::Default, &Played { files, ..Played::default() }).unwrap();
    assert_eq!(config.source, "/etc/otelcol-contrib/config.yaml");
}
