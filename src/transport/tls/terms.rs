//! Which TLS is spoken: the words of the configuration in the types of rustls.

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use crate::config::{CipherSuite, Curve, TlsTerms, TlsVersion};

/// The cryptography that `terms` allow. As in Go, the cipher suites of TLS 1.3 are not chosen.
pub(in crate::transport) fn provider(terms: &TlsTerms) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if let Some(chosen) = &terms.cipher_suites {
        let chosen: Vec<_> = chosen.iter().map(|suite| cipher_suite(*suite)).collect();
        provider.cipher_suites.retain(|suite| suite.tls13().is_some());
        provider.cipher_suites.extend(chosen);
    }
    if let Some(chosen) = &terms.curves {
        provider.kx_groups = chosen.iter().map(|curve| group(*curve)).collect();
    }
    provider
}

/// The versions between the least and the greatest.
pub(in crate::transport) fn versions(terms: &TlsTerms) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::V1_3, &TLS13), (TlsVersion::V1_2, &TLS12)];
    let wanted = terms.min_version..=terms.max_version;
    all.into_iter().filter(|(version, _)| wanted.contains(version)).map(|(_, version)| version).collect()
}

fn cipher_suite(suite: CipherSuite) -> SupportedCipherSuite {
    use ring::cipher_suite as suites;
    match suite {
        CipherSuite::EcdsaAes128 => suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaAes256 => suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaChaCha20 => suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaAes128 => suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaAes256 => suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaChaCha20 => suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

fn group(curve: Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::X25519 => ring::kx_group::X25519,
        Curve::P256 => ring::kx_group::SECP256R1,
        Curve::P384 => ring::kx_group::SECP384R1,
    }
}
