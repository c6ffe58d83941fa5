//! Where a port turns out to be the wrong one: which of the usual ports of OTLP beside it would be right.

use super::edit::{GRPC_PORT, HTTP_PORT, Site};
use super::report::{Check, Outcome};
use crate::failure::Class;
use crate::protocol::Protocol;
use crate::transport::client::{Client, Neighbour, Spoken};

/// Looks at the ports beside an endpoint of which `checks` say that something else is there, or nothing, and adds what is
/// found there to the first of those checks, with the edit where there is one.
pub(super) async fn look(client: &Client, site: &Site<'_>, checks: &mut [Check]) {
    let Some((check, class)) = checks.iter_mut().find_map(misplaced) else { return };
    let ports: Vec<u16> = [GRPC_PORT, HTTP_PORT].into_iter().filter(|port| *port != site.endpoint.port).collect();
    let neighbours = client.neighbours(&ports).await;
    check.evidence.extend(neighbours.iter().map(told));
    if let (Some(edit), Some(trouble)) = (edit(class, site, &neighbours), &mut check.trouble) {
        trouble.edit = Some(edit);
    }
}

/// A check that failed since the port is not, or may not be, one for this exporter.
fn misplaced(check: &mut Check) -> Option<(&mut Check, Class)> {
    let code = check.trouble.as_ref().filter(|_| check.outcome == Outcome::Failed)?.class?;
    let class = MISPLACED.into_iter().find(|class| class.code() == code)?;
    Some((check, class))
}

fn told(neighbour: &Neighbour) -> String {
    let port = neighbour.port;
    let words = neighbour.speaks.iter().map(|spoken| match spoken {
        Spoken::Http2 => "HTTP/2, as gRPC does",
        Spoken::Http1 => "HTTP/1.1, as OTLP/HTTP does",
        Spoken::Tls => "TLS",
    });
    let words: Vec<&str> = words.collect();
    match words.is_empty() {
        true => format!("port {port} of the same host: nobody answers there"),
        false => format!("port {port} of the same host speaks {}", words.join(", and ")),
    }
}

/// What to write instead, where what was seen leaves one way.
fn edit(class: Class, site: &Site<'_>, neighbours: &[Neighbour]) -> Option<String> {
    // Below TLS nothing was looked at.
    let plain = |protocol| match protocol {
        Protocol::Grpc => Spoken::Http2,
        Protocol::Http => Spoken::Http1,
    };
    let other = match site.protocol {
        Protocol::Grpc => Protocol::Http,
        Protocol::Http => Protocol::Grpc,
    };
    let speaking = |protocol| neighbours.iter().find(|neighbour| neighbour.speaks.contains(&plain(protocol)));
    if site.is_tls {
        return None;
    }
    if let Some(right) = speaking(site.protocol) {
        return Some(site.with_port(right.port));
    }
    // What the endpoint itself speaks is told by its own edit.
    let is_mixed_up = matches!(class, Class::GrpcToHttp1Port | Class::Http1ToGrpcPort);
    speaking(other).filter(|_| !is_mixed_up).map(|found| site.by_other_exporter(found.port))
}

/// Of a port on which somebody else answers, or nobody.
const MISPLACED: [Class; 9] = [
    Class::ConnectionRefused,
    Class::ConnectionReset,
    Class::GrpcToHttp1Port,
    Class::Http1ToGrpcPort,
    Class::ProtocolMismatch,
    Class::HttpNotFound,
    Class::HttpMethodNotAllowed,
    Class::GrpcUnimplemented,
    Class::NotOtlpResponse,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Endpoint;

    #[track_caller]
    fn check(text: &str, protocol: Protocol, class: Class, found: &[(u16, &[Spoken])], expected: Option<&str>) {
        let (_, port) = text.rsplit_once(':').unwrap_or_default();
        let port = port.split('/').next().unwrap_or_default().parse().unwrap_or(80);
        let endpoint = Endpoint { text: text.to_owned(), host: "b".to_owned(), port };
        let site = Site {
            place: None,
            key: "endpoint",
            endpoint: &endpoint,
            protocol,
            is_tls: text.starts_with("https"),
            server_name: "b".to_owned(),
            compression: "gzip",
        };
        let found: Vec<_> =
            found.iter().map(|(port, speaks)| Neighbour { port: *port, speaks: speaks.to_vec() }).collect();
        assert_eq!(edit(class, &site, &found).as_deref(), expected, "{text}");
    }

    #[test]
    fn the_port_that_speaks_the_right_protocol_is_named() {
        use Class::{ConnectionRefused, GrpcToHttp1Port, Http1ToGrpcPort};
        use Spoken::{Http1, Http2, Tls};
        let (grpc, http) = (Protocol::Grpc, Protocol::Http);
        check("b:4318", grpc, GrpcToHttp1Port, &[(4317, &[Http2])], Some("endpoint: b:4318  →  endpoint: b:4317"));
        check("b:4318", grpc, GrpcToHttp1Port, &[(4317, &[])], None);
        let path = "endpoint: http://b:9/otlp  →  endpoint: http://b:4318/otlp";
        check("http://b:9/otlp", http, ConnectionRefused, &[(4317, &[Http2]), (4318, &[Http1])], Some(path));
        let exporter = "otlp_grpc: {endpoint: http://b:4317} instead of otlp_http";
        check("http://b:9", http, ConnectionRefused, &[(4317, &[Http2]), (4318, &[])], Some(exporter));
        check(
            "http://b",
            http,
            Http1ToGrpcPort,
            &[(4318, &[Http1])],
            Some("endpoint: http://b  →  endpoint: http://b:4318"),
        );
        check("https://b:9", http, ConnectionRefused, &[(4317, &[Tls]), (4318, &[])], None);
        check("b:9", grpc, ConnectionRefused, &[(4317, &[]), (4318, &[])], None);
    }
}
