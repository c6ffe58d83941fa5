//! What does a test write into its relay's configuration? What matters to it; the ports and the frame come by themselves.

use std::fmt::Write;

use super::backend::Backend;
use super::client::Wire;
use super::net::free_port;

/// Retries so quick that a test can wait for them, at a fixed pace.
pub const QUICK_RETRY: &str =
    "retry_on_failure: {initial_interval: 50ms, max_interval: 200ms, randomization_factor: 0}";

/// Where a relay listens on the loopback interface.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub grpc: u16,
    pub http: u16,
    pub metrics: u16,
    pub health: u16,
}

impl Ports {
    /// The Collector's own.
    pub const DEFAULT: Ports = Ports { grpc: 4317, http: 4318, metrics: 8888, health: 13133 };

    /// The port of the `otlp` receiver.
    pub fn receiver(self, wire: Wire) -> u16 {
        match wire {
            Wire::Grpc => self.grpc,
            Wire::Http => self.http,
        }
    }
}

/// A configuration. Values are YAML flow mappings without their braces: `endpoint: localhost:4317, timeout: 1s`.
#[derive(Clone, Debug)]
pub struct Setup {
    pub ports: Ports,
    receivers: Vec<(String, String)>,
    processors: Vec<(String, String)>,
    exporters: Vec<(String, String)>,
    connectors: Vec<(String, String)>,
    extensions: Vec<(String, String)>,
    pipelines: Vec<(String, String)>,
    service: Vec<(String, String)>,
}

impl Setup {
    /// An `otlp` receiver, `health_check` and metrics on ports of their own, and nothing else yet.
    pub fn new() -> Setup {
        let ports = Ports { grpc: free_port(), http: free_port(), metrics: free_port(), health: free_port() };
        let setup = Setup {
            ports,
            receivers: vec![],
            processors: vec![],
            exporters: vec![],
            connectors: vec![],
            extensions: vec![],
            pipelines: vec![],
            service: vec![],
        };
        setup.receiver("otlp", ports.grpc, ports.http, "")
    }

    /// One exporter to `backend`, with quick retries and what `settings` add.
    pub fn forwarding(wire: Wire, backend: &Backend, settings: &str) -> Setup {
        Setup::new().export_to(exporter_type(wire), wire, backend.port(wire), settings)
    }

    /// An OTLP receiver; `limit` stands in both protocols.
    pub fn receiver(mut self, id: &str, grpc: u16, http: u16, settings: &str) -> Setup {
        self.receivers.retain(|(known, _)| known != id);
        let protocols = format!(
            "protocols: {{grpc: {{endpoint: '127.0.0.1:{grpc}'}}, http: {{endpoint: '127.0.0.1:{http}'{settings}}}}}"
        );
        self.receivers.push((id.to_owned(), protocols));
        self
    }

    /// A receiver of any type.
    pub fn receiver_of(mut self, id: &str, settings: &str) -> Setup {
        self.receivers.push((id.to_owned(), settings.to_owned()));
        self
    }

    /// Settings of both protocols of the `otlp` receiver, beside their endpoints.
    pub fn receiving(mut self, settings: &str) -> Setup {
        let Ports { grpc, http, .. } = self.ports;
        self.receivers.retain(|(known, _)| known != "otlp");
        let protocol = |name, port| format!("{name}: {{endpoint: '127.0.0.1:{port}', {settings}}}");
        let protocols = format!("protocols: {{{}, {}}}", protocol("grpc", grpc), protocol("http", http));
        self.receivers.push(("otlp".to_owned(), protocols));
        self
    }

    /// On the ports of `other`, as another configuration for the same relay.
    pub fn in_place_of(mut self, other: &Setup) -> Setup {
        self.ports = other.ports;
        self.receiver("otlp", other.ports.grpc, other.ports.http, "")
    }

    /// A key of the `otlp` receiver beside its protocols.
    pub fn receiver_key(mut self, key: &str, value: &str) -> Setup {
        for (_, settings) in self.receivers.iter_mut().filter(|(id, _)| id == "otlp") {
            write!(settings, ", {key}: {value}").unwrap();
        }
        self
    }

