//! One run: a generator, what is measured, a sink; and what it came to.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Target;
use crate::process::{PATIENCE, Process, RELAY, ask, free_port, wait_for};

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Spans in a request.
    pub spans: u64,
    /// Spans in a second, whatever the answers; none: each connection sends as soon as it may.
    pub rate: Option<u64>,
    pub extent: Extent,
}

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    Time(Duration),
    Spans(u64),
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Spans that were acknowledged to the generator.
    pub accepted: u64,
    /// Spans that came to the sink.
    pub delivered: u64,
    /// In a second, of accepted spans.
    pub spans_per_second: f64,
    /// In a second, of bytes on the sink's side, uncompressed.
    pub bytes_per_second: f64,
    /// In milliseconds: p50, p99, p99.9.
    pub latency: [f64; 3],
    /// Of what is measured, until the sink has everything.
    pub cpu_seconds: f64,
    /// Of what is measured.
    pub peak_bytes: u64,
}

/// Measures `target`, in processes that begin for it.
pub fn round(target: Target, case: &Case) -> Figures {
    let [sink_grpc, sink_http, admin] = [free_port(), free_port(), free_port()];
    let at = |port: u16| format!("127.0.0.1:{port}");
    let mut command = Command::new(RELAY);
    command.args(["sink", "--grpc", &at(sink_grpc), "--http", &at(sink_http), "--admin", &at(admin)]);
    let _sink = Process::start(command, "OTLP/gRPC on");
    let folder = tempfile::tempdir().expect("a directory");
    let (port, measured) = start(target, sink_grpc, folder.path());
    let before = measured.as_ref().map(Process::taken).unwrap_or_default();

    let loaded = load(port, case);
    let number = |pointer: &str| loaded.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    let accepted = number("/items/accepted") as u64;
    let (delivered, bytes) = drained(admin, accepted);
    let after = measured.as_ref().map(Process::taken).unwrap_or_default();
    let seconds = number("/elapsed_seconds").max(1e-6);
    Figures {
        accepted,
        delivered,
        spans_per_second: number("/rates/accepted_items_per_second"),
        bytes_per_second: bytes as f64 / seconds,
        latency: ["p50", "p99", "p99_9"].map(|name| number(&format!("/latency_ms/{name}"))),
        cpu_seconds: after.cpu_seconds - before.cpu_seconds,
        peak_bytes: after.peak_bytes,
    }
}

/// Starts what is measured in front of `sink`; answers where it listens.
fn start(target: Target, sink: u16, folder: &Path) -> (u16, Option<Process>) {
    let port = free_port();
    let command = match target {
        Target::Direct => return (sink, None),
        Target::Forwarder => {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["--forward", &port.to_string(), &sink.to_string()]);
            let process = Process::start(command, "forwarding");
            wait_for(port);
            return (port, Some(process));
        }
        Target::Relay | Target::RelayBatch | Target::RelayDurable => {
            let file = folder.join("relay.yaml");
            fs::write(&file, configuration(target, port, sink, folder)).expect("write the configuration");
            let mut command = Command::new(RELAY);
            command.arg("--config").arg(&file);
            command
        }
    };
    let process = Process::start(command, "Everything is ready");
    (port, Some(process))
}

fn configuration(target: Target, port: u16, sink: u16, folder: &Path) -> String {
    let (processors, pipeline) = match target {
        Target::RelayBatch => ("processors: {batch: {}}\n", "processors: [batch], "),
        _ => ("", ""),
    };
    let (storage, started, extensions) = match target {
        Target::RelayDurable => (
            "storage: file_storage, queue_size: 100000, ",
            "extensions: [file_storage], ",
            format!(
                "extensions: {{file_storage: {{directory: '{}', create_directory: true}}}}\n",
                folder.join("queue").display()
            ),
        ),
        _ => ("", "", String::new()),
    };
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n\
         {processors}{extensions}\
         exporters: {{otlp_grpc: {{endpoint: '127.0.0.1:{sink}', compression: none, tls: {{insecure: true}}, \
         sending_queue: {{{storage}block_on_overflow: true, num_consumers: 128}}}}}}\n\
         service: {{{started}pipelines: {{traces: {{receivers: [otlp], {pipeline}exporters: [otlp_grpc]}}}}, \
         telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {}}}}}}}}}]}}}}}}\n",
        free_port()
    )
}

/// What `otlp-relay load` says of sending `case` to `port`.
fn load(port: u16, case: &Case) -> Value {
    let mut command = Command::new(RELAY);
    command.args(["load", &format!("http://127.0.0.1:{port}"), "--json"]);
    command.args(["--items-per-request", &case.spans.to_string(), "--connections", "8"]);
    if let Some(rate) = case.rate {
        command.args(["--rate", &rate.to_string()]);
    }
    match case.extent {
        Extent::Time(length) => command.args(["--duration", &format!("{}ms", length.as_millis())]),
        Extent::Spans(count) => command.args(["--count", &count.to_string()]),
    };
    let output = command.output().expect("run the generator");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{command:?} says {text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Waits until the sink has `accepted` spans; answers how many it has, and their bytes.
fn drained(admin: u16, accepted: u64) -> (u64, u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = ask(admin, "/api/status");
        let number = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        let (items, bytes) = (number("/total/items"), number("/total/bytes"));
        if accepted <= items || deadline < Instant::now() {
            return (items, bytes);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
