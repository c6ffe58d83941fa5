//! Certificates made for a test, in files where the relay reads files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use otlp_relay::config::{PemSource, ServerTls, TlsTerms};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::client::WantsClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};

/// Someone who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// A certificate and its key.
pub(crate) struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

/// Where a receiver finds its certificate and key.
pub(crate) struct Files(tempfile::TempDir);

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

    pub(crate) fn sign(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate, key }
    }

    /// The settings of a client that trusts this authority and shows `identity`.
    pub(crate) fn client(&self, identity: Option<&Identity>, alpn: &[&[u8]]) -> ClientConfig {
        let builder = self.client_of(rustls::DEFAULT_VERSIONS);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![identity.certificate.der().clone()], key).unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    /// The settings of a client that knows nothing newer than TLS 1.2.
    pub(crate) fn old_client(&self) -> ClientConfig {
        self.client_of(&[&rustls::version::TLS12]).with_no_client_auth()
    }

    fn client_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        builder.with_root_certificates(roots)
    }
}

impl Identity {
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        self.certificate.der()
    }
}

impl Files {
    pub(crate) fn of(identity: &Identity) -> Files {
        let files = Files(tempfile::tempdir().unwrap());
        files.renew(identity);
        files
    }

    pub(crate) fn renew(&self, identity: &Identity) {
        self.write("key.pem", &identity.key.serialize_pem());
        self.write("certificate.pem", &identity.certificate.pem());
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The file for `client_ca_file`.
    pub(crate) fn trust(&self, authority: &Authority) -> PathBuf {
        self.write("clients.pem", &authority.pem)
    }

    pub(crate) fn server(&self) -> ServerTls {
        ServerTls {
            certificate: PemSource::File(self.path("certificate.pem")),
            key: PemSource::File(self.path("key.pem")),
            client_ca: None,
            terms: TlsTerms::default(),
            reload_interval: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.0.path(), name)
    }
}
