//! What both sides of the Collector's `tls` have in common: certificates and keys, versions, cipher suites and curves.

use std::time::Duration;

use crate::config::model::{CipherSuite, Curve, PemSource, TlsTerms, TlsVersion};
use crate::config::problem::Mistake;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};

/// A file or a text in PEM, whichever of both keys is written.
pub(in crate::config::decode) fn pem(
    tls: &mut Section<'_>,
    file: &'static str,
    inline: &'static str,
    both: &str,
) -> Option<PemSource> {
    let path = tls.text(file).filter(|path| !path.is_empty());
    let text = tls.value(inline).and_then(|text| text.secret()).filter(|text| !text.reveal().is_empty());
    match (path, text) {
        (Some(_), Some(_)) => {
            tls.whole().wrong(both);
            None
        }
        (Some(path), None) => Some(PemSource::File(path.into())),
        (None, Some(text)) => Some(PemSource::Inline(text)),
        (None, None) => None,
    }
}

/// `cert_file` or `cert_pem`, and `key_file` or `key_pem`.
pub(super) fn certificate_and_key(tls: &mut Section<'_>) -> (Option<PemSource>, Option<PemSource>) {
    let certificate = pem(tls, "cert_file", "cert_pem", "provide either certificate file or PEM, but not both");
    let key = pem(tls, "key_file", "key_pem", "provide either key file or PEM, but not both");
    (certificate, key)
}

/// `ca_file` or `ca_pem`
pub(super) fn ca(tls: &mut Section<'_>) -> Option<PemSource> {
    pem(tls, "ca_file", "ca_pem", "provide either a CA file or the PEM-encoded string, but not both")
}

/// `reload_interval`: 0 is never.
pub(super) fn reload_interval(tls: &mut Section<'_>) -> Option<Duration> {
    tls.duration("reload_interval", "'reload_interval' must be non-negative").filter(|interval| !interval.is_zero())
}

/// Which TLS is spoken, and the keys that neither side reads.
pub(super) fn terms(tls: &mut Section<'_>) -> TlsTerms {
    let min_version = version(tls, "min_version").unwrap_or(TlsVersion::V1_2);
    let max_version = version(tls, "max_version").unwrap_or(TlsVersion::V1_3);
    if max_version < min_version {
        tls.whole().wrong("invalid TLS configuration: min_version cannot be greater than max_version");
    }
    let terms =
        TlsTerms { min_version, max_version, cipher_suites: cipher_suites(tls, max_version), curves: curves(tls) };
    tls.rest(REST);
    terms
}

fn version(tls: &mut Section<'_>, key: &'static str) -> Option<TlsVersion> {
    let value = tls.value(key)?;
    match value.text()?.as_str() {
        "" => None,
        "1.2" => Some(TlsVersion::V1_2),
        "1.3" => Some(TlsVersion::V1_3),
        "1.0" | "1.1" if key == "min_version" => {
            value.warn("otlp-relay speaks TLS 1.2 and 1.3 only, which is stricter");
            None
        }
        old @ ("1.0" | "1.1") => {
            let what = format!("TLS {old} is not spoken by otlp-relay, which knows 1.2 and 1.3");
            value.refuse(value.fault(what).is(Mistake::NotSupportedYet));
            None
        }
        other => {
            value.wrong(format!("invalid TLS {key}: unsupported TLS version: {other:?}"));
            None
        }
    }
}

fn cipher_suites(tls: &mut Section<'_>, max_version: TlsVersion) -> Option<Vec<CipherSuite>> {
    let insecure_too = tls.boolean("include_insecure_cipher_suites").unwrap_or(false);
    let value = tls.value("cipher_suites")?;
    let words = value.words();
    if words.is_empty() {
        return None;
    }
    let known: Vec<CipherSuite> =
        words.iter().filter_map(|(name, word)| cipher_suite(name, word, insecure_too)).collect();
    if known.is_empty() && max_version == TlsVersion::V1_2 {
        value.refuse(value.fault("none of these cipher suites can be spoken by otlp-relay").hint(hint(CIPHER_SUITES)));
    }
    Some(known)
}

/// The suite called `name`, where the relay has it.
fn cipher_suite(name: &str, word: &Reading<'_>, insecure_too: bool) -> Option<CipherSuite> {
    if let Some((_, suite)) = CIPHER_SUITES.iter().find(|(known, _)| *known == name) {
        return Some(*suite);
    }
    let insecure = INSECURE_CIPHER_SUITES.contains(&name);
    if OF_TLS_1_3.contains(&name) {
        // As in Go, those of TLS 1.3 are always on and cannot be chosen.
    } else if OLD_CIPHER_SUITES.contains(&name) || (insecure && insecure_too) {
        word.warn(format!("otlp-relay does not speak {name}, which is left out (a cipher suite of the past)"));
    } else if insecure {
        let problem = word.fault(format!("invalid TLS cipher suite: {name:?}"));
        word.refuse(problem.hint("it is insecure, and otlp-relay does not speak it"));
    } else {
        word.wrong(format!("invalid TLS cipher suite: {name:?}"));
    }
    None
}

fn curves(tls: &mut Section<'_>) -> Option<Vec<Curve>> {
    let value = tls.value("curve_preferences")?;
    let words = value.words();
    if words.is_empty() {
        return None;
    }
    let mut known = Vec::new();
    for (name, word) in &words {
        match CURVES.iter().find(|(curve, _)| curve == name) {
            Some((_, Some(curve))) => known.push(*curve),
            Some((_, None)) => word.warn(format!("otlp-relay does not have {name}, which is left out")),
            None => {
                let names: Vec<&str> = CURVES.iter().map(|(name, _)| *name).collect();
                word.wrong(format!("invalid curve type: {name}. Expected values are {}", names.join(", ")));
            }
        }
    }
    if known.is_empty() && words.iter().all(|(name, _)| CURVES.iter().any(|(curve, _)| curve == name)) {
        value.refuse(value.fault("otlp-relay has none of these curves").hint("write X25519, P256 or P384"));
    }
    Some(known)
}

fn hint<T>(known: &[(&str, T)]) -> String {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    format!("it has {}", names.join(", "))
}

const CIPHER_SUITES: &[(&str, CipherSuite)] = &[
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::EcdsaAes128),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::EcdsaAes256),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::EcdsaChaCha20),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::RsaAes128),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::RsaAes256),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::RsaChaCha20),
];

const OF_TLS_1_3: &[&str] = &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// Go still counts these as secure.
const OLD_CIPHER_SUITES: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// Go takes these with `include_insecure_cipher_suites`.
const INSECURE_CIPHER_SUITES: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// The Collector's names; those without a curve need a cryptography provider other than the relay's.
const CURVES: &[(&str, Option<Curve>)] = &[
    ("P256", Some(Curve::P256)),
    ("P384", Some(Curve::P384)),
    ("P521", None),
    ("X25519", Some(Curve::X25519)),
    ("X25519MLKEM768", None),
];

const REST: &[(&str, Rule)] = &[("tpm", Rule::NotYet)];
