//! Does a reload reach what a configuration only names: certificate files, the log, and addresses that overlap?

use std::fs;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::support::backend::Backend;
use crate::support::client::{Client, Coding, Wire, http_request};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::{QUICK_RETRY, Setup, exporter_type};
use crate::support::tls::{Authority, Clients};
use crate::support::{PATIENCE, eventually};

const UPDATED: &str = "Config updated";
const RENEWED: &str = "renewed certificates are in use";

/// An exporter that trusts the wrong authority delivers once the file holds the right one and `settle` was waited for;
/// `settings` stand beside `ca_file`.
async fn check_renewed_authority(wire: Wire, settings: &str, asks: Asks) {
    let (right, wrong) = (Authority::new(), Authority::new());
    let backend = Backend::start();
    let port = right.serve("localhost", backend.port(wire), Clients::Anyone).await;
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("ca.pem");
    fs::copy(wrong.ca_file(), &file).expect("copy");
    let exporter = format!(
        "endpoint: 'https://localhost:{port}', tls: {{ca_file: '{}'{settings}}}, {QUICK_RETRY}",
        file.display()
    );
    let setup = Setup::new().exporter(exporter_type(wire), &exporter);
    let relay = Relay::start(&setup).await;
    relay.client(wire, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
    relay.wait_for_line(&["export failed", "family=x509"]).await;

    fs::copy(right.ca_file(), &file).expect("copy");
    match asks {
        Asks::ForReload => relay.reload(&setup.text(), UPDATED).await,
        Asks::ForNothing => {}
    }
    backend.wait_for_items(5).await;
    relay.wait_for_line(&[RENEWED]).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 5);
}

/// What an operator does after renewing a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    ForReload,
    ForNothing,
}

#[tokio::test]
async fn an_unchanged_exporter_reads_its_certificates_again_in_a_reload() {
    for wire in [Wire::Grpc, Wire::Http] {
        check_renewed_authority(wire, "", Asks::ForReload).await;
    }
}

#[tokio::test]
async fn an_exporter_with_a_reload_interval_reads_its_certificates_again_unasked() {
    check_renewed_authority(Wire::Grpc, ", reload_interval: 50ms", Asks::ForNothing).await;
}

