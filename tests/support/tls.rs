//! How does a test put TLS in front of its receiver? An authority of its own, and a proxy that ends TLS.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::net::{free_port, local};

/// A certificate authority, with the files that a configuration names.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

/// Whether the server wants to know who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    Anyone,
    /// Only with a certificate of the same authority.
    Certified,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A name of its own: clients take a certificate whose issuer has its own name for one that signs itself.
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer, directory: tempfile::tempdir().expect("a directory") }
    }

    /// The file for `ca_file`.
    pub fn ca_file(&self) -> PathBuf {
        self.write("ca.pem", &self.issuer.pem())
    }

    /// The files for `cert_file` and `key_file`.
    pub fn client_files(&self) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue("client", ExtendedKeyUsagePurpose::ClientAuth);
        (self.write("client.pem", &certificate.pem()), self.write("client.key", &key.serialize_pem()))
    }

    /// The files for `cert_file` and `key_file` of a receiver on localhost.
    pub fn server_files(&self) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        (self.write("server.pem", &certificate.pem()), self.write("server.key", &key.serialize_pem()))
    }

    /// The same, with a certificate that ends after `left`.
    pub fn server_files_for(&self, left: Duration) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue_with("localhost", ExtendedKeyUsagePurpose::ServerAuth, |params| {
            params.not_after = (SystemTime::now() + left).into();
        });
        (self.write("ending.pem", &certificate.pem()), self.write("ending.key", &key.serialize_pem()))
    }

    /// Ends TLS in front of the port `target`, with a certificate for `name`; answers the port it listens on.
    pub async fn serve(&self, name: &str, target: u16, clients: Clients) -> u16 {
        let identity = self.issue(name, ExtendedKeyUsagePurpose::ServerAuth);
        self.serve_as(identity, target, clients).await
    }

    /// The same, with a certificate that was good in January 2020.
    pub async fn serve_expired(&self, name: &str, target: u16) -> u16 {
        let identity = self.issue_with(name, ExtendedKeyUsagePurpose::ServerAuth, |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 31);
        });
        self.serve_as(identity, target, Clients::Anyone).await
    }

    async fn serve_as(&self, identity: (rcgen::Certificate, KeyPair), target: u16, clients: Clients) -> u16 {
        let acceptor = TlsAcceptor::from(Arc::new(self.server_config(identity, clients)));
        let port = free_port();
        let listener = TcpListener::bind(local(port)).await.expect("bind");
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let (Ok(mut near), Ok(mut far)) =
                        (acceptor.accept(socket).await, TcpStream::connect(local(target)).await)
                    {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        port
    }

    /// Whether the server at `port` shows a certificate of this authority for `name`.
    pub async fn vouches_for(&self, name: &str, port: u16) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let socket = TcpStream::connect(local(port)).await.expect("connect");
        let name = rustls::pki_types::ServerName::try_from(name.to_owned()).expect("a name");
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, socket).await.is_ok()
    }

    fn server_config(&self, identity: (rcgen::Certificate, KeyPair), clients: Clients) -> rustls::ServerConfig {
        let (certificate, key) = identity;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            Clients::Anyone => builder.with_no_client_auth(),
            Clients::Certified => {
                let mut roots = RootCertStore::empty();
                roots.add(self.issuer.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        self.issue_with(name, purpose, |_| ())
    }

    fn issue_with(
        &self,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).expect("write");
        path
    }
}
