//! TLS of a listener: from the configuration to a handshake with a client, with certificates that can be renewed.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::{CaReload, PemSource, ServerTls};
use crate::transport::Socket;
use crate::transport::tls::{
    self, CertificateFacts, Identity, Renewed, TlsProblem, add_authorities, authorities, identity_problem, names,
};

/// The TLS settings of a listener, with their files read.
pub struct TlsServer {
    files: Arc<Renewed<Files, Loaded>>,
}

/// What the files of the settings hold.
#[derive(PartialEq)]
struct Files {
    identity: Identity,
    client_authorities: Option<Vec<CertificateDer<'static>>>,
}

/// What is made of them.
struct Loaded {
    config: Arc<ServerConfig>,
    certificate: String,
    end: Option<SystemTime>,
}

/// A handshake that failed.
pub(super) struct Shaken {
    pub(super) error: io::Error,
    /// Our certificate, for people.
    pub(super) certificate: String,
}

impl TlsServer {
    /// Reads the files that `tls` names and checks that they fit together. `owner` is the configuration's path to it.
    ///
    /// # Errors
    /// The key whose file cannot be read, holds something else, or does not fit the other one.
    pub fn load(tls: &ServerTls, owner: String) -> Result<TlsServer, TlsProblem> {
        let (readers, makers) = (tls.clone(), tls.clone());
        let read = move |old: Option<&Files>| Files::read(&readers, old);
        let make = move |files: &Files| Loaded::make(files, &makers);
        Ok(TlsServer { files: Renewed::load(owner, interval(tls), read, make)? })
    }

    /// When its certificate ends.
    pub fn end(&self) -> Option<SystemTime> {
        self.files.current().end
    }

    /// Shakes hands over `stream`.
    pub(super) async fn shake(&self, stream: Socket) -> Result<TlsStream<Socket>, Shaken> {
        let loaded = self.files.fresh().await;
        let shaken = TlsAcceptor::from(Arc::clone(&loaded.config)).accept(stream).await;
        shaken.map_err(|error| Shaken { error, certificate: loaded.certificate.clone() })
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

impl Files {
    /// What is not to be renewed is taken from `old`.
    fn read(tls: &ServerTls, old: Option<&Files>) -> Result<Files, TlsProblem> {
        let identity = match old {
            Some(old) if tls.reload_interval.is_none() => old.identity.clone(),
            _ => Identity::read(&tls.certificate, &tls.key)?,
        };
        let client_authorities = match (&tls.client_ca, old) {
            (None, _) => None,
            (Some(ca), Some(old)) if ca.reload == CaReload::Never => old.client_authorities.clone(),
            (Some(ca), _) => Some(authorities(&PemSource::File(ca.file.clone()), (CLIENT_CA, CLIENT_CA))?),
        };
        Ok(Files { identity, client_authorities })
    }
}

impl Loaded {
    fn make(files: &Files, tls: &ServerTls) -> Result<Loaded, TlsProblem> {
        let provider = Arc::new(tls::provider(&tls.terms));
        let clients = match &files.client_authorities {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(authorities) => client_verifier(authorities, &provider)?,
        };
        let Identity { chain, key } = files.identity.clone();
        let certificate = describe(&chain);
        let end = chain.first().and_then(|leaf| CertificateFacts::read(leaf)).map(|facts| facts.not_after);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&tls::versions(&tls.terms))
            .map_err(|error| TlsProblem::new("", error.to_string()))?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map_err(|error| identity_problem(&tls.certificate, &tls.key, &error))?;
        config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
        Ok(Loaded { config: Arc::new(config), certificate, end })
    }
}

fn client_verifier(
    authorities: &[CertificateDer<'static>],
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsProblem> {
    let mut roots = RootCertStore::empty();
    add_authorities(&mut roots, authorities, CLIENT_CA)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    verifier.map_err(|error| TlsProblem::new(CLIENT_CA, error.to_string()))
}

/// How old what was read may get. A changed `client_ca_file` is noticed soon, as the Collector does by watching it.
fn interval(tls: &ServerTls) -> Option<Duration> {
    let watched = tls.client_ca.as_ref().is_some_and(|ca| ca.reload == CaReload::WhenChanged);
    let soon = watched.then_some(SOON);
    [tls.reload_interval, soon].into_iter().flatten().min()
}

/// `"relay.example", issued by "our CA"`
fn describe(chain: &[CertificateDer<'_>]) -> String {
    match chain.first().and_then(|certificate| names(certificate)) {
        Some(names) => format!("\"{}\", issued by \"{}\"", names.subject, names.issuer),
        None => "unnamed".to_owned(),
    }
}

/// What ALPN calls HTTP/2.
pub(super) const HTTP2: &[u8] = b"h2";

const CLIENT_CA: &str = "client_ca_file";

const SOON: Duration = Duration::from_secs(1);
