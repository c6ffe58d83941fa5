//! What runs without a configuration, by the standard variables.

use std::time::Duration;

use otlp_relay::config::{Exporter, HttpEncoding};
use otlp_relay::signal::Signal;

use super::*;

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
    assert!(http.targets.values().all(|target| target.tls.as_ref().is_some_and(|tls| tls.ca.is_some())));
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
fn a_signal_with_variables_of_its_own_has_an_exporter_of_its_own() {
    let config = load_default(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:4317"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=all"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t/in"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "a=metrics"),
    ]);
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let exporters = |signal: Signal| {
        let pipeline = config.pipelines.iter().find(|(id, _)| id.signal == signal).unwrap().1;
        pipeline.exporters.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        Signal::ALL.map(exporters).concat(),
        ["otlp_http/traces", "otlp_http/metrics", "otlp_grpc", "otlp_grpc"]
    );
    let http = |name: &str| match config.exporters.get(&id(name)) {
        Some(Exporter::OtlpHttp(http)) => http,
        other => panic!("{other:?}"),
    };
    let traces = http("otlp_http/traces");
    assert_eq!((traces.targets.len(), traces.targets[&Signal::Traces].path.as_str()), (1, "/in"));
    assert_eq!(traces.headers[0].1.reveal(), "all");
    let metrics = http("otlp_http/metrics");
    assert_eq!(metrics.targets[&Signal::Metrics].path, "/v1/metrics");
    assert_eq!(metrics.headers[0].1.reveal(), "metrics");
}

#[test]
fn signals_without_an_endpoint_are_printed() {
    let config = load_default(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://l:4318/v1/logs")]).unwrap();
    let kinds: Vec<String> = config.exporters.keys().map(ToString::to_string).collect();
    assert_eq!(kinds, ["debug", "otlp_http/logs"]);
}
