//! TLS to a backend: from the configuration to a connector, or which key of it is wrong.

mod asked;
mod explain;
mod shown;
mod verify;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;

pub(super) use explain::{TlsContext, no_http2};

use self::asked::Asked;
use self::shown::Shown;
use self::verify::{Trust, Verifier};
use super::obstacle::Obstacle;
use crate::attempt::Session;
use crate::config::{ClientTls, Endpoint, TlsVersion};
use crate::transport::tls::{
    self, CA_KEYS, Renewed, TlsProblem, add_authorities, add_system_roots, identity_problem, key_of,
};

/// The TLS settings of an endpoint, with their files read.
pub struct TlsClient {
    files: Arc<Renewed<Files, Loaded>>,
    server_name: ServerName<'static>,
    /// When the certificate that the server showed last ends, in seconds since 1970; 0 before there is one.
    shown_end: AtomicU64,
}

/// What the files of the settings hold.
#[derive(PartialEq)]
struct Files {
    authorities: Option<Vec<CertificateDer<'static>>>,
    identity: Option<tls::Identity>,
}

/// What is made of them.
struct Loaded {
    config: ClientConfig,
    verifier: Arc<Verifier>,
    asked: Arc<Asked>,
    identity: Identity,
    roots: usize,
    versions: &'static str,
    /// When our own certificate ends.
    own_end: Option<SystemTime>,
}

/// Whether we can show a certificate of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Configured,
    None,
}

/// Shakes hands for certain protocols.
pub(super) struct TlsConnector {
    client: Arc<TlsClient>,
    alpn: Vec<Vec<u8>>,
}

impl TlsClient {
    /// Reads the files that `tls` names and checks that they fit together.
    ///
    /// # Errors
    ///
    /// The key whose file cannot be read, holds something else, or does not fit the other one.
    pub fn load(tls: &ClientTls, endpoint: &Endpoint) -> Result<TlsClient, TlsProblem> {
        let server_name = server_name(tls, endpoint)?;
        let (readers, makers) = (tls.clone(), tls.clone());
        let read = move |_: Option<&Files>| Files::read(&readers);
        let make = move |files: &Files| Loaded::make(files, &makers);
        let files = Renewed::load(endpoint.text.clone(), tls.reload_interval, read, make)?;
        Ok(TlsClient { files, server_name, shown_end: AtomicU64::new(0) })
    }

    /// Reads the files again, whatever `reload_interval` says: connections from now on use what is in them. Files that
    /// cannot be used are logged, and change nothing.
    pub fn renew(&self) {
        self.files.look();
    }

    /// When the certificate ends that the server showed last, and when our own does, as far as there are any.
    pub fn ends(&self) -> (Option<SystemTime>, Option<SystemTime>) {
        let shown = self.shown_end.load(Ordering::Relaxed);
        let shown = (shown != 0).then(|| UNIX_EPOCH + Duration::from_secs(shown));
        (shown, self.files.current().own_end)
    }

    fn was_shown(&self, leaf: &CertificateDer<'_>) {
        if let Some(since) = end_of(leaf).and_then(|end| end.duration_since(UNIX_EPOCH).ok()) {
            self.shown_end.store(since.as_secs(), Ordering::Relaxed);
        }
    }

    /// A connector that offers these protocols, the preferred one first.
    pub(super) fn connector(self: &Arc<Self>, alpn: &[&[u8]]) -> TlsConnector {
        TlsConnector { client: Arc::clone(self), alpn: alpn.iter().map(|name| name.to_vec()).collect() }
    }
}

impl TlsConnector {
    /// The last chain that was refused, the server's own certificate first; empty when none was.
    pub(super) fn refused(&self) -> Vec<CertificateDer<'static>> {
        self.client.files.current().verifier.refused()
    }

    /// Shakes hands over `stream`; with what is needed to explain a later error.
    pub(super) async fn shake<S>(&self, stream: S) -> Result<(TlsStream<S>, TlsContext), Obstacle>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let loaded = self.client.files.fresh().await;
        // The clone shares what is remembered of earlier connections.
        let mut config = loaded.config.clone();
        config.alpn_protocols.clone_from(&self.alpn);
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = &self.client.server_name;
        let before = loaded.asked.times();
        let shaken = connector.connect(name.clone(), stream).await;
        let mut context = loaded.context(name, before);
        match shaken {
            Ok(stream) => {
                if let Some(leaf) = stream.get_ref().1.peer_certificates().and_then(<[_]>::first) {
                    self.client.was_shown(leaf);
                }
                context.session = Some(Arc::new(session(&context.server_name, stream.get_ref().1)));
                Ok((stream, context))
            }
            Err(error) => {
                if let Some(leaf) = loaded.verifier.refused().first() {
                    self.client.was_shown(leaf);
                }
                Err(context.explain_handshake(&error))
            }
        }
    }
}

