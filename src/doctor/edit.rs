//! The remedy of a failure as an edit of the configuration, where what was seen leaves only one.

use crate::config::Endpoint;
use crate::failure::Class;
use crate::protocol::Protocol;
use crate::transport::tls::CertificateFacts;

/// What the configuration says of the endpoint that fails.
pub(super) struct Site<'a> {
    /// Where it says so, for people: `relay.yaml:6:15`.
    pub(super) place: Option<String>,
    /// The key: `endpoint`, `traces_endpoint`.
    pub(super) key: &'a str,
    /// The endpoint.
    pub(super) endpoint: &'a Endpoint,
    /// What the exporter speaks.
    pub(super) protocol: Protocol,
    /// Whether it is spoken over TLS.
    pub(super) is_tls: bool,
    /// Whom the certificate must be for.
    pub(super) server_name: String,
    /// `compression`, as it is written.
    pub(super) compression: &'static str,
}

/// What to write instead.
pub(super) fn edit(class: Class, site: &Site<'_>, chain: &[CertificateFacts]) -> Option<String> {
    let Site { key, endpoint, .. } = site;
    let text = endpoint.text.as_str();
    let instead = |new: String| Some(format!("{key}: {text}  →  {key}: {new}"));
    let edit = match class {
        Class::TlsToPlaintextPort => match text.strip_prefix("https://") {
            Some(rest) => instead(format!("http://{rest}")),
            None => Some("tls: {insecure: true}".to_owned()),
        },
        Class::PlaintextToTlsPort => match text.strip_prefix("http://") {
            Some(rest) => instead(format!("https://{rest}")),
            None => Some("tls: {insecure: false}".to_owned()),
        },
        Class::GrpcToHttp1Port | Class::TlsAlpnMismatch | Class::Http1ToGrpcPort => {
            return Some(site.by_other_exporter(endpoint.port));
        }
        Class::TlsUnknownCa => Some("tls: {ca_file: /path/to/the/authority.pem}".to_owned()),
        Class::TlsClientCertificateRequired => {
            Some("tls: {cert_file: /path/to/client.pem, key_file: /path/to/client.key}".to_owned())
        }
        Class::TlsHostnameMismatch => {
            let name = chain.first()?.names.iter().find(|name| !name.starts_with('*'))?;
            Some(format!("tls: {{server_name_override: {name}}}"))
        }
        Class::UnsupportedCompression => Some(format!("compression: {}  →  compression: none", site.compression)),
        _ => None,
    }?;
    Some(site.placed(edit))
}

impl Site<'_> {
    /// The endpoint with another port.
    pub(super) fn with_port(&self, port: u16) -> String {
        let text = self.endpoint.text.as_str();
        let begin = text.find("://").map_or(0, |at| at + "://".len());
        let end = text[begin..].find(['/', '?']).map_or(text.len(), |at| begin + at);
        let authority = &text[begin..end];
        let host = authority.strip_suffix(&format!(":{}", self.endpoint.port)).unwrap_or(authority);
        self.placed(format!("{0}: {text}  →  {0}: {1}{host}:{port}{2}", self.key, &text[..begin], &text[end..]))
    }

    /// The exporter of the other protocol, to `port` of the same host.
    pub(super) fn by_other_exporter(&self, port: u16) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        let (other, own) = match self.protocol {
            Protocol::Grpc => ("otlp_http", "otlp_grpc"),
            Protocol::Http => ("otlp_grpc", "otlp_http"),
        };
        let authority = Endpoint { port, ..self.endpoint.clone() }.authority();
        self.placed(format!("{other}: {{endpoint: {scheme}://{authority}}} instead of {own}"))
    }

    fn placed(&self, edit: String) -> String {
        match &self.place {
            Some(place) => format!("{place}: {edit}"),
            None => edit,
        }
    }
}

/// The ports of OTLP (OTLP specification, "OTLP/gRPC Default Port", "OTLP/HTTP Default Port").
pub(super) const GRPC_PORT: u16 = 4317;
pub(super) const HTTP_PORT: u16 = 4318;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(text: &str, port: u16, class: Class, expected: &str) {
        let endpoint = Endpoint { text: text.to_owned(), host: "b".to_owned(), port };
        let site = Site {
            place: Some("relay.yaml:6:5".to_owned()),
            key: "endpoint",
            endpoint: &endpoint,
            protocol: Protocol::Grpc,
            is_tls: text.starts_with("https"),
            server_name: "b".to_owned(),
            compression: "gzip",
        };
        assert_eq!(edit(class, &site, &[]).unwrap(), format!("relay.yaml:6:5: {expected}"));
    }

    #[test]
    fn an_edit_says_what_is_written_and_what_to_write() {
        let plaintext = "endpoint: https://b:1  →  endpoint: http://b:1";
        check("https://b:1", 1, Class::TlsToPlaintextPort, plaintext);
        check("b:1", 1, Class::TlsToPlaintextPort, "tls: {insecure: true}");
        check("b:9", 9, Class::GrpcToHttp1Port, "otlp_http: {endpoint: http://b:9} instead of otlp_grpc");
        check("b:9", 9, Class::UnsupportedCompression, "compression: gzip  →  compression: none");
    }
}
