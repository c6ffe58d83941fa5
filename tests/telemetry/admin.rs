//! What do the admin servers answer?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use otlp_relay::admin::{Audience, HealthFacts, HealthPage, Route, health_route, metrics_route, serve};
use otlp_relay::telemetry::{Registry, View};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::fakes::{Attempts, refused};

/// An admin server on a port of its own, until it is dropped.
struct Server {
    address: std::net::SocketAddr,
    end: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(route: Route) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let end = CancellationToken::new();
        let task = tokio::spawn(serve(listener, route, end.clone()));
        Server { address, end, task }
    }

    /// Sends `request` as it is, and gives the status code and the body.
    async fn send(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
    }

    #[track_caller]
    fn check_code(&self, path: &str, expected: u16) -> impl Future<Output = ()> {
        let path = path.to_owned();
        async move { assert_eq!(self.get(&path).await.0, expected, "{path}") }
    }
}

fn page(path: &str) -> HealthPage {
    HealthPage { path: path.to_owned(), healthy_body: None, unhealthy_body: None }
}

#[tokio::test]
async fn metrics_are_served_at_one_path() {
    let registry = Registry::new();
    registry.counter("otelcol_c", "Counts", &[]).add(1);
    let server = Server::start(metrics_route(registry, View::default(), Audience::Anyone)).await;
    assert_eq!(
        server.get("/metrics").await,
        (200, "# HELP otelcol_c Counts\n# TYPE otelcol_c counter\notelcol_c 1\n".into())
    );
    server.check_code("/", 404).await;
}

#[tokio::test]
async fn health_follows_the_life_of_the_service() {
    let facts = HealthFacts::new();
    let server = Server::start(health_route(Arc::clone(&facts), page("/"))).await;
    let down =
        "{\"status\":\"Server not available\",\"upSince\":\"0001-01-01T00:00:00Z\",\"uptime\":\"\",\"exporters\":[]}";
    assert_eq!(server.get("/").await, (503, down.to_owned()));
    server.check_code("/ready", 503).await;
    server.check_code("/live", 200).await;
    facts.running();
    let (code, body) = server.get("/").await;
    assert_eq!(code, 200);
    assert!(body.starts_with("{\"status\":\"Server available\",\"upSince\":\"20"), "{body}");
    let posted = server.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello").await;
    assert_eq!(posted.0, 200, "every method is accepted");
    for path in ["/live", "/ready", "/exporting"] {
        server.check_code(path, 200).await;
    }
    server.check_code("/other", 404).await;
    facts.stopping();
    facts.running();
    for path in ["/", "/ready"] {
        server.check_code(path, 503).await;
    }
    server.check_code("/live", 200).await;
    server.end.cancel();
    server.task.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn metrics_for_this_machine_are_not_shown_by_a_name_of_the_web() {
    let server = Server::start(metrics_route(Registry::new(), View::default(), Audience::ThisMachine)).await;
    for (host, expected) in [("localhost:8888", 200), ("127.0.0.1", 200), ("[::1]:8888", 200), ("evil.example", 403)] {
        let (code, _) = server.send(&format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert_eq!(code, expected, "{host}");
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_hold_up_the_end() {
    let server = Server::start(metrics_route(Registry::new(), View::default(), Audience::Anyone)).await;
    let _mute = TcpStream::connect(server.address).await.unwrap();
    server.check_code("/metrics", 200).await;
    server.end.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn configured_bodies_replace_the_main_page_alone() {
    let facts = HealthFacts::new();
    let bodies =
        HealthPage { healthy_body: Some("fine".into()), unhealthy_body: Some("not yet".into()), ..page("/health") };
    let server = Server::start(health_route(Arc::clone(&facts), bodies)).await;
    assert_eq!(server.get("/health").await, (503, "not yet".to_owned()));
    facts.running();
    assert_eq!(server.get("/health").await, (200, "fine".to_owned()));
    assert!(server.get("/live").await.1.starts_with("{\"status\""));
    server.check_code("/", 404).await;
}

#[tokio::test]
async fn ready_asks_for_room() {
    let facts = HealthFacts::new();
    facts.running();
    facts.ask_for_room(|| false);
    let server = Server::start(health_route(facts, page("/"))).await;
    server.check_code("/ready", 503).await;
    server.check_code("/", 200).await;
}

#[tokio::test]
async fn exporting_is_unwell_while_data_waits_behind_a_failing_exporter() {
    let attempts = Attempts::new();
    let waiting = Arc::new(AtomicU64::new(0));
    let level = Arc::clone(&waiting);
    attempts.state.watch_queue(move || level.load(Ordering::Relaxed));
    let facts = HealthFacts::new();
    facts.running();
    facts.set_exporters(vec![Arc::clone(&attempts.state)]);
    let server = Server::start(health_route(facts, page("/"))).await;
    let exporters = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap()["exporters"][0].clone();
    assert_eq!(exporters(&server.get("/exporting").await.1)["state"], "idle");
    attempts.fails(&attempts.traces, refused()).await;
    server.check_code("/exporting", 200).await;
    waiting.store(3, Ordering::Relaxed);
    let (code, body) = server.get("/exporting").await;
    let told = exporters(&body);
    assert_eq!((code, &told["class"], &told["queued"]), (503, &"connection_refused".into(), &3.into()), "{body}");
    server.check_code("/", 200).await;
    attempts.succeeds(&attempts.traces).await;
    assert_eq!(exporters(&server.get("/exporting").await.1)["state"], "delivering");
    server.check_code("/exporting", 200).await;
}
