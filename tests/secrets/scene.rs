//! A relay with a secret in each place that takes one, in front of servers that give them back.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use http::Method;
use tempfile::TempDir;

use crate::echo::{Echo, FORMS};
use crate::planted::{assert_none, plain_secret, secret};
use crate::support::client::{HttpAnswer, Wire, get, grpc_call, http_request};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::net::free_port;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

/// Where each secret stands, by the name that it has here.
const PLACES: [&str; 16] = [
    "headers, written",
    "headers, from the environment",
    "headers, from a file",
    "bearertokenauth, first text of its file",
    "bearertokenauth, second text of its file",
    "bearertokenauth, written",
    "basicauth, written",
    "basicauth, file",
    "headers_setter, written",
    "headers_setter, file",
    "headers_setter, from the request",
    "oauth2client, client_secret",
    "oauth2client, endpoint_params",
    "oauth2client, token",
    "proxy_url",
    "HTTPS_PROXY",
];

/// In queries, where not every character can stand.
const QUERIES: [&str; 2] = ["traces_endpoint", "token_url"];

pub(crate) struct Scene {
    setup: Setup,
    zpages: u16,
    exporters: Vec<String>,
    /// Who is told secrets, by the exporter that leads there.
    echoes: Vec<(String, Echo)>,
    directory: TempDir,
}

