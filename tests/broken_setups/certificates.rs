//! Backends whose certificates, or ours, do not please the other side.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::stubs::{Stub, accepting, serve_http2};
use crate::support::client::{Coding, Wire};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::{QUICK_RETRY, Setup};
use crate::trial::{Again, Expected, check, exporting};

/// Someone who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate.pem()).unwrap();
        Authority { der: certificate.der().clone(), issuer: Issuer::new(params, key), file }
    }

    /// The settings of a server with a certificate for `names`.
    pub(crate) fn server(&self, names: &[&str]) -> ServerConfig {
        self.server_with(names, |_| (), None)
    }

    fn server_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
        clients: Option<&Authority>,
    ) -> ServerConfig {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let verifier = match clients {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der.clone()).unwrap();
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap()
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let builder = builder.with_client_cert_verifier(verifier);
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    /// An exporter to `stub` that trusts this authority.
    fn trusted_by_exporter_to(&self, stub: &Stub) -> impl Fn() -> Setup {
        let (port, file) = (stub.address.port(), self.file.path().display());
        let settings = format!("endpoint: 'https://localhost:{port}', tls: {{ca_file: '{file}'}}, {QUICK_RETRY}");
        move || exporting("otlp_grpc", &settings)
    }
}

/// A gRPC server behind TLS.
pub(crate) async fn serve_tls(config: ServerConfig) -> Stub {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let routes = accepting().routes();
    Stub::start(move |stream| {
        let (acceptor, routes) = (acceptor.clone(), routes.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve_http2(stream, routes).await;
            }
        }
    })
    .await
}

async fn check_tls(setup: impl Fn() -> Setup, class: &str, words: &[&str]) {
    let expected = Expected { class, phase: "tls", retry: Again::Yes, words, never: &["broken pipe"] };
    check(setup, &[], &expected).await;
}

#[tokio::test]
async fn an_authority_that_is_not_trusted() {
    let (ours, other) = (Authority::new("test CA"), Authority::new("other CA"));
    let stub = serve_tls(other.server(&["localhost"])).await;
    check_tls(ours.trusted_by_exporter_to(&stub), "tls_unknown_ca", &["other CA", "ca_file", "1 known"]).await;
}

#[tokio::test]
async fn an_authority_that_was_created_anew() {
    let (ours, anew) = (Authority::new("test CA"), Authority::new("test CA"));
    let stub = serve_tls(anew.server(&["localhost"])).await;
    check_tls(ours.trusted_by_exporter_to(&stub), "tls_bad_signature", &["test CA", "another key", "anew"]).await;
}

#[tokio::test]
async fn a_certificate_that_has_expired() {
    let ours = Authority::new("test CA");
    let expired = ours.server_with(
        &["localhost"],
        |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 2, 3);
        },
        None,
    );
    let stub = serve_tls(expired).await;
    let words = ["expired", "03 Feb 2021", "days ago", "renew"];
    let setup = ours.trusted_by_exporter_to(&stub);
    check_tls(&setup, "tls_certificate_expired", &words).await;
    // Whoever is told of the failure need not be told of the date.
    let relay = Relay::start(&setup()).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    let _ = client.send(&lean_spans("app", 0..1)).await;
    let days = "otelcol_exporter_certificate_days_left";
    relay.wait_for_metrics("the end", |metrics| metrics.sum(days, &[]).is_some_and(|days| days < 0.0)).await;
    assert!(!relay.log().contains("ends soon"), "{}", relay.log());
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet() {
    let ours = Authority::new("test CA");
    let early = ours.server_with(&["localhost"], |params| params.not_before = date_time_ymd(2990, 1, 1), None);
    let stub = serve_tls(early).await;
    let words = ["not valid yet|valid only from", "01 Jan 2990", "clock"];
    check_tls(ours.trusted_by_exporter_to(&stub), "tls_certificate_not_yet_valid", &words).await;
}

#[tokio::test]
async fn a_certificate_for_another_host() {
    let ours = Authority::new("test CA");
    let stub = serve_tls(ours.server(&["otel.example.com"])).await;
    let words = ["localhost", "otel.example.com", "server_name_override"];
    check_tls(ours.trusted_by_exporter_to(&stub), "tls_hostname_mismatch", &words).await;
}

#[tokio::test]
async fn an_authority_as_the_servers_own_certificate() {
    let ours = Authority::new("test CA");
    let leaf =
        ours.server_with(&["localhost"], |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), None);
    let stub = serve_tls(leaf).await;
    let words = ["CA:TRUE", "CA:FALSE"];
    check_tls(ours.trusted_by_exporter_to(&stub), "tls_self_signed_certificate", &words).await;
}

#[tokio::test]
async fn a_client_certificate_that_is_demanded() {
    let ours = Authority::new("test CA");
    let stub = serve_tls(ours.server_with(&["localhost"], |_| (), Some(&ours))).await;
    let words = ["client certificate", "cert_file", "key_file", "test CA"];
    check_tls(ours.trusted_by_exporter_to(&stub), "tls_client_certificate_required", &words).await;
}

#[tokio::test]
async fn a_load_balancer_without_http2() {
    let ours = Authority::new("test CA");
    let mut config = ours.server(&["localhost"]);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stub = serve_tls(config).await;
    check_tls(ours.trusted_by_exporter_to(&stub), "tls_alpn_mismatch", &["HTTP/2", "otlp_http"]).await;
}
