//! Does data arrive over TLS, with a client certificate where one is wanted, and never without the trust that is asked for?

use crate::support::backend::Backend;
use crate::support::client::{Coding, Wire};
use crate::support::export::Signal;
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::{QUICK_RETRY, Setup, exporter_type};
use crate::support::tls::{Authority, Clients};

#[tokio::test]
async fn a_certificate_of_the_configured_authority_is_trusted() {
    for wire in [Wire::Grpc, Wire::Http] {
        let authority = Authority::new();
        let settings = format!("ca_file: '{}'", authority.ca_file().display());
        check_delivered(wire, &authority, "localhost", Clients::Anyone, &settings).await;
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_wants_one() {
    for wire in [Wire::Grpc, Wire::Http] {
        let authority = Authority::new();
        let (certificate, key) = authority.client_files();
        let (ca, certificate, key) = (authority.ca_file(), certificate.display(), key.display());
        let settings = format!("ca_file: '{}', cert_file: '{certificate}', key_file: '{key}'", ca.display());
        check_delivered(wire, &authority, "localhost", Clients::Certified, &settings).await;
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_taken_where_that_name_is_expected() {
    let authority = Authority::new();
    let settings = format!("ca_file: '{}', server_name_override: backend.example", authority.ca_file().display());
    check_delivered(Wire::Grpc, &authority, "backend.example", Clients::Anyone, &settings).await;
}

async fn check_delivered(wire: Wire, authority: &Authority, name: &str, clients: Clients, tls: &str) {
    let backend = Backend::start();
    let port = authority.serve(name, backend.port(wire), clients).await;
    let relay = Relay::start(&setup(wire, port, tls)).await;
    relay.client(wire, Coding::Gzip).await.deliver(&lean_spans("app", 0..20)).await;
    backend.wait_for_items(20).await;
    relay.stop_without_loss().await;
    assert_eq!(backend.accepted_ids(Signal::Traces), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    check_class(&Authority::new(), "localhost", Clients::Anyone, "", "tls_unknown_ca").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted() {
    let authority = Authority::new();
    let settings = format!("ca_file: '{}'", authority.ca_file().display());
    check_class(&authority, "other.example", Clients::Anyone, &settings, "tls_hostname_mismatch").await;
}

#[tokio::test]
async fn a_missing_client_certificate_is_named_as_the_cause() {
    let authority = Authority::new();
    let settings = format!("ca_file: '{}'", authority.ca_file().display());
    check_class(&authority, "localhost", Clients::Certified, &settings, "tls_client_certificate_required").await;
}

/// Nothing arrives, and the log names the class of the failure.
async fn check_class(authority: &Authority, name: &str, clients: Clients, tls: &str, class: &str) {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        let port = authority.serve(name, backend.port(wire), clients).await;
        let relay = Relay::start(&setup(wire, port, tls).service("shutdown_timeout", "200ms")).await;
        relay.client(wire, Coding::None).await.deliver(&lean_spans("app", 0..5)).await;
        relay.wait_for_line(&[&format!("class={class}"), "family=x509"]).await;
        let ended = relay.stop().await;
        assert_eq!((ended.delivered, ended.lost, backend.records().len()), (0, 5, 0), "{}", ended.log);
    }
}

fn setup(wire: Wire, port: u16, tls: &str) -> Setup {
    let settings = format!("endpoint: 'https://localhost:{port}', tls: {{{tls}}}, {QUICK_RETRY}");
    Setup::new().exporter(exporter_type(wire), &settings)
}
