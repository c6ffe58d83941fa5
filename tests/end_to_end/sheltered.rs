//! Does a receiver with TLS take what it should, and name each client that does not fit?

use http::Method;

use crate::support::backend::Backend;
use crate::support::cli;
use crate::support::client::{Wire, http_request};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::{QUICK_RETRY, Setup, exporter_type};
use crate::support::tls::Authority;

/// The `tls` of a receiver with a certificate of `authority`, and `more`.
fn receiving(authority: &Authority, more: &str) -> String {
    let (certificate, key) = authority.server_files();
    format!("tls: {{cert_file: '{}', key_file: '{}'{more}}}", certificate.display(), key.display())
}

/// A relay that sends to the receiver of `inner` over TLS.
async fn edge(inner: &Relay, wire: Wire, tls: &str) -> Relay {
    let endpoint = format!("https://localhost:{}", inner.ports.receiver(wire));
    let settings = format!("endpoint: '{endpoint}', tls: {{{tls}}}, {QUICK_RETRY}");
    Relay::start(&Setup::new().exporter(exporter_type(wire), &settings)).await
}

#[tokio::test]
async fn one_relay_feeds_another_over_mutual_tls() {
    let (authority, backend) = (Authority::new(), Backend::start());
    let ca = authority.ca_file();
    let tls = receiving(&authority, &format!(", client_ca_file: '{}'", ca.display()));
    let inner = Relay::start(&Setup::forwarding(Wire::Grpc, &backend, "").receiving(&tls)).await;
    let (certificate, key) = authority.client_files();
    let (ca, certificate, key) = (ca.display(), certificate.display(), key.display());
    let mut first = 0;
    for wire in [Wire::Grpc, Wire::Http] {
        let edge = edge(&inner, wire, &format!("ca_file: '{ca}', cert_file: '{certificate}', key_file: '{key}'")).await;
        let mut client = edge.client(Wire::Grpc, crate::support::client::Coding::Gzip).await;
        client.deliver(&lean_spans("app", first..first + 20)).await;
        first += 20;
        backend.wait_for_items(first).await;
        edge.stop_without_loss().await;
    }
    assert_eq!(backend.accepted_ids(Signal::Traces), (0..40).collect::<Vec<_>>());
    inner.stop_without_loss().await;
}

#[tokio::test]
async fn clients_that_do_not_fit_are_named_once() {
    let authority = Authority::new();
    let ca = authority.ca_file();
    let tls = receiving(&authority, &format!(", client_ca_file: '{}'", ca.display()));
    let inner = Relay::start(&Setup::new().exporter("nop", "").receiving(&tls)).await;
    for _ in 0..2 {
        let answer = http_request(Method::POST, inner.ports.http, "/v1/traces", &[], "").await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    inner.wait_for_line(&["peer_sent_plaintext", "client=127.0.0.1", "https://"]).await;
    for (tls, class) in [
        (format!("ca_file: '{}'", ca.display()), "peer_certificate_missing"),
        ("ca_pem: ''".to_owned(), "peer_rejected_our_certificate"),
    ] {
        let edge = edge(&inner, Wire::Grpc, &tls).await;
        let mut client = edge.client(Wire::Grpc, crate::support::client::Coding::None).await;
        client.deliver(&lean_spans("app", 0..1)).await;
        inner.wait_for_line(&[class, "client=127.0.0.1"]).await;
    }
    // A port check says nothing at all, and is not spoken of.
    drop(std::net::TcpStream::connect(("127.0.0.1", inner.ports.grpc)).unwrap());
    let log = inner.log();
    assert_eq!(log.matches("peer_sent_plaintext").count(), 1, "{log}");
    assert_eq!(log.lines().filter(|line| line.contains("class=peer_")).count(), 3, "{log}");
}

#[tokio::test]
async fn a_file_that_is_missing_is_named_with_its_place() {
    let tls = "tls: {cert_file: /no/such.pem, key_file: /no/such.key}";
    let setup = Setup::new().exporter("nop", "").receiving(tls);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.yaml");
    std::fs::write(&path, setup.text()).unwrap();
    let ended = cli::run(&["--config", path.to_str().unwrap()], &[]).await;
    assert_eq!(ended.code, Some(1));
    let key = "receivers::otlp::protocols::grpc::tls::cert_file: there is no file /no/such.pem";
    assert!(ended.stderr.contains("relay.yaml:2:") && ended.stderr.contains(key), "{}", ended.stderr);
}