fn end_of(leaf: &CertificateDer<'_>) -> Option<SystemTime> {
    tls::CertificateFacts::read(leaf).map(|facts| facts.not_after)
}

/// What a finished handshake agreed on.
fn session(server_name: &str, connection: &ClientConnection) -> Session {
    let version = connection.protocol_version().and_then(|version| version.as_str());
    let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let alpn = connection.alpn_protocol().map(String::from_utf8_lossy);
    Session {
        version: version.unwrap_or_default().to_owned(),
        cipher_suite: suite.unwrap_or_default().to_owned(),
        alpn: alpn.unwrap_or_default().into_owned(),
        server_name: server_name.to_owned(),
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl Files {
    fn read(tls: &ClientTls) -> Result<Files, TlsProblem> {
        let ca = tls.ca.as_ref().filter(|_| !tls.skip_verify);
        Ok(Files {
            authorities: ca.map(|source| tls::authorities(source, CA_KEYS)).transpose()?,
            identity: tls.identity.as_ref().map(|(cert, key)| tls::Identity::read(cert, key)).transpose()?,
        })
    }
}

impl Loaded {
    fn make(files: &Files, tls: &ClientTls) -> Result<Loaded, TlsProblem> {
        let provider = Arc::new(tls::provider(&tls.terms));
        let (trust, roots) = trust(files, tls, &provider)?;
        let verifier = Arc::new(Verifier::new(trust, Arc::clone(&provider)));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&tls::versions(&tls.terms))
            .map_err(|error| TlsProblem::new("", error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _);
        let (mut config, identity) = match (files.identity.clone(), &tls.identity) {
            (Some(tls::Identity { chain, key }), Some((certificate, source))) => {
                let config = builder.with_client_auth_cert(chain, key);
                (config.map_err(|error| identity_problem(certificate, source, &error))?, Identity::Configured)
            }
            _ => (builder.with_no_client_auth(), Identity::None),
        };
        let asked = Arc::new(Asked::of(Arc::clone(&config.client_auth_cert_resolver)));
        config.client_auth_cert_resolver = Arc::clone(&asked) as _;
        let own = files.identity.as_ref().and_then(|identity| identity.chain.first());
        let own_end = own.and_then(|leaf| end_of(leaf));
        let versions = match (tls.terms.min_version, tls.terms.max_version) {
            (TlsVersion::V1_3, _) => "TLS 1.3, the lowest that tls::min_version allows here",
            (_, TlsVersion::V1_2) => "TLS 1.2, the highest that tls::max_version allows here",
            _ => "TLS 1.2 or TLS 1.3",
        };
        Ok(Loaded { config, verifier, asked, identity, roots, versions, own_end })
    }

    /// What is needed to explain an error of a handshake before which servers had asked for a certificate so often.
    fn context(&self, server_name: &ServerName<'_>, asked_before: u64) -> TlsContext {
        TlsContext {
            server_name: explain::shown(server_name),
            identity: self.identity,
            roots: self.roots,
            versions: self.versions,
            shown: Shown::of(self.verifier.refused()),
            accepted: (asked_before < self.asked.times()).then(|| self.asked.accepted()),
            session: None,
        }
    }
}

/// Which authorities count, and how many there are.
fn trust(files: &Files, tls: &ClientTls, provider: &Arc<CryptoProvider>) -> Result<(Trust, usize), TlsProblem> {
    if tls.skip_verify {
        return Ok((Trust::Anything, 0));
    }
    let mut roots = RootCertStore::empty();
    let key = tls.ca.as_ref().map_or(CA_KEYS.0, |source| key_of(source, CA_KEYS));
    add_authorities(&mut roots, files.authorities.as_deref().unwrap_or_default(), key)?;
    if tls.ca.is_none() || tls.system_roots_too {
        add_system_roots(&mut roots);
    }
    let count = roots.len();
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let webpki = webpki.map_err(|error| TlsProblem::new(key, error.to_string()))?;
    Ok((Trust::Authorities(webpki), count))
}

fn server_name(tls: &ClientTls, endpoint: &Endpoint) -> Result<ServerName<'static>, TlsProblem> {
    let (key, text) = match &tls.server_name {
        Some(name) => ("server_name_override", name.as_str()),
        None if endpoint.socket().is_some() => ("", "localhost"),
        None => ("", endpoint.host.as_str()),
    };
    ServerName::try_from(text.to_owned())
        .map_err(|_| TlsProblem::new(key, format!("\"{text}\" is not a name that a certificate can be for")))
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
        assert!(0 < client.files.current().roots);
    }
}
