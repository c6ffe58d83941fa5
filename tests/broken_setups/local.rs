//! What is wrong on this side: ports that are taken, and configurations that cannot work.

use std::fs;
use std::net::TcpListener;

use crate::support::cli::run;
use crate::support::relay::Relay;
use crate::trial::{RUNS, check_words, exporting};

/// Starts the relay on `config`, which must not start, and expects all of `words`.
async fn check_refused(config: &str, environment: &[(&str, &str)], words: &[&str], never: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("relay.yaml");
    fs::write(&file, config).unwrap();
    for _ in 0..RUNS {
        let ended = run(&["--config", file.to_str().unwrap()], environment).await;
        assert_ne!(ended.code, Some(0), "{ended:?}");
        check_words(&ended.stderr, words, never);
    }
}

#[tokio::test]
async fn the_port_of_a_receiver_is_taken() {
    let setup = exporting("debug", "verbosity: basic");
    let taken = TcpListener::bind(("127.0.0.1", setup.ports.grpc)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let own = format!("pid {},", std::process::id());
    let words = ["bind_address_in_use", &address, "in use", &own, "relay.yaml:", "receivers::otlp"];
    check_refused(&setup.text(), &[], &words, &[]).await;
}

#[tokio::test]
async fn the_address_of_a_receiver_is_not_of_this_machine() {
    let setup = exporting("debug", "verbosity: basic");
    let text = setup.text().replace(&format!("127.0.0.1:{}", setup.ports.grpc), "192.0.2.1:4317");
    check_refused(&text, &[], &["bind_address_unavailable", "192.0.2.1:4317", "0.0.0.0"], &[]).await;
}

#[tokio::test]
async fn a_receiver_inside_a_container_listens_on_loopback() {
    let setup = exporting("debug", "verbosity: basic");
    let inside = [("KUBERNETES_SERVICE_HOST", "10.0.0.1")];
    // Who writes an address has most likely meant it.
    let relay = Relay::start_with(&setup, &inside).await;
    relay.wait_for_line(&["INFO", "class=bind_loopback_only"]).await;
    drop(relay);
    let text = setup.text().replace("127.0.0.1:", "localhost:");
    let config = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    fs::write(config.path(), text).unwrap();
    let process = crate::support::cli::Process::relay(&["--config", config.path().to_str().unwrap()], &inside);
    let said = || process.log().into_iter().find(|line| line.contains("WARN") && line.contains("=bind_loopback_only"));
    let line = crate::support::eventually("a warning", || std::future::ready(said())).await;
    check_words(&line, &["inside this pod only", "0.0.0.0:", ".yaml:2:", "protocols::grpc::endpoint"], &[]);
}

#[tokio::test]
async fn a_backend_on_loopback_inside_a_container() {
    let closed = crate::stubs::closed_port();
    let setup = exporting("otlp_grpc", &format!("endpoint: 'http://{closed}'"));
    let relay = Relay::start_with(&setup, &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")]).await;
    let mut client = relay.client(crate::support::client::Wire::Grpc, crate::support::client::Coding::None).await;
    client.deliver(&crate::support::generate::lean_spans("app", 0..1)).await;
    let line = relay.wait_for_line(&["class=connection_refused"]).await;
    check_words(&line, &["is the pod itself", "service name", "host.docker.internal"], &[]);
}

#[tokio::test]
async fn the_limit_of_open_files_is_raised() {
    let relay = Relay::start(&exporting("debug", "verbosity: basic")).await;
    let (soft, hard) = relay.file_limits();
    assert_eq!(soft, hard);
}

fn config(exporter: &str) -> String {
    let pipeline = exporter.split(':').next().unwrap();
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters:\n  {exporter}\n\
         service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [{pipeline}]}}}}}}\n"
    )
}

/// An exporter, the environment, and what must be said.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[tokio::test]
async fn endpoints_that_cannot_work() {
    let cases: [Case<'_>; 5] = [
        (
            "otlp_http: {endpoint: 'http://127.0.0.1:9/v1/traces'}",
            &[],
            &["/v1/traces/v1/traces", "remove", "[config_signal_path_doubled]"],
        ),
        (
            "otlp_grpc: {endpoint: 'grpc://127.0.0.1:9'}",
            &[],
            &["grpc://", "http://", "https://", "[config_unsupported_scheme]"],
        ),
        ("otlp_grpc: {endpoint: '127.0.0.1'}", &[], &["port", "4317", "[config_missing_port]"]),
        (
            "otlp_grpc: {endpoint: 'http://127.0.0.1:9', headers: {authorization: 'Bearer ${env:RELAY_TOKEN}'}}",
            &[("RELAY_TOKEN", "s3cr3t-abc\n")],
            &["authorization", "line break", "[config_invalid_header]"],
        ),
        (
            "otlp_grpc: {endpoint: 'http://${env:RELAY_HOST_UNSET}:4317'}",
            &[],
            &["RELAY_HOST_UNSET", "not set", "[config_unexpanded_variable]"],
        ),
    ];
    for (exporter, environment, words) in cases {
        check_refused(&config(exporter), environment, words, &[]).await;
    }
}
