//! Are the facts there, without JavaScript and for programs, and are they those of `/metrics`?

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::scene::{Scene, member, start, wait_for};
use crate::support::client::{self, Coding, Wire, http_request};
use crate::support::generate::lean_spans;
use crate::support::net::{free_port, local};
use crate::support::setup::Setup;

#[tokio::test]
async fn the_status_says_what_the_metrics_say() {
    let scene = Scene::set().await;
    let (status, metrics) = (scene.status().await, scene.relay.metrics().await);
    for (id, state) in
        [("otlp_grpc/healthy", "delivering"), ("otlp_grpc/failing", "failing"), ("otlp_http/recovered", "delivering")]
    {
        let exporter = member(&status, "exporters", "id", id);
        let flow = member(exporter, "flows", "signal", "traces");
        let labels = [("exporter", id)];
        assert_eq!(exporter["state"], state, "{id}");
        let figure = |name: &str| Some(metrics.value(name, &labels));
        assert_eq!(flow["sent"].as_f64(), figure("otelcol_exporter_sent_spans"), "{id}");
        assert_eq!(flow["send_failed"].as_f64(), figure("otelcol_exporter_send_failed_spans"), "{id}");
        assert_eq!(flow["queue"]["size"].as_f64(), figure("otelcol_exporter_queue_size"), "{id}");
        assert_eq!(flow["queue"]["capacity"].as_f64(), figure("otelcol_exporter_queue_capacity"), "{id}");
    }
    let accepted = metrics.value("otelcol_receiver_accepted_spans", &[("receiver", "otlp")]);
    let receiver = member(&status, "receivers", "id", "otlp");
    assert_eq!(member(receiver, "flows", "signal", "traces")["accepted"].as_f64(), Some(accepted));
    assert_eq!(status["exporting"], "failing");
    scene.relay.signal("KILL");
}

#[tokio::test]
async fn a_failing_exporter_says_why_since_when_and_what_to_do() {
    let scene = Scene::set().await;
    let tried = |status: &Value| {
        let flow = &member(status, "exporters", "id", "otlp_grpc/failing")["flows"][0];
        flow["next_try"].is_string().then(|| flow.clone())
    };
    let flow = wait_for(scene.port, "a try to come", tried).await;
    let trouble = &flow["trouble"];
    assert_eq!((&trouble["class"], &trouble["family"]), (&"connection_refused".into(), &"refused".into()));
    for text in ["since", "latest", "cause", "meaning", "remedy", "endpoint"] {
        assert!(trouble[text].as_str().is_some_and(|text| !text.is_empty()), "{text} of {trouble}");
    }
    assert_eq!(flow["last_success"], Value::Null);

    let status = scene.status().await;
    let recovered = &member(&status, "exporters", "id", "otlp_http/recovered")["flows"][0];
    assert_eq!(recovered["recovery"]["class"], "connection_refused");
    assert!(recovered["last_success"].is_string() && recovered["trouble"].is_null());
    let event = |exporter| member(&status, "events", "exporter", exporter);
    assert_eq!(event("otlp_grpc/failing")["state"], "ongoing");
    assert_eq!(event("otlp_http/recovered")["state"], "over");
    let folded = |status: &Value| {
        let event = member(status, "events", "exporter", "otlp_grpc/failing");
        event["count"].as_u64().filter(|count| 2 < *count)
    };
    wait_for(scene.port, "failures to be folded", folded).await;
    scene.relay.signal("KILL");
}

#[tokio::test]
async fn the_page_has_every_fact_without_javascript() {
    let scene = Scene::set().await;
    let page = client::get(scene.port, "/").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = page.text();
    for fact in [
        "1 of 3 exporters is failing",
        "otlp_grpc/healthy",
        "Nothing is listening on the port.",
        "Check that the backend is running",
        "connection_refused",
        "traces/second",
        "batch",
        "No client did anything wrong.",
        "Recovered (traces)",
        env!("CARGO_PKG_VERSION"),
    ] {
        assert!(text.contains(fact), "{fact} is not in {text}");
    }
    scene.relay.signal("KILL");
}

