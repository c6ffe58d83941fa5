//! Does the program put its configuration together as the Collector does, print it, and write its log where it is told?

use std::convert::Infallible;
use std::path::PathBuf;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;

use crate::support::backend::Backend;
use crate::support::cli::{Finished, Process, run};
use crate::support::client::{self, Wire};
use crate::support::eventually;
use crate::support::export::Export;
use crate::support::net::free_port;
use crate::support::setup::Setup;
use crate::support::tls::{Authority, Clients};

const BASE: &str = "receivers: {nop: }\nexporters: {debug: }\n\
                    service: {pipelines: {traces: {receivers: [nop], exporters: [debug]}}}\n";

/// Files in a directory of their own.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a directory"));
        files.iter().for_each(|(name, text)| std::fs::write(folder.path(name), text).expect("write"));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }
}

#[track_caller]
fn check_refused(finished: &Finished, said: &[&str]) {
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for part in said {
        assert!(finished.stderr.contains(part), "no {part} in {}", finished.stderr);
    }
}

#[track_caller]
fn check_printed(finished: &Finished, said: &[&str]) {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for part in said {
        assert!(finished.stdout.contains(part), "no {part} in {}", finished.stdout);
    }
}

#[tokio::test]
async fn later_sources_and_settings_win() {
    let folder = Folder::with(&[("a.yaml", BASE), ("b.yaml", "exporters: {debug: {verbosity: normal}}\n")]);
    let (a, b) = (folder.name("a.yaml"), format!("file:{}", folder.name("b.yaml")));
    let arguments = ["print-config", "--config", &a, "--set", "exporters.debug.sampling_initial=7", "--config", &b];
    check_printed(&run(&arguments, &[]).await, &["verbosity: normal", "sampling_initial: 7", "sampling_thereafter: 1"]);
    let arguments = [
        "print-initial-config",
        "--config",
        "env:MINE",
        "--config",
        "yaml:exporters::debug::verbosity: detailed",
        "--format",
        "JSON",
    ];
    check_printed(&run(&arguments, &[("MINE", BASE)]).await, &["\"verbosity\": \"detailed\""]);
    let arguments = ["validate", "--config", &a, "--set", "exporters.debug.verbosity=loud"];
    check_refused(&run(&arguments, &[]).await, &["--set exporters.debug.verbosity: exporters::debug::verbosity:"]);
}

#[tokio::test]
async fn flags_of_early_collectors_are_taken_with_a_warning() {
    let folder = Folder::with(&[("a.yaml", BASE)]);
    let config = format!("--config={}", folder.name("a.yaml"));
    let arguments = ["print-config", &config, "--log-level=DEBUG", "--mem-ballast-size-mib=683"];
    check_printed(&run(&arguments, &[]).await, &["level: DEBUG"]);
    let validated = run(&["validate", &config, "--log-level=DEBUG", "--new-metrics"], &[]).await;
    assert_eq!(validated.code, Some(0), "{validated:?}");
    for said in ["--log-level: the flag is gone from the Collector; write --set=", "--new-metrics: "] {
        assert!(validated.stderr.contains(said), "no {said} in {}", validated.stderr);
    }
    check_refused(
        &run(&["validate", &config, "--log-level=loud", "--set=service.telemetry.metrics.level=none"], &[]).await,
        &["service::telemetry::logs::level: invalid level: \"loud\""],
    );
}