    pub fn processor(mut self, id: &str, settings: &str) -> Setup {
        self.processors.push((id.to_owned(), settings.to_owned()));
        self
    }

    pub fn exporter(mut self, id: &str, settings: &str) -> Setup {
        self.exporters.push((id.to_owned(), settings.to_owned()));
        self
    }

    pub fn connector(mut self, id: &str, settings: &str) -> Setup {
        self.connectors.push((id.to_owned(), settings.to_owned()));
        self
    }

    /// An extension that is started, beside `health_check`.
    pub fn extension(mut self, id: &str, settings: &str) -> Setup {
        self.extensions.push((id.to_owned(), settings.to_owned()));
        self
    }

    /// An OTLP exporter to a port, with quick retries unless `settings` say something about them.
    pub fn export_to(self, id: &str, wire: Wire, port: u16, settings: &str) -> Setup {
        let mut all = format!("endpoint: 'http://127.0.0.1:{port}'");
        if wire == Wire::Grpc {
            all.push_str(", tls: {insecure: true}");
        }
        if !settings.contains("retry_on_failure") {
            write!(all, ", {QUICK_RETRY}").unwrap();
        }
        if !settings.is_empty() {
            write!(all, ", {settings}").unwrap();
        }
        self.exporter(id, &all)
    }

    /// Without any, there is one for each signal, from `otlp` through all processors to all exporters.
    pub fn pipeline(mut self, id: &str, settings: &str) -> Setup {
        self.pipelines.push((id.to_owned(), settings.to_owned()));
        self
    }

    /// A key of `service`.
    pub fn service(mut self, key: &str, value: &str) -> Setup {
        self.service.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The YAML.
    pub fn text(&self) -> String {
        let mut text = String::new();
        section(&mut text, "receivers", &self.receivers);
        section(&mut text, "processors", &self.processors);
        section(&mut text, "exporters", &self.exporters);
        section(&mut text, "connectors", &self.connectors);
        let Ports { metrics, health, .. } = self.ports;
        let reader = format!("pull: {{exporter: {{prometheus: {{host: '127.0.0.1', port: {metrics}}}}}}}");
        let mut extensions = vec![("health_check".to_owned(), format!("endpoint: '127.0.0.1:{health}'"))];
        extensions.extend(self.extensions.iter().cloned());
        section(&mut text, "extensions", &extensions);
        let started = extensions.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
        write!(text, "service:\n  extensions: [{started}]\n  telemetry: {{metrics: {{readers: [{{{reader}}}]}}}}\n")
            .unwrap();
        for (key, value) in &self.service {
            writeln!(text, "  {key}: {value}").unwrap();
        }
        text.push_str("  pipelines:\n");
        for (id, settings) in self.all_pipelines() {
            writeln!(text, "    {id}: {{{settings}}}").unwrap();
        }
        text
    }

    fn all_pipelines(&self) -> Vec<(String, String)> {
        if !self.pipelines.is_empty() {
            return self.pipelines.clone();
        }
        let names = |list: &[(String, String)]| list.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>().join(", ");
        let (processors, exporters) = (names(&self.processors), names(&self.exporters));
        let settings = format!("receivers: [otlp], processors: [{processors}], exporters: [{exporters}]");
        super::export::Signal::ALL.iter().map(|signal| (signal.name().to_owned(), settings.clone())).collect()
    }
}

/// The exporter's type in the configuration.
pub fn exporter_type(wire: Wire) -> &'static str {
    match wire {
        Wire::Grpc => "otlp_grpc",
        Wire::Http => "otlp_http",
    }
}

fn section(text: &mut String, name: &str, entries: &[(String, String)]) {
    if entries.is_empty() {
        return;
    }
    writeln!(text, "{name}:").unwrap();
    for (id, settings) in entries {
        writeln!(text, "  {id}: {{{settings}}}").unwrap();
    }
}
