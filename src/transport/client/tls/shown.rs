//! What a server's certificate says of itself, in words: for messages, never for a decision on trust.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::transport::tls::names;

/// The certificates that a server presented and that were refused, its own first.
#[derive(Clone, Debug)]
pub(super) struct Shown(Vec<CertificateDer<'static>>);

impl Shown {
    /// Nothing when there are none.
    pub(super) fn of(chain: Vec<CertificateDer<'static>>) -> Option<Shown> {
        (!chain.is_empty()).then_some(Shown(chain))
    }

    fn leaf(&self) -> &[u8] {
        self.0.first().map(|certificate| &certificate[..]).unwrap_or_default()
    }

    /// Who issued it, to stand behind "the server's certificate".
    pub(super) fn issued_by(&self) -> String {
        match names(self.leaf()) {
            Some(names) if names.issuer == names.subject => format!(" \"{}\", signed by itself,", names.subject),
            Some(names) => format!(", issued by \"{}\",", names.issuer),
            None => String::new(),
        }
    }

    /// What a chain that ends too early looks like from here; nothing when it cannot be that.
    pub(super) fn may_lack_a_link(&self) -> Option<&'static str> {
        let names = names(self.leaf())?;
        (names.issuer != names.subject && self.0.len() == 1).then_some(
            "the server sends no certificate beside it: one of an intermediate authority may be missing there",
        )
    }

    /// Why its signature cannot be verified: one of two causes that look alike in the error.
    pub(super) fn bad_signature(&self) -> String {
        let Ok((_, certificate)) = X509Certificate::from_der(self.leaf()) else { return String::new() };
        let own = match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => key.key_size(),
            _ => LEAST_RSA_BITS,
        };
        let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
        // An RSA signature is as long as the key that made it.
        let issuers = certificate.signature_value.data.len() * 8;
        if own < LEAST_RSA_BITS {
            format!(": its RSA key has {own} bits, and less than {LEAST_RSA_BITS} are not accepted")
        } else if algorithm.starts_with(RSA) && issuers < LEAST_RSA_BITS {
            format!(": it is signed with an RSA key of {issuers} bits, and less than {LEAST_RSA_BITS} are not accepted")
        } else {
            ": an authority of that name is trusted here (tls::ca_file), but with another key; was the authority created anew?"
                .to_owned()
        }
    }

    /// The algorithm that it is signed with, as far as it is one of those that are no longer accepted.
    pub(super) fn algorithm(&self) -> String {
        let Ok((_, certificate)) = X509Certificate::from_der(self.leaf()) else { return String::new() };
        let id = certificate.signature_algorithm.algorithm.to_id_string();
        let name = OLD_ALGORITHMS.iter().find(|(known, _)| *known == id).map_or(id.as_str(), |(_, name)| name);
        format!(" ({name})")
    }
}

/// What webpki verifies at least.
const LEAST_RSA_BITS: usize = 2048;
/// PKCS #1 (RFC 8017, appendix C).
const RSA: &str = "1.2.840.113549.1.1.";
const OLD_ALGORITHMS: [(&str, &str); 4] = [
    ("1.2.840.113549.1.1.4", "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
    ("1.2.840.10045.4.1", "SHA-1 with ECDSA"),
    ("1.2.840.113549.1.1.2", "MD2 with RSA"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, Issuer, KeyPair};

    use super::*;

    fn leaf() -> CertificateDer<'static> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "other CA");
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        let leaf = CertificateParams::default().signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        leaf.der().clone()
    }

    #[test]
    fn a_certificate_that_comes_alone_may_lack_a_link() {
        let alone = Shown::of(vec![leaf()]).unwrap();
        assert!(alone.issued_by().contains("other CA") && alone.may_lack_a_link().is_some());
        assert!(Shown::of(vec![leaf(), leaf()]).unwrap().may_lack_a_link().is_none());
        assert!(Shown::of(Vec::new()).is_none());
        assert!(alone.bad_signature().contains("another key"), "{}", alone.bad_signature());
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let shown = Shown::of(vec![CertificateDer::from(bytes)]).unwrap();
            let _ = (shown.issued_by(), shown.may_lack_a_link(), shown.bad_signature(), shown.algorithm());
        }
    }
}
