//! What a PEM file or text holds, and if not what was expected, what was found instead.

use std::fs;
use std::io::{ErrorKind, Read};

use rustls::pki_types::pem::{Error as PemError, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{Mistake, PemSource};

/// Why a source gives no certificate or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transport) struct Fault {
    pub(in crate::transport) mistake: Mistake,
    pub(in crate::transport) what: String,
}

/// All certificates of `source`, at least one.
pub(in crate::transport) fn certificates(source: &PemSource) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let bytes = read(source)?;
    let found = sections(source, &bytes)?;
    let certificates: Vec<_> = found
        .iter()
        .filter(|(kind, _)| *kind == SectionKind::Certificate)
        .map(|(_, der)| CertificateDer::from(der.clone()))
        .collect();
    if certificates.is_empty() {
        return Err(invalid(format!("{} holds no certificate: {}", describe(source), found_instead(&found, &bytes))));
    }
    Ok(certificates)
}

/// The private key of `source`.
pub(in crate::transport) fn private_key(source: &PemSource) -> Result<PrivateKeyDer<'static>, Fault> {
    let bytes = read(source)?;
    let found = sections(source, &bytes)?;
    let key = found.iter().find_map(|(kind, der)| PrivateKeyDer::from_pem(*kind, der.clone()));
    key.ok_or_else(|| invalid(format!("{} holds no private key: {}", describe(source), found_instead(&found, &bytes))))
}

type Sections = Vec<(SectionKind, Vec<u8>)>;

fn read(source: &PemSource) -> Result<Vec<u8>, Fault> {
    let path = match source {
        PemSource::Inline(text) => return Ok(text.reveal().as_bytes().to_vec()),
        PemSource::File(path) => path,
    };
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    match read.map_err(|error| (error.kind(), error)) {
        Ok(_) => Ok(bytes),
        Err((kind, error)) => {
            let what = match kind {
                ErrorKind::NotFound => format!("there is no file {}", path.display()),
                ErrorKind::PermissionDenied => format!("no permission to read {}", path.display()),
                _ => format!("cannot read {}: {error}", path.display()),
            };
            Err(Fault { mistake: Mistake::FileUnreadable, what })
        }
    }
}

fn invalid(what: String) -> Fault {
    Fault { mistake: Mistake::PemInvalid, what }
}

fn sections(source: &PemSource, bytes: &[u8]) -> Result<Sections, Fault> {
    <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|error| {
        let what = match error {
            PemError::MissingSectionEnd { .. } => "a section has no END line: the copy is cut short".to_owned(),
            PemError::Base64Decode(_) => "a section is not base64".to_owned(),
            other => other.to_string(),
        };
        invalid(format!("{} is not valid PEM: {what}", describe(source)))
    })
}

pub(super) fn describe(source: &PemSource) -> String {
    match source {
        PemSource::File(path) => path.display().to_string(),
        PemSource::Inline(_) => "the text".to_owned(),
    }
}

fn found_instead(found: &Sections, bytes: &[u8]) -> String {
    if let Some((kind, _)) = found.first() {
        let what = match kind {
            SectionKind::Certificate => "a certificate",
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => "a private key",
            SectionKind::Csr => "a certificate request",
            SectionKind::PublicKey => "a public key",
            _ => "something else",
        };
        return format!("it holds {what}");
    }
    if bytes.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        return "it holds an encrypted private key, which must be decrypted first".to_owned();
    }
    match bytes {
        [] => "it is empty".to_owned(),
        // A DER certificate or key is a SEQUENCE with a length of two bytes.
        [0x30, 0x82, ..] => {
            "it is DER, not PEM; convert it: openssl x509 -inform der -in FILE -out FILE.pem".to_owned()
        }
        _ => "it has no BEGIN line of a known kind".to_owned(),
    }
}

/// No bundle of certificates is larger; a device file is.
const LARGEST: u64 = 16 << 20;

const ENCRYPTED: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::config::Secret;

    #[track_caller]
    fn check(text: &str, words: &str) {
        let error = certificates(&PemSource::Inline(Secret::new(text))).unwrap_err();
        assert!(error.what.contains(words), "{error:?}");
        assert_eq!(error.mistake, Mistake::PemInvalid);
    }

    #[test]
    fn what_was_found_instead_of_a_certificate_is_said() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        check("", "it is empty");
        check("hello", "no BEGIN line");
        check(&key, "it holds a private key");
        check("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "encrypted");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n", "cut short");
        check("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n", "not base64");
    }

    #[test]
    fn a_der_file_is_named_as_such() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let der = rcgen::CertificateParams::default().self_signed(&key).unwrap().der().to_vec();
        fs::write(file.path(), der).unwrap();
        let error = certificates(&PemSource::File(file.path().to_owned())).unwrap_err();
        assert!(error.what.contains("it is DER"), "{error:?}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = certificates(&PemSource::File("/no/such/ca.pem".into())).unwrap_err();
        let what = "there is no file /no/such/ca.pem".to_owned();
        assert_eq!(error, Fault { mistake: Mistake::FileUnreadable, what });
    }
}