#[tokio::test]
async fn a_configuration_is_fetched() {
    let port = free_port();
    let folder = Folder::with(&[]);
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("bind");
    let server = std::thread::spawn(move || {
        for answer in ["200 OK", "404 Not Found"] {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                std::io::Read::read_exact(&mut stream, &mut byte).expect("a request");
                request.push(byte[0]);
            }
            let text =
                format!("HTTP/1.1 {answer}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{BASE}", BASE.len());
            std::io::Write::write_all(&mut stream, text.as_bytes()).expect("write");
            assert!(request.starts_with(b"GET /relay.yaml?v=1 HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&request));
        }
    });
    let url = format!("http://127.0.0.1:{port}/relay.yaml?v=1");
    let good = run(&["validate", "--config", &url], &[]).await;
    assert_eq!((good.code, good.stderr.as_str()), (Some(0), ""));
    let expected = format!("failed to load resource from uri \"http://127.0.0.1:{port}/relay.yaml\". status code: 404");
    check_refused(&run(&["validate", "--config", &url], &[]).await, &[&expected]);
    server.join().expect("the server");
    check_refused(&run(&["validate", "--config", &url], &[]).await, &["unable to download the file", "refused"]);
    drop(folder);
}

#[tokio::test]
async fn a_configuration_and_a_part_of_one_are_fetched_over_tls() {
    let (authority, port) = (Authority::new(), free_port());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("bind");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request: Request<Incoming>| async move {
                let text = if request.uri().path() == "/part" { "detailed" } else { BASE };
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
            });
            // Over TLS both agree on HTTP/2.
            let server = auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { server.serve_connection(TokioIo::new(stream), service).await });
        }
    });
    let tls = authority.serve("localhost", port, Clients::Anyone).await;
    let ca = authority.ca_file();
    let trusting = [("SSL_CERT_FILE", ca.to_str().expect("UTF-8"))];
    let (whole, part) = (format!("https://localhost:{tls}/whole"), format!("https://localhost:{tls}/part"));
    let setting = format!("yaml:exporters::debug::verbosity: ${{{part}}}");
    let arguments = ["print-config", "--config", &whole, "--config", &setting];
    check_printed(&run(&arguments, &trusting).await, &["verbosity: detailed"]);
    let unknown = [("SSL_CERT_FILE", "/dev/null")];
    check_refused(&run(&arguments, &unknown).await, &["unable to download the file", "certificate"]);
}

#[tokio::test]
async fn wrong_flags_are_told_in_the_collectors_words() {
    let folder = Folder::with(&[("a.yaml", BASE)]);
    let a = folder.name("a.yaml");
    for (arguments, said) in [
        (vec!["--set", "x"], "invalid argument \"x\" for \"--set\" flag: missing equal sign"),
        (vec!["--feature-gates", "a,,b"], "empty feature gate identifier at index 1"),
        (vec!["--config", "s3://b/c"], "unsupported scheme on URI \"s3:\""),
        (vec!["-config", &a], "long flags have two dashes: --config"),
        (vec!["print-config", "--config", &a, "--mode", "x"], "invalid mode \"x\": modes are: redacted, unredacted"),
        (vec!["print-config", "--config", &a, "--format", "x"], "unrecognized print format: x"),
        (vec!["print-config", "--config", &a, "--set", "receivers.x="], "invalid configuration: "),
    ] {
        check_refused(&run(&arguments, &[]).await, &[said]);
    }
    let gates = run(&["validate", "--config", &a, "--feature-gates", "-telemetry.x,y"], &[]).await;
    assert_eq!(gates.code, Some(0));
    assert!(gates.stderr.contains("the feature gate -telemetry.x has no effect"), "{}", gates.stderr);
    let arguments = ["print-config", "--config", &a, "--set", "receivers.x=", "--validate=false"];
    check_printed(&run(&arguments, &[]).await, &["x: null"]);
}

