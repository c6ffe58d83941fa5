//! `tls`

use std::path::PathBuf;
use std::time::Duration;

use super::Secret;

/// `exporters::<id>::tls` for a connection that is TLS. All files are read at start, never by `validate`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientTls {
    /// `ca_file` or `ca_pem`; the system's authorities when left out.
    pub ca: Option<PemSource>,
    /// `include_system_ca_certs_pool`: the system's authorities beside `ca`.
    pub system_roots_too: bool,
    /// `cert_file` or `cert_pem` with `key_file` or `key_pem`.
    pub identity: Option<(PemSource, PemSource)>,
    /// `server_name_override`
    pub server_name: Option<String>,
    /// `insecure_skip_verify`
    pub skip_verify: bool,
    /// Which TLS is spoken.
    pub terms: TlsTerms,
    /// `reload_interval`: how old files may be when a connection is opened; none: as old as the process. (The Collector
    /// reads only certificate and key anew.)
    pub reload_interval: Option<Duration>,
}

/// `tls` of a protocol of a receiver. All files are read at start, never by `validate`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerTls {
    /// `cert_file` or `cert_pem`.
    pub certificate: PemSource,
    /// `key_file` or `key_pem`.
    pub key: PemSource,
    /// `client_ca_file`: clients must show a certificate of these authorities.
    pub client_ca: Option<ClientCa>,
    /// Which TLS is spoken.
    pub terms: TlsTerms,
    /// `reload_interval`: how old certificate and key may be when a client connects; none: as old as the process.
    pub reload_interval: Option<Duration>,
}

/// `client_ca_file`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCa {
    /// The file.
    pub file: PathBuf,
    /// `client_ca_file_reload`; never.
    pub reload: CaReload,
}

/// When the file of `client_ca_file` is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaReload {
    /// Never: it is read at start.
    Never,
    /// When it has changed.
    WhenChanged,
}

/// Which TLS is spoken: what both sides of `tls` have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsTerms {
    /// `min_version`; 1.2.
    pub min_version: TlsVersion,
    /// `max_version`; 1.3.
    pub max_version: TlsVersion,
    /// `cipher_suites` of TLS 1.2; none: all of them. Those of TLS 1.3 cannot be chosen, as in Go.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// `curve_preferences`; none: all of them.
    pub curves: Option<Vec<Curve>>,
}

/// A version of TLS that the relay speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
}

/// A cipher suite of TLS 1.2 that the relay has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherSuite {
    /// `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`
    EcdsaAes128,
    /// `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384`
    EcdsaAes256,
    /// `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256`
    EcdsaChaCha20,
    /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`
    RsaAes128,
    /// `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`
    RsaAes256,
    /// `TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256`
    RsaChaCha20,
}

/// A group for the exchange of keys that the relay has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// `X25519`
    X25519,
    /// `P256`
    P256,
    /// `P384`
    P384,
}

/// Where PEM text comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum PemSource {
    /// A file, read at start.
    File(PathBuf),
    /// The configuration itself.
    Inline(Secret),
}

impl Default for TlsTerms {
    fn default() -> TlsTerms {
        TlsTerms { min_version: TlsVersion::V1_2, max_version: TlsVersion::V1_3, cipher_suites: None, curves: None }
    }
}
