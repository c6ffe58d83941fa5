//! What receivers, processors and extensions are read as.

use std::time::Duration;

use otlp_relay::config::{Extension, MemoryLimit, MetricsReader, Processor, Receiver};
use otlp_relay::units::{ByteCount, Items};

use super::*;

#[test]
fn keys_that_are_missing_here_are_refused_unless_they_ask_for_nothing() {
    check_problems(
        &[],
        &with_receiver("otlp: {protocols: {grpc: {middlewares: [a], tls: }}}"),
        &["c.yaml:3:29: receivers::otlp::protocols::grpc::middlewares: the Collector's key \
             \"middlewares\" is not supported by otlp-relay yet"],
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
    check_problems(
        &[],
        &with_processor("memory_limiter: {check_interval: 1s, limit_percentage: 101}"),
        &[
            "c.yaml:4:3: processors::memory_limiter: 'limit_mib' or 'limit_percentage' must be greater than zero; \
             write limit_percentage: 80",
            "c.yaml:4:58: processors::memory_limiter::limit_percentage: 'limit_percentage' and \
             'spike_limit_percentage' must be greater than zero and less than or equal to hundred",
        ],
    );
    check_problems(
        &[],
        &with_processor("memory_limiter: {check_interval: 1s, limit_percentage: 50, spike_limit_percentage: 50}"),
        &["c.yaml:4:3: processors::memory_limiter: 'spike_limit_percentage' must be smaller than 'limit_percentage'"],
    );
}

#[test]
fn a_memory_limiter_collects_no_garbage() {
    let keys = ["min_gc_interval_when_soft_limited", "max_gc_interval_when_hard_limited"];
    let settings = format!("check_interval: 1s, limit_mib: 10, {}: 10s, {}: 0s", keys[0], keys[1]);
    let warning = |at: usize, key: &str| {
        format!(
            "c.yaml:4:{at}: processors::memory_limiter::{key}: has no effect in otlp-relay: the relay has no garbage \
             collector"
        )
    };
    let expected = [warning(90, keys[0]), warning(130, keys[1])];
    let text = with_processor(&format!("memory_limiter: {{{settings}}}"));
    check_warnings(&[], &text, &expected.each_ref().map(String::as_str));
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
fn metrics_are_served_where_the_pull_readers_say() {
    let address = |metrics: &str| {
        let text = format!(
            "receivers: {{nop: }}\nexporters: {{nop: }}\nservice:\n  telemetry: {{metrics: {metrics}}}\n\
             \x20 pipelines: {{logs: {{receivers: [nop], exporters: [nop]}}}}\n"
        );
        let readers = good(&text).telemetry.metrics.readers;
        let Some(MetricsReader::Prometheus(reader)) = readers.into_iter().next() else { return None };
        Some(reader.listen.to_string())
    };
    assert_eq!(address("").as_deref(), Some("localhost:8888"));
    assert_eq!(address("{level: none}").as_deref(), Some("localhost:8888"));
    assert_eq!(address("{readers: []}"), None);
    assert_eq!(address("{address: ':9999'}").as_deref(), Some(":9999"));
    let reader = "{pull: {exporter: {prometheus: {host: '::1', port: 1, without_units: true}}}}";
    assert_eq!(address(&format!("{{readers: [{reader}]}}")).as_deref(), Some("[::1]:1"));
}

#[test]
fn what_the_relay_does_not_say_of_itself_is_taken_with_a_warning() {
    let with = |telemetry: &str| {
        format!(
            "receivers: {{nop: }}\nexporters: {{nop: }}\nservice:\n  telemetry: {{{telemetry}}}\n\
             \x20 pipelines: {{logs: {{receivers: [nop], exporters: [nop]}}}}\n"
        )
    };
    let otlp = "{batch: {exporter: {otlp: {protocol: grpc, endpoint: 'b:4317'}}}}";
    for telemetry in [
        format!("logs: {{processors: [{otlp}]}}"),
        format!("traces: {{propagators: [b3], processors: [{otlp}]}}"),
        "metrics: {level: detailed, views: [{selector: {instrument_name: a}, stream: {name: b}}]}".to_owned(),
        "metrics: {readers: [{pull: {exporter: {prometheus: }}}, {periodic: {exporter: {console: {}}}}]}".to_owned(),
        "resource: {attributes: [{name: a, value: b}], detectors: {attributes: {included: ['*']}}}".to_owned(),
    ] {
        let warnings = shown(&good(&with(&telemetry)).warnings);
        let said = matches!(warnings.as_slice(), [warning] if warning.contains("has no effect in otlp-relay"));
        assert!(said, "{telemetry}: {warnings:?}");
    }
    let views = with("metrics: {views: [{selector: {}, stream: {}}]}");
    let problem = load_with(&[], views.as_str()).expect_err("a problem").to_string();
    assert!(problem.contains("views can only be set when service::telemetry::metrics::level is detailed"), "{problem}");
}

#[test]
fn a_file_in_a_usual_place_wins_over_the_embedded_default() {
    let text = "receivers: {nop: }\nexporters: {nop: }\n\
                service: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n";
    let files = HashMap::from([("/etc/otelcol-contrib/config.yaml", text.into())]);
    let config = load(&Origin::default(), &Played { files, ..Played::default() }).unwrap();
    assert_eq!(config.source, "/etc/otelcol-contrib/config.yaml");
}
