//! What both sides of TLS share: certificates and keys from files, which TLS is spoken, and what is wrong with either.

mod facts;
mod name;
mod pem;
mod renewal;
mod terms;

use std::fmt;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, RootCertStore};

pub use facts::CertificateFacts;
pub(super) use name::{distinguished, names};
pub(super) use renewal::Renewed;
pub(super) use terms::{provider, versions};

use self::pem::Fault;
use crate::config::{Mistake, PemSource};

/// What is wrong with a `tls` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsProblem {
    /// The key below `tls`: `ca_file`. Empty for the whole.
    pub key: &'static str,
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// What kind of mistake it is.
    pub mistake: Mistake,
}

/// A certificate, those that lead from it to its authority, and its key.
#[derive(PartialEq)]
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl TlsProblem {
    /// A problem of no special kind.
    pub(super) fn new(key: &'static str, what: impl Into<String>) -> TlsProblem {
        TlsProblem { key, what: what.into(), mistake: Mistake::Invalid }
    }
}

impl Identity {
    pub(super) fn read(certificate: &PemSource, key: &PemSource) -> Result<Identity, TlsProblem> {
        Ok(Identity {
            chain: pem::certificates(certificate).map_err(|fault| problem(certificate, CERT_KEYS, fault))?,
            key: pem::private_key(key).map_err(|fault| problem(key, KEY_KEYS, fault))?,
        })
    }
}

impl Clone for Identity {
    fn clone(&self) -> Identity {
        Identity { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            "" => f.write_str(&self.what),
            key => write!(f, "{key}: {}", self.what),
        }
    }
}

impl std::error::Error for TlsProblem {}

/// What the certificates of `source` say of themselves, in its order: the identity that a `tls` section names.
///
/// # Errors
/// The key whose file cannot be read or holds something else.
pub fn inspect(source: &PemSource) -> Result<Vec<CertificateFacts>, TlsProblem> {
    let found = pem::certificates(source).map_err(|fault| problem(source, CERT_KEYS, fault))?;
    Ok(found.iter().filter_map(|certificate| CertificateFacts::read(certificate)).collect())
}

/// How many authorities this machine knows itself. With none, Mozilla's count.
pub fn system_authorities() -> usize {
    rustls_native_certs::load_native_certs().certs.len()
}

/// The certificates of authorities.
pub(super) fn authorities(
    source: &PemSource,
    keys: (&'static str, &'static str),
) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    pem::certificates(source).map_err(|fault| problem(source, keys, fault))
}

/// Adds `authorities`, which were read from the value of `key`.
pub(super) fn add_authorities(
    roots: &mut RootCertStore,
    authorities: &[CertificateDer<'static>],
    key: &'static str,
) -> Result<(), TlsProblem> {
    for certificate in authorities {
        roots.add(certificate.clone()).map_err(|error| TlsProblem {
            key,
            what: format!("a certificate of it cannot be used as an authority: {error}"),
            mistake: Mistake::PemInvalid,
        })?;
    }
    Ok(())
}

/// The machine's own authorities; an image without any gets Mozilla's.
pub(super) fn add_system_roots(roots: &mut RootCertStore) {
    let before = roots.len();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.len() == before {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
}

/// Why `certificate` does not make an identity together with the key of `source`.
pub(super) fn identity_problem(certificate: &PemSource, source: &PemSource, error: &rustls::Error) -> TlsProblem {
    let fault = match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Fault {
            mistake: Mistake::KeyMismatch,
            what: format!(
                "the key of {} does not belong to the certificate of {}: were both renewed?",
                pem::describe(source),
                pem::describe(certificate)
            ),
        },
        other => {
            Fault { mistake: Mistake::PemInvalid, what: format!("the certificate and its key cannot be used: {other}") }
        }
    };
    problem(source, KEY_KEYS, fault)
}

/// A problem with `source`, which stands under one of two keys.
fn problem(source: &PemSource, keys: (&'static str, &'static str), fault: Fault) -> TlsProblem {
    TlsProblem { key: key_of(source, keys), what: fault.what, mistake: fault.mistake }
}

/// Under which key `source` stands.
pub(super) fn key_of(source: &PemSource, (file, inline): (&'static str, &'static str)) -> &'static str {
    if matches!(source, PemSource::File(_)) { file } else { inline }
}

pub(super) const CA_KEYS: (&str, &str) = ("ca_file", "ca_pem");
const CERT_KEYS: (&str, &str) = ("cert_file", "cert_pem");
const KEY_KEYS: (&str, &str) = ("key_file", "key_pem");