/// The secret that stands at `place`.
fn at(place: &str) -> String {
    let number = PLACES.iter().chain(&QUERIES).position(|known| *known == place).unwrap() as u64;
    if QUERIES.contains(&place) { plain_secret(number) } else { secret(number) }
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Attempts that tell their sender what became of them.
const DIRECT: &str = "retry_on_failure: {enabled: false}, sending_queue: {enabled: false}";

impl Scene {
    /// A configuration, and the servers that it leads to.
    pub(crate) async fn set() -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let zpages = free_port();
        let setup = Setup::new().receiving("include_metadata: true");
        let mut scene = Scene { setup, zpages, exporters: Vec::new(), echoes: Vec::new(), directory };
        scene.write("header", &at("headers, from a file"));
        scene.write("tokens", &at("bearertokenauth, first text of its file"));
        scene.write("password", &at("basicauth, file"));
        scene.write("value", &at("headers_setter, file"));

        let headers = format!(
            "headers: {{authorization: 'Bearer {}', x-planted: '${{env:PLANTED}}', x-file: 'Key ${{file:{}}}'}}",
            at("headers, written"),
            scene.file("header")
        );
        scene.exporter(Wire::Http, "headers", &format!("{headers}, {DIRECT}")).await;
        scene.exporter(Wire::Grpc, "headers", &format!("{headers}, {DIRECT}")).await;
        let going_away = Echo::going_away(&at("headers, written")).await;
        scene.exporter_to(going_away, Wire::Grpc, "leaving", &format!("{headers}, {DIRECT}"));
        for wire in [Wire::Http, Wire::Grpc] {
            let letters = format!("dead_letter: {{directory: '{}'}}", scene.letters().display());
            let settings = format!(
                "{letters}, auth: {{authenticator: bearertokenauth/file}}, retry_on_failure: {{enabled: false}}"
            );
            scene.exporter(wire, "letters", &settings).await;
        }
        for name in ["bearertokenauth/file", "bearertokenauth", "basicauth", "basicauth/file", "headers_setter"] {
            let wire = if name.contains("auth/") { Wire::Grpc } else { Wire::Http };
            scene.exporter(wire, &name.replace('/', "_"), &format!("auth: {{authenticator: {name}}}, {DIRECT}")).await;
        }
        scene.with_authenticators();
        scene.with_token_servers().await;
        scene.with_query().await;
        scene.with_proxies().await;
        let dump = format!("directory: '{}', which: all", scene.dump().display());
        let pipeline = format!("receivers: [otlp], exporters: [{}]", scene.exporters.join(", "));
        scene.setup = scene
            .setup
            .extension("debug_dump", &dump)
            .extension("zpages", &format!("endpoint: '127.0.0.1:{zpages}'"))
            .pipeline("traces", &pipeline);
        std::fs::write(scene.config(), scene.setup.text()).unwrap();
        scene
    }

    async fn exporter(&mut self, wire: Wire, name: &str, settings: &str) {
        self.exporter_to(Echo::start().await, wire, name, settings);
    }

    fn exporter_to(&mut self, echo: Echo, wire: Wire, name: &str, settings: &str) {
        let id = format!("{}/{name}", crate::support::setup::exporter_type(wire));
        self.setup = self.setup.clone().export_to(&id, wire, echo.port, settings);
        self.led_by(&id, echo);
    }

    fn led_by(&mut self, exporter: &str, echo: Echo) {
        self.exporters.push(exporter.to_owned());
        self.echoes.push((exporter.to_owned(), echo));
    }

    fn with_authenticators(&mut self) {
        let setter = format!(
            "headers: [{{key: x-planted, value: '{}'}}, {{key: x-file, value_file: '{}'}}, \
             {{key: x-context, from_context: x-tenant}}]",
            at("headers_setter, written"),
            self.file("value")
        );
        let basic = |password: String| format!("client_auth: {{username: the-operator, {password}}}");
        self.setup = self
            .setup
            .clone()
            .extension("bearertokenauth/file", &format!("filename: '{}'", self.file("tokens")))
            .extension("bearertokenauth", &format!("token: '{}'", at("bearertokenauth, written")))
            .extension("basicauth", &basic(format!("password: '{}'", at("basicauth, written"))))
            .extension("basicauth/file", &basic(format!("password_file: '{}'", self.file("password"))))
            .extension("headers_setter", &setter);
    }

    /// One refuses, one grants.
    async fn with_token_servers(&mut self) {
        let (refusing, granting) = (Echo::start().await, Echo::granting(&at("oauth2client, token")).await);
        for (name, server) in [("refused", &refusing), ("granted", &granting)] {
            let settings = format!(
                "client_id: the-operator, client_secret: '{}', endpoint_params: {{assertion: '{}'}}, \
                 token_url: 'http://127.0.0.1:{}/token?key={}'",
                at("oauth2client, client_secret"),
                at("oauth2client, endpoint_params"),
                server.port,
                at("token_url")
            );
            self.setup = self.setup.clone().extension(&format!("oauth2client/{name}"), &settings);
            let auth = format!("auth: {{authenticator: oauth2client/{name}}}, {DIRECT}");
            self.exporter(Wire::Http, name, &auth).await;
        }
        // Nothing gets to the backend behind it.
        self.echoes.retain(|(id, _)| !id.ends_with("/refused"));
        self.echoes.push(("token server".to_owned(), refusing));
    }

    async fn with_query(&mut self) {
        let echo = Echo::start().await;
        let url = format!("http://127.0.0.1:{}/v1/traces?key={}", echo.port, at("traces_endpoint"));
        self.setup = self.setup.clone().exporter("otlp_http/query", &format!("traces_endpoint: '{url}', {DIRECT}"));
        self.led_by("otlp_http/query", echo);
    }

    /// One is sent whole requests, one is asked for a tunnel.
    async fn with_proxies(&mut self) {
        let (forward, tunnel) = (Echo::start().await, Echo::start().await);
        let url = format!("http://the-operator:{}@127.0.0.1:{}", percent(&at("proxy_url")), forward.port);
        let forwarded = format!("endpoint: 'http://backend.example:4318', proxy_url: '{url}', {DIRECT}");
        let tunnelled = format!("endpoint: 'backend.example:4317', tls: {{insecure: true}}, {DIRECT}");
        self.setup =
            self.setup.clone().exporter("otlp_http/proxy", &forwarded).exporter("otlp_grpc/tunnel", &tunnelled);
        self.led_by("otlp_http/proxy", forward);
        self.led_by("otlp_grpc/tunnel", tunnel);
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// The configuration's file.
    pub(crate) fn config(&self) -> String {
        self.file("relay.yaml")
    }

    pub(crate) fn dump(&self) -> PathBuf {
        self.directory.path().join("dump")
    }

    pub(crate) fn letters(&self) -> PathBuf {
        self.directory.path().join("letters")
    }

    /// A server that gives back what it is told.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.echoes[0].1.port)
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        PLACES.iter().chain(&QUERIES).map(|place| at(place)).collect()
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let (_, tunnel) = self.echoes.iter().find(|(id, _)| id == "otlp_grpc/tunnel").unwrap();
        let proxy = format!("http://the-operator:{}@127.0.0.1:{}", percent(&at("HTTPS_PROXY")), tunnel.port);
        vec![("PLANTED", at("headers, from the environment")), ("HTTPS_PROXY", proxy)]
    }

    /// The relay, which logs everything in `encoding`.
    pub(crate) async fn start(&self, encoding: &str) -> Relay {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otlp-relay"));
        command.envs(self.environment());
        command.arg("--set=service::telemetry::logs::level=debug");
        command.arg(format!("--set=service::telemetry::logs::encoding={encoding}"));
        command.arg("--set=service::telemetry::metrics::level=detailed");
        Relay::start_by(&self.setup, command).await
    }

    /// Sends until each server has given back everything in each form; the answers must hold no secret.
    pub(crate) async fn export_until_all_is_told(&self, relay: &Relay) {
        // A request tells three secrets at most.
        self.export_until(relay, || self.echoes.iter().all(|(_, echo)| 3 * FORMS <= echo.answers())).await;
        self.write("tokens", &at("bearertokenauth, second text of its file"));
        let letters: Vec<&Echo> =
            self.echoes.iter().filter(|(id, _)| id.ends_with("/letters")).map(|(_, echo)| echo).collect();
        let is_read = |echo: &&Echo| echo.heard(&at("bearertokenauth, second text of its file"));
        self.export_until(relay, || letters.iter().all(is_read)).await;
        let so_far: Vec<usize> = letters.iter().map(|echo| echo.answers()).collect();
        self.export_until(relay, || letters.iter().zip(&so_far).all(|(echo, before)| before + FORMS <= echo.answers()))
            .await;
        for place in PLACES {
            let heard = self.echoes.iter().any(|(_, echo)| echo.heard(&at(place)));
            assert!(heard, "nobody was told the secret of {place}");
        }
    }

    /// Sends one request after the other, over HTTP and over gRPC, until `is_done`.
    async fn export_until(&self, relay: &Relay, is_done: impl Fn() -> bool) {
        const MOST_ROUNDS: usize = 1000;
        let tenant = at("headers_setter, from the request");
        let headers = [("content-type", "application/x-protobuf"), ("x-tenant", tenant.as_str())];
        let body = lean_spans("app", 0..1).encode();
        for _ in 0..MOST_ROUNDS {
            if is_done() {
                return;
            }
            let http = http_request(Method::POST, relay.ports.http, "/v1/traces", &headers, body.clone()).await;
            let grpc = grpc_call(relay.ports.grpc, Signal::Traces.method(), &headers[1..], &body).await;
            for answer in [http, grpc] {
                assert_none(&self.secrets(), "an answer", said(&answer));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let told: Vec<_> = self.echoes.iter().map(|(id, echo)| (id, echo.answers())).collect();
        panic!("not all is told after {MOST_ROUNDS} rounds: {told:?}");
    }

    /// Everything that it serves.
    pub(crate) async fn pages(&self, relay: &Relay) -> Vec<(String, String)> {
        const PATHS: [&str; 7] = [
            "/",
            "/api/status",
            "/debug/servicez",
            "/debug/pipelinez",
            "/debug/extensionz",
            "/debug/featurez",
            "/debug/tracez",
        ];
        let mut pages = Vec::new();
        for path in PATHS {
            pages.push((path.to_owned(), said(&get(self.zpages, path).await)));
        }
        assert!(pages[0].1.contains("[REDACTED]") && pages[1].1.contains("[REDACTED]"), "{}", pages[1].1);
        for method in ["Status", "ListEvents"] {
            let path = format!("/otlp_relay.diagnostics.v1.Diagnostics/{method}");
            let said = said(&grpc_call(self.zpages, &path, &[], &[]).await);
            assert!(said.contains("[REDACTED]"), "{said}");
            pages.push((path, said));
        }
        pages.push(("/metrics".to_owned(), said(&get(relay.ports.metrics, "/metrics").await)));
        pages.push(("health".to_owned(), said(&get(relay.ports.health, "/").await)));
        pages
    }
}

fn said(answer: &HttpAnswer) -> String {
    format!("{} {:?} {}", answer.status, answer.headers, answer.text())
}
