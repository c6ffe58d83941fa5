//! What a check finds of TLS: the chain as it was sent, and which link of it fails.

use crate::looks::{Checked, check, sending};
use crate::support::backend::Backend;
use crate::support::tls::{Authority, Clients};

async fn checked(authority: &Authority, port: u16) -> Checked {
    let ca = authority.ca_file();
    let settings = format!("endpoint: 'https://localhost:{port}', tls: {{ca_file: '{}'}}", ca.display());
    check(&sending("otlp_grpc", &settings), &[], &[]).await
}

#[tokio::test]
async fn a_trusted_server_is_shown_with_its_chain_and_its_days() {
    let (backend, authority) = (Backend::start(), Authority::new());
    let port = authority.serve("localhost", backend.grpc, Clients::Anyone).await;
    let found = checked(&authority, port).await;
    found.is_well();
    for words in ["TLS 1.3", "ALPN h2", "certificate 0 as sent", "for localhost", "days from now"] {
        assert!(found.text.contains(words), "no {words} in\n{}", found.text);
    }
}

#[tokio::test]
async fn an_unknown_authority_is_named_with_the_link_that_fails() {
    let (backend, authority) = (Backend::start(), Authority::new());
    let port = authority.serve("localhost", backend.grpc, Clients::Anyone).await;
    let found = check(&sending("otlp_grpc", &format!("endpoint: 'https://localhost:{port}'")), &[], &[]).await;
    found.fails("tls", "tls_unknown_ca", "tls", &["this one fails", "ca_file", "not tried: needs TLS"]);
}

#[tokio::test]
async fn an_expired_certificate_is_shown_with_its_end() {
    let (backend, authority) = (Backend::start(), Authority::new());
    let port = authority.serve_expired("localhost", backend.grpc).await;
    checked(&authority, port).await.fails("tls", "tls_certificate_expired", "tls", &["31 Jan 2020", "this one fails"]);
}

#[tokio::test]
async fn a_certificate_for_another_name_comes_with_the_edit() {
    let (backend, authority) = (Backend::start(), Authority::new());
    let port = authority.serve("otel.example.com", backend.grpc, Clients::Anyone).await;
    let edit = "tls: {server_name_override: otel.example.com}";
    checked(&authority, port).await.fails("tls", "tls_hostname_mismatch", "tls", &["localhost", edit]);
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_fails_at_tls_and_not_later() {
    let (backend, authority) = (Backend::start(), Authority::new());
    let port = authority.serve("localhost", backend.grpc, Clients::Certified).await;
    let found = checked(&authority, port).await;
    found.fails("tls", "tls_client_certificate_required", "tls", &["cert_file", "not tried: needs TLS"]);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_with_its_place() {
    let yaml = sending("otlp_grpc", "endpoint: 'https://localhost:1', tls: {ca_file: /no/such.pem}");
    let found = check(&yaml, &[], &[]).await;
    found.fails("setup", "config_file_unreadable", "config", &["relay.yaml:3:", "/no/such.pem", "needs the files"]);
}
