//! Who issued a certificate, in words: just enough DER to name the authority that is not trusted.
//!
//! RFC 5280, section 4.1. Only for messages: whether a certificate is good is decided by webpki.

/// The common names (or organisations) of a certificate's issuer and subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::transport) struct Names {
    pub(in crate::transport) issuer: String,
    pub(in crate::transport) subject: String,
}

/// Reads the names of a DER certificate; nothing where it is not as expected.
pub(in crate::transport) fn names(certificate: &[u8]) -> Option<Names> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    let (tag, _, rest) = element(fields)?;
    if tag == EXPLICIT_VERSION {
        fields = rest;
    }
    let (_, _serial, rest) = element(fields)?;
    let (_, _algorithm, rest) = element(rest)?;
    let (_, issuer, rest) = element(rest)?;
    let (_, _validity, rest) = element(rest)?;
    let (_, subject, _) = element(rest)?;
    Some(Names { issuer: name(issuer), subject: name(subject) })
}

/// The same of one name in DER: an authority that a server accepts client certificates of.
pub(in crate::transport) fn distinguished(der: &[u8]) -> Option<String> {
    element(der).map(|(_, sets, _)| name(sets))
}

/// The common name, else the organisation.
fn name(sets: &[u8]) -> String {
    attribute(sets, COMMON_NAME).or_else(|| attribute(sets, ORGANISATION)).unwrap_or_else(|| "no name".to_owned())
}

fn attribute(mut sets: &[u8], wanted: &[u8]) -> Option<String> {
    while let Some((_, mut set, rest)) = element(sets) {
        while let Some((_, pair, others)) = element(set) {
            let (_, oid, value) = element(pair)?;
            if oid == wanted {
                let (_, text, _) = element(value)?;
                let text = String::from_utf8_lossy(text.get(..MAX_LEN).unwrap_or(text));
                return Some(text.chars().filter(|c| !c.is_control()).collect());
            }
            set = others;
        }
        sets = rest;
    }
    None
}

/// The first element of `bytes`: its tag, its contents, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&len, rest) = rest.split_first()?;
    let (len, rest) = match len {
        0..=0x7f => (usize::from(len), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(len - 0x80))?;
            (digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(len)?;
    Some((tag, contents, rest))
}

const EXPLICIT_VERSION: u8 = 0xa0;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.10
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const MAX_LEN: usize = 100;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, Issuer, KeyPair};

    use super::*;

    fn certificate() -> Vec<u8> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "other CA");
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.distinguished_name.push(DnType::OrganizationName, "Otel");
        leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec()
    }

    #[test]
    fn issuer_and_subject_are_named() {
        let names = names(&certificate()).unwrap();
        assert_eq!(names, Names { issuer: "other CA".to_owned(), subject: "Otel".to_owned() });
    }

    #[test]
    fn no_bytes_do_harm() {
        let whole = certificate();
        for len in 0..whole.len() {
            names(&whole[..len]);
        }
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..100))| { names(&bytes); });
    }
}
