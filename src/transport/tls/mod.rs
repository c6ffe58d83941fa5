//! What both sides of TLS share: certificates and keys from files, and which key of the configuration is wrong with them.

mod name;
pub(super) mod pem;

use std::fmt;

use rustls::{InconsistentKeys, RootCertStore};

pub(super) use name::names;

use crate::config::PemSource;

/// What is wrong with a `tls` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsProblem {
    /// The key below `tls`: `ca_file`.
    pub key: &'static str,
    /// What is wrong: lower case, no full stop.
    pub what: String,
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl std::error::Error for TlsProblem {}

/// The machine's own authorities; an image without any gets Mozilla's.
pub(super) fn add_system_roots(roots: &mut RootCertStore) {
    let before = roots.len();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.len() == before {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
}

/// Why a certificate and a key do not make an identity.
pub(super) fn identity_error(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the key does not belong to the certificate: were both renewed?".to_owned()
        }
        other => format!("the certificate and its key cannot be used: {other}"),
    }
}

/// A problem with `source`, which stands under one of two keys.
pub(super) fn problem(source: &PemSource, (file, inline): (&'static str, &'static str), what: String) -> TlsProblem {
    TlsProblem { key: if matches!(source, PemSource::File(_)) { file } else { inline }, what }
}

pub(super) const CA_KEYS: (&str, &str) = ("ca_file", "ca_pem");
pub(super) const CERT_KEYS: (&str, &str) = ("cert_file", "cert_pem");
pub(super) const KEY_KEYS: (&str, &str) = ("key_file", "key_pem");