#[tokio::test]
async fn rates_show_from_the_second_look_on() {
    let setup = Setup::new().exporter("nop", "").pipeline("traces", "receivers: [otlp], exporters: [nop]");
    let (relay, port) = start(&setup).await;
    let rate = |status: &Value| status["receivers"][0]["flows"][0]["per_second"].as_f64();
    wait_for(port, "two looks", rate).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    client.deliver(&lean_spans("app", 0..100)).await;
    let seen = wait_for(port, "a rate", |status| rate(status).filter(|rate| 0.0 < *rate)).await;
    assert!(seen <= 100.0, "{seen}: rates are not of less than a second");
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn clients_are_told_what_they_send_wrong() {
    let setup = Setup::new().exporter("nop", "").pipeline("traces", "receivers: [otlp], exporters: [nop]");
    let (relay, port) = start(&setup).await;
    let proto = [("content-type", "application/x-protobuf")];
    let refused = http_request(http::Method::POST, relay.ports.http, "/v1/traces", &proto, "not OTLP").await;
    assert_eq!(refused.status, 400);
    http_request(http::Method::POST, relay.ports.http, "/v1/logs", &proto, "").await;
    http_request(http::Method::POST, relay.ports.http, "/v1/traces/v1/traces", &proto, "").await;
    http_request(http::Method::POST, relay.ports.http, "/v1/traces", &[("content-type", "text/plain")], "").await;
    let of_a_scanner = http_request(http::Method::POST, relay.ports.http, "/login", &[], "").await;
    assert_eq!(of_a_scanner.status, 404);
    let mut hello = tokio::net::TcpStream::connect(local(relay.ports.grpc)).await.unwrap();
    hello.write_all(&[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]).await.unwrap();
    let mut rest = Vec::new();
    // It is turned away, be it with a reset.
    let _ = tokio::time::timeout(Duration::from_secs(10), hello.read_to_end(&mut rest)).await.unwrap();
    let classes =
        ["malformed_request", "peer_sent_tls", "unwanted_signal", "peer_unknown_path", "peer_unknown_content_type"];
    for class in classes {
        let find = |status: &Value| status["clients"].as_array()?.iter().find(|fault| fault["class"] == class).cloned();
        let fault = wait_for(port, class, find).await;
        assert_eq!(fault["address"], "127.0.0.1");
        assert!(fault["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{fault}");
    }
    let page = client::get(port, "/").await.text();
    assert!(page.contains("peer_sent_tls") && page.contains("POST /v1/traces/v1/traces"), "{page}");
    assert!(!page.contains("/login") && !relay.log().contains("/login"), "scanners are no clients: {page}");
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn the_pages_of_the_collector_are_there() {
    let setup = Setup::new().exporter("nop", "").pipeline("traces", "receivers: [otlp], exporters: [nop]");
    let (relay, port) = start(&setup).await;
    for (path, words) in [
        ("/debug/servicez", "Component types"),
        ("/debug/pipelinez", "otlp → nop"),
        ("/debug/extensionz", "zpages"),
        ("/debug/featurez", "no feature gates"),
        ("/debug/tracez", "records no traces of itself"),
    ] {
        let page = client::get(port, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text().contains(words), "{path}: {}", page.text());
    }
    assert_eq!(client::get(port, "/debug/nothing").await.status, 404);
    relay.stop_without_loss().await;
}

/// A backend whose words are markup.
pub(crate) async fn evil_backend() -> u16 {
    let port = free_port();
    let listener = tokio::net::TcpListener::bind(local(port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 64 << 10];
            let _ = stream.read(&mut head).await;
            let answer = format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{EVIL}",
                EVIL.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

pub(crate) const EVIL: &str = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">";

#[tokio::test]
async fn what_a_backend_says_is_text() {
    let setup = Setup::new()
        .export_to("otlp_http", Wire::Http, evil_backend().await, "")
        .pipeline("traces", "receivers: [otlp], exporters: [otlp_http]");
    let (relay, port) = start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..1)).await;
    wait_for(port, "an event", |status| status["events"].as_array().filter(|events| !events.is_empty()).map(drop))
        .await;
    let text = client::get(port, "/").await.text();
    assert!(!text.contains("<script>document") && !text.contains("<img"), "{text}");
    assert!(text.contains("&lt;script&gt;document.title"), "the words are shown: {text}");
    relay.signal("KILL");
}
