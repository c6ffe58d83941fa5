//! TLS to a backend: from the configuration to a connector, or which key of it is wrong.

mod explain;
mod verify;

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(super) use explain::{TlsContext, no_http2};

use self::verify::{Trust, Verifier};
use super::obstacle::Obstacle;
use crate::config::{ClientTls, Endpoint};
use crate::transport::tls::{CA_KEYS, CERT_KEYS, KEY_KEYS, TlsProblem, add_system_roots, identity_error, pem, problem};

/// The TLS settings of an endpoint, with their files read.
#[derive(Debug)]
pub struct TlsClient {
    config: ClientConfig,
    server_name: ServerName<'static>,
    verifier: Arc<Verifier>,
    identity: Identity,
    roots: usize,
}

/// Whether we can show a certificate of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Configured,
    None,
}

impl TlsClient {
    /// Reads the files that `tls` names and checks that they fit together.
    ///
    /// # Errors
    ///
    /// The key whose file cannot be read, holds something else, or does not fit the other one.
    pub fn load(tls: &ClientTls, endpoint: &Endpoint) -> Result<TlsClient, TlsProblem> {
        let provider = Arc::new(ring::default_provider());
        let (trust, roots) = trust(tls, &provider)?;
        let verifier = Arc::new(Verifier::new(trust, Arc::clone(&provider)));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsProblem { key: "", what: error.to_string() })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _);
        let (config, identity) = match &tls.identity {
            None => (builder.with_no_client_auth(), Identity::None),
            Some((certificate, key)) => {
                let chain = pem::certificates(certificate).map_err(|what| problem(certificate, CERT_KEYS, what))?;
                let key_der = pem::private_key(key).map_err(|what| problem(key, KEY_KEYS, what))?;
                let config = builder
                    .with_client_auth_cert(chain, key_der)
                    .map_err(|error| problem(key, KEY_KEYS, identity_error(&error)))?;
                (config, Identity::Configured)
            }
        };
        let server_name = server_name(tls, endpoint)?;
        Ok(TlsClient { config, server_name, verifier, identity, roots })
    }

    /// A connector that offers these protocols, the preferred one first.
    pub(super) fn connector(&self, alpn: &[&[u8]]) -> TlsConnector {
        let mut config = self.config.clone();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    /// Shakes hands over `stream`.
    pub(super) async fn shake(
        &self,
        connector: &TlsConnector,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Obstacle> {
        let shaken = connector.connect(self.server_name.clone(), stream).await;
        shaken.map_err(|error| self.context().explain_handshake(&error))
    }

    /// What is needed to explain an error of this connector.
    pub(super) fn context(&self) -> TlsContext {
        TlsContext {
            server_name: explain::shown(&self.server_name),
            identity: self.identity,
            roots: self.roots,
            refused: self.verifier.refused(),
        }
    }
}

/// Which authorities count, and how many there are.
fn trust(tls: &ClientTls, provider: &Arc<CryptoProvider>) -> Result<(Trust, usize), TlsProblem> {
    if tls.skip_verify {
        return Ok((Trust::Anything, 0));
    }
    let mut roots = RootCertStore::empty();
    if let Some(source) = &tls.ca {
        let certificates = pem::certificates(source).map_err(|what| problem(source, CA_KEYS, what))?;
        for certificate in certificates {
            roots.add(certificate).map_err(|error| {
                problem(source, CA_KEYS, format!("a certificate of it cannot be used as an authority: {error}"))
            })?;
        }
    }
    if tls.ca.is_none() || tls.system_roots_too {
        add_system_roots(&mut roots);
    }
    let count = roots.len();
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let webpki = webpki.map_err(|error| TlsProblem { key: CA_KEYS.0, what: error.to_string() })?;
    Ok((Trust::Authorities(webpki), count))
}

fn server_name(tls: &ClientTls, endpoint: &Endpoint) -> Result<ServerName<'static>, TlsProblem> {
    let (key, text) = match &tls.server_name {
        Some(name) => ("server_name_override", name),
        None => ("", &endpoint.host),
    };
    ServerName::try_from(text.clone())
        .map_err(|_| TlsProblem { key, what: format!("\"{text}\" is not a name that a certificate can be for") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::config::{PemSource, Secret};

    fn endpoint() -> Endpoint {
        Endpoint { text: "https://localhost:1".to_owned(), host: "localhost".to_owned(), port: 1 }
    }

    fn inline(text: String) -> PemSource {
        PemSource::Inline(Secret::new(text))
    }

    fn identity() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::default().self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[track_caller]
    fn check(tls: &ClientTls, key: &str, words: &str) {
        let problem = TlsClient::load(tls, &endpoint()).unwrap_err();
        assert!(problem.key == key && problem.what.contains(words), "{problem}");
    }

    #[test]
    fn a_key_of_another_certificate_is_noticed() {
        let (certificate, other_key) = (identity().0, identity().1);
        let tls = ClientTls { identity: Some((inline(certificate), inline(other_key))), ..ClientTls::default() };
        check(&tls, "key_pem", "does not belong to the certificate");
    }

    #[test]
    fn each_file_is_named_by_its_key() {
        let missing = || PemSource::File("/no/such.pem".into());
        check(&ClientTls { ca: Some(missing()), ..ClientTls::default() }, "ca_file", "no file /no/such.pem");
        let tls = ClientTls { identity: Some((missing(), inline(identity().1))), ..ClientTls::default() };
        check(&tls, "cert_file", "no file");
        let tls = ClientTls { identity: Some((inline(identity().0), missing())), ..ClientTls::default() };
        check(&tls, "key_file", "no file");
        let tls = ClientTls { server_name: Some("not a name".to_owned()), ..ClientTls::default() };
        check(&tls, "server_name_override", "not a name");
    }

    #[test]
    fn without_a_ca_the_system_or_mozilla_is_trusted() {
        let client = TlsClient::load(&ClientTls::default(), &endpoint()).unwrap();
        assert!(0 < client.roots);
    }
}
