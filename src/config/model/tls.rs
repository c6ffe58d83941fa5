//! `tls`

use std::path::PathBuf;

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
}

/// Where PEM text comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum PemSource {
    /// A file, read at start.
    File(PathBuf),
    /// The configuration itself.
    Inline(Secret),
}
