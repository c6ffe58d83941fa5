//! A real Prometheus that scrapes relays every second, with rules that need no waiting.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use http::Method;
use serde_json::Value;

use crate::support::cli::Process;
use crate::support::client::{get, http_request};
use crate::support::eventually;
use crate::support::net::{free_port, is_free};

/// A running Prometheus. It ends with the test.
pub(crate) struct Prometheus {
    port: u16,
    _process: Process,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    /// Starts the program in `place`, which scrapes the metrics at `ports`, with the rules in `rules`.
    pub(crate) async fn start(place: &Path, ports: &[u16], rules: &str) -> Prometheus {
        let directory = tempfile::tempdir().unwrap();
        let file = |name| directory.path().join(name);
        // A condition that holds fires at once; that it must hold for a while is Prometheus' own business.
        let rules: Vec<&str> = rules.lines().filter(|line| !line.trim_start().starts_with("for: ")).collect();
        std::fs::write(file("alerts.yaml"), rules.join("\n")).unwrap();
        let targets: Vec<String> = ports.iter().map(|port| format!("'127.0.0.1:{port}'")).collect();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yaml]\n\
             scrape_configs: [{{job_name: relays, static_configs: [{{targets: [{}]}}]}}]\n",
            targets.join(", ")
        );
        std::fs::write(file("prometheus.yml"), config).unwrap();
        let port = free_port();
        let mut command = Command::new(place.join("usr/bin/prometheus"));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg(format!("--config.file={}", file("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", file("data").display()));
        let process = Process::spawn("prometheus", command);
        let prometheus = Prometheus { port, _process: process, _directory: directory };
        eventually("Prometheus listens", || async { (!is_free(port)).then_some(()) }).await;
        eventually("Prometheus is ready", || async { (get(port, "/-/ready").await.status == 200).then_some(()) }).await;
        let all = format!("count(up == 1) == {}", ports.len());
        eventually("every relay is scraped", || async { (!prometheus.query(&all).await.is_empty()).then_some(()) })
            .await;
        prometheus
    }

    /// The series that `expression` has now.
    pub(crate) async fn query(&self, expression: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", escaped(expression));
        let answer = http_request(Method::GET, self.port, &path, &[], "").await;
        let text = answer.text();
        assert_eq!(answer.status, 200, "{expression}: {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// The alerts that fire for the relay whose metrics are at `port`.
    pub(crate) async fn firing(&self, port: u16) -> BTreeSet<String> {
        let expression = format!("ALERTS{{alertstate=\"firing\", instance=\"127.0.0.1:{port}\"}}");
        let series = self.query(&expression).await;
        series.iter().map(|series| series["metric"]["alertname"].as_str().unwrap().to_owned()).collect()
    }
}

/// `text` in a URL.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