#[tokio::test]
async fn an_exporter_keeps_the_certificates_that_it_has_when_the_new_ones_are_broken() {
    let authority = Authority::new();
    let backend = Backend::start();
    let port = authority.serve("localhost", backend.grpc, Clients::Anyone).await;
    let file = authority.ca_file();
    let exporter =
        format!("endpoint: 'https://localhost:{port}', tls: {{ca_file: '{}'}}, {QUICK_RETRY}", file.display());
    let setup = Setup::new().exporter("otlp_grpc", &exporter);
    let relay = Relay::start(&setup).await;
    fs::write(&file, "not a certificate").expect("write");
    relay.reload(&setup.text(), UPDATED).await;
    relay.wait_for_line(&["renewed certificates cannot be used; the old ones stay in use", "ca_file"]).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
    backend.wait_for_items(5).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn an_unchanged_receiver_reads_its_certificates_again_in_a_reload() {
    let (before, after) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().expect("a directory");
    let files = [folder.path().join("server.pem"), folder.path().join("server.key")];
    let install = |authority: &Authority| {
        let (certificate, key) = authority.server_files();
        fs::copy(certificate, &files[0]).expect("copy");
        fs::copy(key, &files[1]).expect("copy");
    };
    install(&before);
    let backend = Backend::start();
    let tls = format!("tls: {{cert_file: '{}', key_file: '{}'}}", files[0].display(), files[1].display());
    let setup = Setup::forwarding(Wire::Grpc, &backend, "").receiving(&tls);
    let relay = Relay::start(&setup).await;
    for port in [relay.ports.grpc, relay.ports.http] {
        assert!(before.vouches_for("localhost", port).await && !after.vouches_for("localhost", port).await);
    }
    install(&after);
    relay.reload(&setup.text(), UPDATED).await;
    for port in [relay.ports.grpc, relay.ports.http] {
        assert!(after.vouches_for("localhost", port).await && !before.vouches_for("localhost", port).await);
    }
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn the_log_is_written_as_the_new_configuration_says() {
    let backend = Backend::start();
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("relay.log");
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let with = |logs: &str| setup.text().replace("telemetry: {", &format!("telemetry: {{logs: {{{logs}}}, "));
    let relay = Relay::start(&setup).await;

    relay.rewrite(&with(&format!("encoding: json, output_paths: ['{}'], initial_fields: {{site: a}}", file.display())));
    relay.signal("HUP");
    let updated = || async {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.lines().find(|line| line.contains(UPDATED)).map(str::to_owned)
    };
    let line = eventually("a line in the file", updated).await;
    let line: serde_json::Value = serde_json::from_str(&line).expect("a JSON object");
    assert_eq!((&line["level"], &line["site"]), (&"info".into(), &"a".into()), "{line}");
    assert!(!relay.log().contains(UPDATED), "{}", relay.log());

    // A file that was moved away is written no more.
    fs::rename(&file, folder.path().join("relay.log.1")).expect("rename");
    relay.signal("HUP");
    eventually("a line in the new file", updated).await;

    relay.reload(&with("level: debug"), UPDATED).await;
    let mut client = tokio::net::TcpStream::connect(("127.0.0.1", relay.ports.http)).await.expect("a connection");
    let half = b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    client.write_all(half).await.expect("half a request");
    drop(client);
    relay.wait_for_line(&["DEBUG", "a request was cut off"]).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_log_file_that_cannot_be_opened_changes_nothing() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let relay = Relay::start(&setup).await;
    let bad = setup.text().replace("telemetry: {", "telemetry: {logs: {output_paths: [/nonexistent/log]}, ");
    relay.reload(&bad, "the relay goes on with the one before").await;
    assert!(relay.log().contains("the log file /nonexistent/log cannot be opened"), "{}", relay.log());
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn listeners_move_from_all_addresses_to_one_and_back() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let one = setup.text();
    let all = one.replace("'127.0.0.1:", "'0.0.0.0:").replace("host: '127.0.0.1'", "host: '0.0.0.0'");
    let relay = Relay::start(&setup).await;
    let ports = [relay.ports.grpc, relay.ports.http, relay.ports.metrics, relay.ports.health];
    for (round, (text, elsewhere)) in [(&all, true), (&one, false), (&all, true)].into_iter().enumerate() {
        relay.reload(text, UPDATED).await;
        for port in ports {
            let reached = tokio::net::TcpStream::connect(("127.0.0.2", port)).await.is_ok();
            assert_eq!(reached, elsewhere, "port {port} in round {round}");
        }
        let id = round as u64;
        Client::connect(Wire::Grpc, relay.ports.grpc, Coding::None).await.deliver(&lean_spans("a", id..id + 1)).await;
        let scraped = http_request(http::Method::GET, relay.ports.metrics, "/metrics", &[], "").await;
        assert_eq!(scraped.status, 200);
    }
    tokio::time::timeout(PATIENCE, backend.wait_for_items(3)).await.expect("in time");
    assert_eq!(relay.stop_without_loss().await.delivered, 3);
}

#[tokio::test]
async fn addresses_pass_from_one_use_to_another_in_one_reload() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "");
    let relay = Relay::start(&setup).await;
    let (http, metrics) = (relay.ports.http.to_string(), relay.ports.metrics.to_string());
    let swapped = setup.text().replace(&http, "HTTP").replace(&metrics, &http).replace("HTTP", &metrics);
    relay.reload(&swapped, UPDATED).await;
    Client::connect(Wire::Http, relay.ports.metrics, Coding::None).await.deliver(&lean_spans("a", 0..1)).await;
    let scraped = http_request(http::Method::GET, relay.ports.http, "/metrics", &[], "").await;
    assert_eq!(scraped.status, 200);
    backend.wait_for_items(1).await;
    relay.reload(&setup.text(), UPDATED).await;
    Client::connect(Wire::Http, relay.ports.http, Coding::None).await.deliver(&lean_spans("a", 1..2)).await;
    assert_eq!(relay.stop_without_loss().await.delivered, 2);
}

#[tokio::test]
async fn a_connection_that_is_old_enough_is_closed_after_its_grace_whatever_it_does() {
    let backend = Backend::start();
    backend.always(crate::support::backend::Answer::Slow(Duration::from_secs(20)));
    let life = "max_connection_age: 100ms, max_connection_age_grace: 200ms";
    let setup = Setup::forwarding(Wire::Grpc, &backend, "timeout: 30s, sending_queue: {enabled: false}");
    let grpc = setup.ports.grpc;
    let text = setup.text().replace(
        &format!("grpc: {{endpoint: '127.0.0.1:{grpc}'}}"),
        &format!("grpc: {{endpoint: '127.0.0.1:{grpc}', keepalive: {{server_parameters: {{{life}}}}}}}"),
    );
    assert_ne!(text, setup.text());
    let relay = Relay::start(&setup).await;
    relay.reload(&text, UPDATED).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    let began = std::time::Instant::now();
    let refused = client.send(&lean_spans("app", 0..1)).await.expect_err("the connection ends before the answer");
    assert!(began.elapsed() < Duration::from_secs(15), "{refused:?} after {:?}", began.elapsed());
    relay.signal("KILL");
}
