//! Whether an exporter's connection is TLS, and with which certificates: the client side of the Collector's `tls`.

use crate::config::model::{ClientTls, PemSource};
use crate::config::problem::Problem;
use crate::config::reading::Reading;
use crate::config::section::Section;

use super::endpoint::Scheme;
use super::tls_terms;

/// What `tls` asks for, before the endpoint's scheme is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    settings: ClientTls,
    insecure: Option<bool>,
}

/// Keys of `tls` that stood beside the endpoint in early versions of the Collector.
pub(super) const EARLY_KEYS: [&str; 6] =
    ["insecure", "ca_file", "cert_file", "key_file", "insecure_skip_verify", "server_name_override"];

/// Reads `tls`, or its keys where early versions of the Collector had them: in `exporter` itself.
pub(super) fn wish(exporter: &mut Section<'_>) -> Wish {
    let tls = exporter.entry("tls").and_then(Reading::section);
    let early = EARLY_KEYS.into_iter().find(|key| exporter.has(key));
    match (tls, early) {
        (Some(mut section), _) => {
            let wish = settings(&mut section);
            section.finish();
            wish
        }
        (None, Some(key)) => {
            if let Some(value) = exporter.entry(key) {
                value.warn(format!("the key \"{key}\" belongs under tls; the Collector of today refuses it here"));
            }
            early_settings(exporter)
        }
        (None, None) => Wish::default(),
    }
}

fn early_settings(exporter: &mut Section<'_>) -> Wish {
    let insecure = exporter.boolean("insecure");
    let mut wish = Wish { insecure, ..Wish::default() };
    wish.settings.ca = exporter.text("ca_file").map(|path| PemSource::File(path.into()));
    let certificate = exporter.text("cert_file").map(|path| PemSource::File(path.into()));
    let key = exporter.text("key_file").map(|path| PemSource::File(path.into()));
    wish.settings.identity = certificate.zip(key);
    wish.settings.skip_verify = exporter.boolean("insecure_skip_verify").unwrap_or(false);
    wish.settings.server_name = exporter.text("server_name_override").filter(|name| !name.is_empty());
    wish
}

fn settings(tls: &mut Section<'_>) -> Wish {
    let ca = tls_terms::ca(tls);
    let identity = match tls_terms::certificate_and_key(tls) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            tls.whole().wrong(
                "TLS configuration must include both certificate and key (CertFile/CertPem and KeyFile/KeyPem): write \
                 cert_file and key_file, or neither",
            );
            None
        }
    };
    Wish {
        insecure: tls.boolean("insecure"),
        settings: ClientTls {
            ca,
            identity,
            system_roots_too: tls.boolean("include_system_ca_certs_pool").unwrap_or(false),
            server_name: tls.text("server_name_override").filter(|name| !name.is_empty()),
            skip_verify: tls.boolean("insecure_skip_verify").unwrap_or(false),
            terms: tls_terms::terms(tls),
            reload_interval: tls_terms::reload_interval(tls),
        },
    }
}

impl Wish {
    /// The TLS settings of a gRPC connection; none means plaintext. `https://` is always TLS, like a wish for
    /// certificates; `http://` alone means plaintext, where the Collector would still use TLS.
    pub(super) fn for_grpc(self, scheme: Scheme, endpoint: &Reading<'_>) -> Option<ClientTls> {
        let explicit = self.settings.ca.is_some()
            || (self.settings.identity.is_some() && self.insecure != Some(true))
            || self.insecure == Some(false);
        match (scheme, self.insecure) {
            (Scheme::Https, Some(true)) => {
                endpoint.warn("https:// is TLS even with tls::insecure: true");
                Some(self.settings)
            }
            (Scheme::Https, _) => Some(self.settings),
            _ if explicit => Some(self.settings),
            (_, Some(true)) => None,
            (Scheme::Http, _) => {
                let what = "http:// is taken for plaintext, where the Collector would still use TLS; \
                            tls::insecure: true says plaintext to both";
                endpoint.warn_of(Problem::new(None, "", what).advice());
                None
            }
            (Scheme::None, _) => Some(self.settings),
        }
    }

    /// The TLS settings of an HTTP connection: the scheme alone decides.
    pub(super) fn for_http(self, scheme: Scheme, endpoint: &Reading<'_>) -> Option<ClientTls> {
        if scheme == Scheme::Https {
            if self.insecure == Some(true) {
                endpoint.warn("https:// is TLS even with tls::insecure: true; write http:// for plaintext");
            }
            return Some(self.settings);
        }
        if self.settings != ClientTls::default() || self.insecure == Some(false) {
            endpoint.warn("http:// is plaintext whatever tls says; write https:// for TLS");
        }
        None
    }
}
