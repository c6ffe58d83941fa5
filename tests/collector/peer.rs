//! Who is asked: the relay, or a Collector with the same configuration.

use std::process::Command;

use crate::support::cli::Process;
use crate::support::eventually;
use crate::support::interop::collector;
use crate::support::net::free_port;

const READY: &str = "Everything is ready. Begin running and processing data.";

/// Whose answers a row of a table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Relay,
    Collector,
}

/// A running program that receives OTLP.
pub(crate) struct Peer {
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    process: Process,
    _folder: tempfile::TempDir,
}

/// What a peer is asked to be.
pub(crate) struct Wanted<'a> {
    /// Settings of the debug exporter.
    pub(crate) debug: &'a str,
    /// Pipelines: all of them lead from the receiver to the debug exporter.
    pub(crate) pipelines: &'a [&'a str],
    /// How many bytes a request over HTTP may have.
    pub(crate) most: u32,
}

impl Peer {
    /// Starts it, and waits until it is ready. None, after a word about why, where there is no Collector.
    pub(crate) async fn start(whose: Whose, wanted: &Wanted<'_>) -> Option<Peer> {
        let mut command = match whose {
            Whose::Relay => Command::new(env!("CARGO_BIN_EXE_otlp-relay")),
            Whose::Collector => Command::new(collector()?),
        };
        let (grpc, http) = (free_port(), free_port());
        let pipelines: Vec<String> =
            wanted.pipelines.iter().map(|name| format!("{name}: {{receivers: [otlp], exporters: [debug]}}")).collect();
        let text = format!(
            "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{grpc}'}}, \
             http: {{endpoint: '127.0.0.1:{http}', max_request_body_size: {}}}}}}}}}\n\
             exporters: {{debug: {{{}}}}}\n\
             service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{{}}}}}\n",
            wanted.most,
            wanted.debug,
            pipelines.join(", ")
        );
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, text).expect("write");
        command.arg("--config").arg(&file);
        if wanted.pipelines.contains(&"profiles") && whose == Whose::Collector {
            command.arg("--feature-gates=service.profilesSupport");
        }
        let process = Process::spawn(&format!("{whose:?}"), command);
        let peer = Peer { grpc, http, process, _folder: folder };
        eventually("it gets ready", || async { peer.log().iter().any(|line| line.contains(READY)).then_some(()) })
            .await;
        Some(peer)
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.process.log()
    }

    /// Ends it; answers all that it has said.
    pub(crate) async fn stop(self) -> String {
        self.process.signal("TERM");
        self.process.finish().await.stderr
    }
}
