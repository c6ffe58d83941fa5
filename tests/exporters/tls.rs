//! Certificates that are good, and those that are not.

use std::sync::Arc;

use otlp_relay::config::{ClientTls, OtlpGrpc, PemSource, Secret};
use otlp_relay::exporters::otlp::Backend;
use otlp_relay::failure::{Class, Phase};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::stubs::{Stub, accepting, serve_http2};
use crate::support::{RUNS, SHORT, check, grpc, grpc_config, http, https_config, send, target, trusting};

/// Someone who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Authority { issuer: Issuer::new(params, key), pem, der }
    }

    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    pub(crate) fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { pem: certificate.pem(), der: certificate.der().clone(), key }
    }

    /// The settings of a server with a certificate for `names`.
    pub(crate) fn server(&self, names: &[&str]) -> ServerConfig {
        server(self.sign(names, |_| ()), None)
    }
}

pub(crate) struct Identity {
    pub(crate) pem: String,
    der: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

pub(crate) fn server(identity: Identity, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(vec![identity.der], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// A gRPC server behind TLS.
pub(crate) async fn start_tls(config: ServerConfig) -> Stub {
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

pub(crate) fn to(stub: &Stub, tls: Option<ClientTls>) -> OtlpGrpc {
    let mut config = grpc_config(stub.address);
    config.endpoint.host = "localhost".to_owned();
    config.tls = tls;
    config
}

/// Several runs, since some of these failures depend on who is faster.
async fn check_often(backend: impl Fn() -> Backend, class: Class, words: &[&str]) {
    for _ in 0..RUNS {
        let failure = check(&backend(), class, words).await;
        assert_eq!(failure.phase(), Phase::Tls, "{failure:?}");
        assert!(!failure.cause().contains("broken pipe"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_server_of_a_trusted_authority_is_served() {
    let authority = Authority::new("test CA");
    let stub = start_tls(authority.server(&["localhost"])).await;
    send(&grpc(&to(&stub, trusting(&authority.pem())))).await.unwrap();
    let mut tls = trusting(&authority.pem()).unwrap();
    tls.server_name = Some("localhost".to_owned());
    let mut config = to(&stub, Some(tls));
    config.endpoint.host = "127.0.0.1".to_owned();
    send(&grpc(&config)).await.unwrap();
    let unchecked = ClientTls { skip_verify: true, ..ClientTls::default() };
    send(&grpc(&to(&stub, Some(unchecked)))).await.unwrap();
}

#[tokio::test]
async fn http_over_tls_takes_http2_where_it_is_offered_and_http1_where_not() {
    let authority = Authority::new("test CA");
    let both = start_tls(authority.server(&["localhost"])).await;
    let mut config = https_config(both.address, &authority.pem());
    // The stub knows only gRPC: that it says so shows that it was asked over HTTP/2.
    check(&http(&config), Class::Http1ToGrpcPort, &["gRPC server", "4318"]).await;

    let mut settings = authority.server(&["localhost"]);
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(settings));
    let http1 = Stub::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = hyper::service::service_fn(|_| async {
                Ok::<_, std::convert::Infallible>(crate::stubs::response(200, &[], ""))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        }
    })
    .await;
    target(&mut config).endpoint.port = http1.address.port();
    let backend = http(&config);
    for _ in 0..3 {
        send(&backend).await.unwrap();
    }
    assert_eq!(http1.connections(), 1);
    let mut over_grpc = to(&http1, trusting(&authority.pem()));
    over_grpc.timeout = Some(crate::support::LONG);
    check(&grpc(&over_grpc), Class::TlsAlpnMismatch, &["HTTP/2"]).await;
}

#[tokio::test]
async fn an_unknown_authority_is_named() {
    let (ours, other) = (Authority::new("our CA"), Authority::new("other CA"));
    let stub = start_tls(other.server(&["localhost"])).await;
    let backend = || grpc(&to(&stub, trusting(&ours.pem())));
    check_often(backend, Class::TlsUnknownCa, &["other CA", "ca_file"]).await;
}

#[tokio::test]
async fn an_expired_certificate_shows_its_date() {
    let authority = Authority::new("test CA");
    let identity = authority.sign(&["localhost"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 2, 3);
    });
    let stub = start_tls(server(identity, None)).await;
    let backend = || grpc(&to(&stub, trusting(&authority.pem())));
    check_often(backend, Class::TlsCertificateExpired, &["expired", "03 Feb 2021", "days", "renew"]).await;
}

#[tokio::test]
async fn a_certificate_for_another_host_shows_both_names() {
    let authority = Authority::new("test CA");
    let stub = start_tls(authority.server(&["otel.example.com"])).await;
    let backend = || grpc(&to(&stub, trusting(&authority.pem())));
    let words = ["localhost", "otel.example.com", "server_name_override"];
    check_often(backend, Class::TlsHostnameMismatch, &words).await;
}

#[tokio::test]
async fn an_authority_as_a_server_has_its_own_class() {
    let authority = Authority::new("test CA");
    let identity = authority.sign(&["localhost"], |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let stub = start_tls(server(identity, None)).await;
    let backend = || grpc(&to(&stub, trusting(&authority.pem())));
    check_often(backend, Class::TlsSelfSignedCertificate, &["CA:TRUE"]).await;
}

#[tokio::test]
async fn a_missing_client_certificate_is_told_from_a_reset() {
    let authority = Authority::new("test CA");
    let stub = start_tls(server(authority.sign(&["localhost"], |_| ()), Some(&authority))).await;
    let backend = || grpc(&to(&stub, trusting(&authority.pem())));
    let words = ["client certificate", "cert_file", "key_file", "it accepts those of \"test CA\""];
    check_often(backend, Class::TlsClientCertificateRequired, &words).await;
    for _ in 0..RUNS {
        let config = https_config(stub.address, &authority.pem());
        check(&http(&config), Class::TlsClientCertificateRequired, &["cert_file"]).await;
    }
}

#[tokio::test]
async fn a_rejected_client_certificate_is_told_from_a_reset() {
    let (authority, other) = (Authority::new("test CA"), Authority::new("other CA"));
    let stub = start_tls(server(authority.sign(&["localhost"], |_| ()), Some(&authority))).await;
    let client = |signer: &Authority| {
        let identity = signer.sign(&["client"], |_| ());
        let mut tls = trusting(&authority.pem()).unwrap();
        let inline = |text: String| PemSource::Inline(Secret::new(text));
        tls.identity = Some((inline(identity.pem), inline(identity.key.serialize_pem())));
        grpc(&to(&stub, Some(tls)))
    };
    check_often(|| client(&other), Class::TlsClientCertificateRejected, &["cert_file"]).await;
    send(&client(&authority)).await.unwrap();
}

#[tokio::test]
async fn a_silent_tls_port_meets_the_timeout() {
    let stub = Stub::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let mut config = to(&stub, Some(ClientTls::default()));
    config.timeout = Some(SHORT);
    check(&grpc(&config), Class::TlsHandshakeTimeout, &["300ms"]).await;
}

#[tokio::test]
async fn a_port_that_closes_in_the_handshake_is_a_class_of_its_own() {
    let stub = Stub::start(|stream| async move { drop(stream) }).await;
    let backend = || grpc(&to(&stub, Some(ClientTls::default())));
    check_often(backend, Class::TlsHandshakeClosed, &["localhost"]).await;
}

/// A server that asks for a certificate and hangs up without an alert on whoever shows none, as Node's does.
#[tokio::test]
async fn a_server_that_is_silent_about_a_missing_client_certificate_is_seen_through() {
    let authority = Authority::new("test CA");
    let stub = start_silent_mtls(&authority).await;
    let backend = || grpc(&to(&stub, trusting(&authority.pem())));
    check_often(backend, Class::TlsClientCertificateRequired, &["client certificate", "without a word"]).await;
    for _ in 0..RUNS {
        let config = https_config(stub.address, &authority.pem());
        check(&http(&config), Class::TlsClientCertificateRequired, &["cert_file"]).await;
    }
}

/// Shakes hands whatever the client shows, and closes.
pub(crate) async fn start_silent_mtls(authority: &Authority) -> Stub {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = verifier.allow_unauthenticated().build().unwrap();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let identity = authority.sign(&["localhost"], |_| ());
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    let builder = builder.with_client_cert_verifier(verifier);
    let mut config = builder.with_single_cert(vec![identity.der], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Stub::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let shaken = acceptor.accept(stream).await;
            drop(shaken);
        }
    })
    .await
}
