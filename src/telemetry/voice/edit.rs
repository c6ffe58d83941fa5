//! Which edit of the configuration mends a failure, where the class and the endpoint tell it.

use crate::failure::{Class, Failure};
use crate::ident::ComponentId;

/// The edit in Collector notation: `exporters::otlp_grpc/eu::tls::insecure: true`.
pub(in crate::telemetry) fn edit(exporter: &ComponentId, failure: &Failure) -> Option<String> {
    let change = match (failure.class(), failure.endpoint()) {
        (Class::TlsToPlaintextPort, Some(endpoint)) => match endpoint.strip_prefix("https://") {
            Some(rest) => format!("endpoint: http://{rest}"),
            None => "tls::insecure: true".to_owned(),
        },
        (Class::PlaintextToTlsPort, Some(endpoint)) => match endpoint.strip_prefix("http://") {
            Some(rest) => format!("endpoint: https://{rest}"),
            None => "tls::insecure: false".to_owned(),
        },
        (Class::GrpcToHttp1Port, Some(endpoint)) => {
            format!("endpoint: {}", with_port(endpoint, GRPC_PORT, HTTP_PORT)?)
        }
        (Class::Http1ToGrpcPort, Some(endpoint)) => {
            format!("endpoint: {}", with_port(endpoint, HTTP_PORT, GRPC_PORT)?)
        }
        (class, _) => usual(class)?.to_owned(),
    };
    Some(format!("exporters::{exporter}::{change}"))
}

/// What mends a class wherever it occurs; the words in angle brackets are for the reader to fill in.
fn usual(class: Class) -> Option<&'static str> {
    Some(match class {
        Class::TlsUnknownCa => "tls::ca_file: <certificate of the authority>",
        Class::TlsHostnameMismatch => "tls::server_name_override: <a name of the certificate>",
        Class::TlsClientCertificateRequired => "tls::{cert_file, key_file}: <certificate and key of this relay>",
        Class::UnsupportedCompression => "compression: gzip",
        Class::Http2TooManyPings => "keepalive::time: 5m",
        Class::MessageTooLarge => "sending_queue::batch::max_size: <smaller>",
        _ => return None,
    })
}

/// `endpoint` with `port`, if it has `wrong` at its end.
fn with_port(endpoint: &str, port: &str, wrong: &str) -> Option<String> {
    endpoint.trim_end_matches('/').strip_suffix(wrong).map(|host| format!("{host}{port}"))
}

const GRPC_PORT: &str = ":4317";
const HTTP_PORT: &str = ":4318";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(class: Class, endpoint: &str, expected: Option<&str>) {
        let failure = Failure::new(class, "no").at(endpoint.into());
        let exporter = ComponentId::parse("otlp_grpc/x").unwrap();
        assert_eq!(edit(&exporter, &failure).as_deref(), expected);
    }

    #[test]
    fn the_edit_is_the_one_that_the_endpoint_needs() {
        check(Class::TlsToPlaintextPort, "c:4317", Some("exporters::otlp_grpc/x::tls::insecure: true"));
        check(Class::TlsToPlaintextPort, "https://c:4317", Some("exporters::otlp_grpc/x::endpoint: http://c:4317"));
        check(Class::PlaintextToTlsPort, "http://c:4317", Some("exporters::otlp_grpc/x::endpoint: https://c:4317"));
        check(Class::GrpcToHttp1Port, "http://c:4318", Some("exporters::otlp_grpc/x::endpoint: http://c:4317"));
        check(Class::GrpcToHttp1Port, "http://c:80", None);
        check(Class::ConnectionRefused, "http://c:80", None);
    }
}
