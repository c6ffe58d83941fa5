//! What a certificate says of itself, for people: names, issuer and dates. Whether it is good is decided by webpki.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

/// What a certificate says of itself (RFC 5280, section 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The common name, or the whole name where there is none.
    pub subject: String,
    /// The same of who signed it.
    pub issuer: String,
    /// The hosts that it is for: its `subjectAltName`.
    pub names: Vec<String>,
    /// Before this time it is not valid.
    pub not_before: SystemTime,
    /// After this time it is not valid.
    pub not_after: SystemTime,
}

impl CertificateFacts {
    /// Reads a certificate in DER; nothing where it is not as expected.
    pub fn read(der: &[u8]) -> Option<CertificateFacts> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let validity = certificate.validity();
        let alternatives = certificate.subject_alternative_name().ok().flatten();
        let names = alternatives.iter().flat_map(|extension| &extension.value.general_names);
        Some(CertificateFacts {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            names: names.filter_map(host).collect(),
            not_before: time(validity.not_before.timestamp()),
            not_after: time(validity.not_after.timestamp()),
        })
    }

    /// How long it is still valid at `now`; nothing where it has expired.
    pub fn time_left(&self, now: SystemTime) -> Option<Duration> {
        self.not_after.duration_since(now).ok()
    }
}

fn name(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|attribute| attribute.as_str().ok());
    let text = common.map_or_else(|| name.to_string(), str::to_owned);
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    if text.is_empty() { "no name".to_owned() } else { text }
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
            let v6 = <[u8; 16]>::try_from(*bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
            v4.or(v6).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Dates before 1970 count as 1970.
fn time(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

const MAX_CHARS: usize = 100;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, Issuer, KeyPair, date_time_ymd};

    use super::*;

    fn certificate() -> Vec<u8> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "our CA");
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        let mut leaf = CertificateParams::new(["otel.example.com".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        leaf.not_before = date_time_ymd(2020, 1, 1);
        leaf.not_after = date_time_ymd(2020, 1, 31);
        leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec()
    }

    #[test]
    fn names_issuer_and_dates_are_read() {
        let facts = CertificateFacts::read(&certificate()).unwrap();
        assert_eq!(
            (facts.issuer.as_str(), facts.names.as_slice()),
            ("our CA", &["otel.example.com".to_owned(), "127.0.0.1".to_owned()][..])
        );
        let day = Duration::from_secs(86_400);
        assert_eq!(facts.not_after.duration_since(facts.not_before).unwrap(), day * 30);
        assert_eq!(facts.time_left(facts.not_after - day), Some(day));
        assert_eq!(facts.time_left(facts.not_after + day), None);
    }

    #[test]
    fn no_bytes_do_harm() {
        let whole = certificate();
        for len in 0..whole.len() {
            assert_eq!(CertificateFacts::read(&whole[..len]), None);
        }
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..100))| { CertificateFacts::read(&bytes); });
    }
}