#[tokio::test]
async fn a_printed_configuration_keeps_its_secrets_unless_told_otherwise() {
    let folder = Folder::with(&[("token", "s3cr3t\n")]);
    let exporter = format!("headers: {{authorization: 'Bearer ${{file:{}}}'}}", folder.name("token"));
    let text = Setup::forwarding(Wire::Http, &Backend::absent(), &exporter).text();
    std::fs::write(folder.path("a.yaml"), text).expect("write");
    let a = folder.name("a.yaml");
    let redacted = run(&["print-config", "--config", &a], &[]).await;
    check_printed(&redacted, &["authorization: \"[REDACTED]\""]);
    assert!(!redacted.stdout.contains("s3cr3t"));
    let shown = run(&["print-config", "--config", &a, "--mode=unredacted"], &[]).await;
    check_printed(&shown, &["authorization: \"Bearer s3cr3t\""]);
    std::fs::write(folder.path("b.yaml"), &shown.stdout).expect("write");
    let again = run(&["print-config", "--config", &folder.name("b.yaml"), "--mode=unredacted"], &[]).await;
    assert_eq!(again.stdout, shown.stdout);
}

#[tokio::test]
async fn the_log_goes_to_files_and_carries_fields() {
    let folder = Folder::with(&[]);
    let log = folder.name("relay.log");
    std::fs::write(folder.path("a.yaml"), BASE.replace("nop", "otlp")).expect("write");
    let receiver = format!("receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{}", free_port());
    let logs =
        format!("service.telemetry.logs={{encoding: json, output_paths: ['{log}'], initial_fields: {{region: eu}}}}");
    let resource = "service.telemetry.resource={attributes: [{name: deployment.environment, value: test}]}";
    let port = free_port();
    let metrics = format!(
        "service.telemetry.metrics={{readers: [{{pull: {{exporter: {{prometheus: {{port: {port}, without_type_suffix: false}}}}}}}}]}}"
    );
    let a = folder.name("a.yaml");
    let arguments = ["--config", &a, "--set", &logs, "--set", resource, "--set", &metrics, "--set", &receiver];
    let process = Process::relay(&arguments, &[]);
    eventually("the log says that it is ready", || async {
        std::fs::read_to_string(folder.path("relay.log")).ok().filter(|text| text.contains("Everything is ready"))
    })
    .await;
    let page = client::get(port, "/metrics").await.text();
    assert!(page.contains("deployment_environment=\"test\""), "{page}");
    assert!(page.contains("otelcol_receiver_accepted_spans_total{"), "{page}");
    process.signal("TERM");
    let finished = process.finish().await;
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    for line in std::fs::read_to_string(folder.path("relay.log")).expect("a log").lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!((&line["region"], &line["resource"]["deployment.environment"]), (&"eu".into(), &"test".into()));
    }
}

/// A reader of each protocol is sent the relay's own metrics, on time and once more at the end.
#[tokio::test]
async fn periodic_readers_are_sent_the_relays_own_metrics() {
    let backend = Backend::start();
    let folder = Folder::with(&[("a.yaml", BASE)]);
    let reader = |interval: u32, protocol: &str, endpoint: String| {
        format!(
            "{{periodic: {{interval: {interval}, exporter: {{otlp: {{protocol: {protocol}, endpoint: '{endpoint}'}}}}}}}}"
        )
    };
    let grpc = reader(100, "grpc", format!("http://127.0.0.1:{}", backend.grpc));
    let http = reader(600_000, "http/protobuf", format!("http://127.0.0.1:{}/v1/metrics", backend.http));
    let metrics = format!("service.telemetry.metrics={{readers: [{grpc}, {http}]}}");
    let resource = "service.telemetry.resource={service.name: mine}";
    let a = folder.name("a.yaml");
    let process = Process::relay(&["--config", &a, "--set", &metrics, "--set", resource], &[]);
    backend.wait_for_requests(2).await;
    assert!(backend.records().iter().all(|record| record.wire == Wire::Grpc));
    process.signal("TERM");
    let finished = process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let records = backend.records();
    assert_eq!(records.iter().filter(|record| record.wire == Wire::Http).count(), 1);
    for record in records {
        let Export::Metrics(request) = &*record.export else { panic!("{record:?}") };
        let text = format!("{request:?}");
        assert!(text.contains("otelcol_process_uptime") && text.contains("\"mine\""), "{text}");
    }
}
