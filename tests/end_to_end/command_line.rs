//! Does the command line say everything that is wrong at once, and nothing that is secret?

use std::path::PathBuf;

use crate::support::backend::Backend;
use crate::support::cli::{Finished, run};
use crate::support::client::{Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// The lines with a mistake end with a mark.
const FIVE_MISTAKES: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
      htttp: {}                          # mistake
processors:
  batsch: {}                             # mistake
exporters:
  otlp_grpc:
    endpoint: backend:4317
    timeout: 5 parsecs                   # mistake
    headers: {authorization: Bearer s3cr3t}
    sending_queue:
      queue_sise: 100                    # mistake
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp_grpc, debug]      # mistake
";

/// A configuration file in a directory of its own.
struct File {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> File {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("relay.yaml");
        std::fs::write(&path, text).expect("write");
        File { path, _directory: directory }
    }

    fn name(&self) -> &str {
        self.path.to_str().expect("UTF-8")
    }
}

#[tokio::test]
async fn five_mistakes_are_five_problems_each_with_its_line() {
    let file = File::new(FIVE_MISTAKES);
    for arguments in [vec!["--config", file.name()], vec!["validate", "--config", file.name()]] {
        let finished = run(&arguments, &[]).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let marked = FIVE_MISTAKES.lines().enumerate().filter(|(_, line)| line.ends_with("# mistake"));
        let expected: Vec<usize> = marked.map(|(index, _)| index + 1).collect();
        assert_eq!(problem_lines(&finished.stderr), expected, "{}", finished.stderr);
        assert!(!all_output(&finished).contains("s3cr3t"), "{finished:?}");
    }
}

/// The line numbers of all `relay.yaml:LINE:COLUMN`.
fn problem_lines(text: &str) -> Vec<usize> {
    let place = |part: &str| part.split_once(':')?.0.parse().ok();
    text.split("relay.yaml:").skip(1).filter_map(place).collect()
}

fn all_output(finished: &Finished) -> String {
    format!("{}{}", finished.stdout, finished.stderr)
}

#[tokio::test]
async fn a_problem_names_its_path_and_the_nearest_spelling() {
    let finished = run(&["validate", "--config", File::new(FIVE_MISTAKES).name()], &[]).await;
    for part in [
        "receivers::otlp::protocols::htttp",
        "did you mean \"http\"?",
        "batsch",
        "did you mean \"batch\"?",
        "exporters::otlp_grpc::timeout",
        "exporters::otlp_grpc::sending_queue::queue_sise",
        "did you mean \"queue_size\"?",
        "service::pipelines::traces",
        "references exporter \"debug\" which is not configured",
    ] {
        assert!(finished.stderr.contains(part), "no {part} in\n{}", finished.stderr);
    }
}

#[tokio::test]
async fn a_good_configuration_validates_in_silence() {
    let setup = Setup::new().exporter("debug", "").text();
    let finished = run(&["validate", "--config", File::new(&setup).name()], &[]).await;
    assert_eq!((finished.code, all_output(&finished).as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_file_that_is_missing_is_named() {
    let finished = run(&["--config", "/nonexistent/relay.yaml"], &[]).await;
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("/nonexistent/relay.yaml"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let port = free_port();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).expect("bind");
    let setup = Setup::new().receiver("otlp", port, free_port(), "").exporter("debug", "");
    let finished = run(&["--config", File::new(&setup.text()).name()], &[]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains(&port.to_string()), "{}", finished.stderr);
}

#[tokio::test]
async fn a_certificate_that_is_missing_is_named_once() {
    let exporter = "endpoint: localhost:1, tls: {ca_file: /no/such/ca.pem}";
    let file = File::new(&Setup::new().exporter("otlp_grpc", exporter).text());
    let finished = run(&["--config", file.name()], &[]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let problem = "exporters::otlp_grpc::tls::ca_file: there is no file /no/such/ca.pem";
    assert_eq!(finished.stderr.matches(problem).count(), 1, "{}", finished.stderr);
    assert_eq!(problem_lines(&finished.stderr).len(), 1, "{}", finished.stderr);
}

#[tokio::test]
async fn an_unknown_flag_is_refused() {
    let finished = run(&["--konfig", "x"], &[]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("--konfig"), "{finished:?}");
}

#[tokio::test]
async fn the_version_is_printed() {
    let finished = run(&["--version"], &[]).await;
    assert_eq!(finished.code, Some(0));
    assert_eq!(finished.stdout.trim(), format!("otlp-relay version {}", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn the_components_are_listed_as_the_collector_lists_them() {
    let finished = run(&["components"], &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let lines: Vec<&str> = finished.stdout.lines().collect();
    let keys: Vec<&str> = lines.iter().filter(|line| !line.starts_with([' ', '-'])).copied().collect();
    let wanted = ["buildinfo:", "receivers:", "processors:", "exporters:"];
    assert_eq!(keys.get(..4), Some(&wanted[..]), "{}", finished.stdout);
    for name in ["otlp", "batch", "memory_limiter", "otlp_grpc", "otlp_http", "debug", "nop", "health_check"] {
        let entry = format!("- name: {name}");
        assert!(lines.iter().any(|line| line.trim() == entry), "no {name} in\n{}", finished.stdout);
    }
}

/// In no log line of any level, while all goes wrong, and on no page.
#[tokio::test]
async fn a_secret_is_never_shown() {
    let backend = Backend::absent();
    let settings = "headers: {authorization: 'Bearer s3cr3t', x-key: '${env:TEST_SECRET}'}";
    let setup = Setup::forwarding(Wire::Grpc, &backend, settings);
    let relay = Relay::start_with(&setup, &[("OTEL_LOG_LEVEL", "debug"), ("TEST_SECRET", "hidd3n")]).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
    relay.wait_for_line(&["connection_refused"]).await;
    let mut pages = String::new();
    for (port, path) in
        [(relay.ports.health, "/"), (relay.ports.health, "/exporting"), (relay.ports.metrics, "/metrics")]
    {
        pages.push_str(&crate::support::client::get(port, path).await.text());
    }
    let output = relay.output();
    let said = format!("{pages}{output}{}", relay.stop().await.log);
    assert!(!said.contains("s3cr3t") && !said.contains("hidd3n"), "{said}");
}
