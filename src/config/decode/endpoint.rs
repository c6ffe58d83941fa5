//! Where an exporter sends to and whether that is TLS: the forms that gRPC and HTTP exporters take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::model::{Endpoint, ListenAddress};
use crate::config::problem::{Mistake, Problem};
use crate::config::reading::Reading;
use crate::config::section::Section;
use crate::signal::Signal;

use super::address::{self, Address, shown};
use super::products::{self, Over};

/// A destination that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub endpoint: Endpoint,
    pub scheme: Scheme,
    /// The path; that of a base URL without a slash at the end.
    pub path: String,
}

/// What the scheme says about TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Nothing.
    None,
    /// `http://`
    Http,
    /// `https://`
    Https,
}

/// `endpoint` as `transport` has it: an address, or with `unix` the path of a socket.
pub(super) fn listen_by_transport(protocol: &mut Section<'_>, usual_port: u16) -> Option<ListenAddress> {
    let transport = protocol.value("transport");
    let endpoint = protocol.value("endpoint");
    let Some(transport) = transport else { return endpoint.and_then(|value| listen(&value, usual_port)) };
    match transport.text()?.as_str() {
        "" | "tcp" => return endpoint.and_then(|value| listen(&value, usual_port)),
        "tcp4" => return listen_on_family(&transport, endpoint, usual_port, Family::V4),
        "tcp6" => return listen_on_family(&transport, endpoint, usual_port, Family::V6),
        "unix" => match endpoint {
            Some(endpoint) => return listen_on_socket(&endpoint),
            None => transport.refuse(transport.fault(NO_PATH).hint(PATH_HINT)),
        },
        network if TRANSPORTS.contains(&network) => {
            let what = format!("the transport {network:?} is not supported by otlp-relay yet");
            transport.refuse(transport.fault(what).hint("write tcp or unix").is(Mistake::NotSupportedYet));
        }
        network => transport.wrong(format!("unsupported transport type {network:?}")),
    }
    None
}

/// The addresses of one version of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// The address of `family` that `endpoint` stands for. A name other than localhost may stand for several: it has to be
/// written as an address. Without an endpoint it is every address of the family.
fn listen_on_family(
    transport: &Reading<'_>,
    endpoint: Option<Reading<'_>>,
    usual_port: u16,
    family: Family,
) -> Option<ListenAddress> {
    let written = match &endpoint {
        Some(endpoint) => listen(endpoint, usual_port)?,
        None => ListenAddress { host: String::new(), port: usual_port },
    };
    let endpoint = endpoint.as_ref().unwrap_or(transport);
    let ListenAddress { host, port } = written;
    let ip = host.parse::<IpAddr>().ok();
    let host = match (host.as_str(), family, ip) {
        ("", Family::V4, _) => Ipv4Addr::UNSPECIFIED.to_string(),
        ("", Family::V6, _) => Ipv6Addr::UNSPECIFIED.to_string(),
        ("localhost", Family::V4, _) => Ipv4Addr::LOCALHOST.to_string(),
        ("localhost", Family::V6, _) => Ipv6Addr::LOCALHOST.to_string(),
        (_, Family::V4, Some(IpAddr::V4(_))) | (_, Family::V6, Some(IpAddr::V6(_))) => host,
        (_, _, Some(_)) => return refuse(endpoint, invalid(format!("{host} is no address of the transport"))),
        (_, _, None) => {
            let problem = invalid(format!("the transport needs an address, and {host} is a name"));
            return refuse(endpoint, problem.hint("write the address, or transport: tcp"));
        }
    };
    if host == Ipv6Addr::UNSPECIFIED.to_string() {
        transport.warn("clients of IPv4 are served on [::] as well, where the Collector would refuse them");
    }
    Some(ListenAddress { host, port })
}

fn listen_on_socket(value: &Reading<'_>) -> Option<ListenAddress> {
    let text = value.text()?;
    let path = text.strip_prefix("unix://").unwrap_or(&text);
    if path.is_empty() {
        return refuse(value, invalid(NO_PATH).hint(PATH_HINT));
    }
    if path.starts_with('@') {
        return refuse(value, not_yet("an abstract unix socket".to_owned()));
    }
    Some(ListenAddress::unix(path))
}

/// An address to listen on: `host:port` or `:port`. Others have `usual_port` there.
pub(super) fn listen(value: &Reading<'_>, usual_port: u16) -> Option<ListenAddress> {
    let text = value.text()?;
    let address = without_scheme(&text).filter(|_| value.node().is_from_variable());
    match listen_address(address.unwrap_or(&text), usual_port) {
        Ok(listen) => {
            if address.is_some() {
                let what = format!("an address to listen on is host:port, not a URL: {listen} is taken");
                value.warn(format!("{what}, where the Collector does not start"));
            }
            Some(listen)
        }
        Err(problem) => refuse(value, problem),
    }
}

/// The address in a URL without a path. A variable that senders read as well is one for them.
fn without_scheme(text: &str) -> Option<&str> {
    let address = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    Some(address.strip_suffix('/').unwrap_or(address))
}

/// An address to listen on, as the configuration writes it: `host:port` or `:port`. Others have `usual_port` there.
///
/// # Errors
/// What is wrong with `text`, and how to write it.
pub fn listen_address(text: &str, usual_port: u16) -> Result<ListenAddress, Problem> {
    let Address { scheme, host, port, path } = address::parse(text)?;
    if let Some(scheme) = scheme {
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        let what = format!("an address to listen on is host:port, not a URL ({scheme}://)");
        return Err(invalid(what).hint(format!("write {host}{port}")));
    }
    if !path.is_empty() {
        return Err(invalid(format!("an address to listen on is host:port, without the path {path}")));
    }
    let Some(port) = port else {
        let problem = invalid(format!("address {host}: missing port in address")).is(Mistake::MissingPort);
        return Err(problem.hint(match dotted_port(&host) {
            Some((host, port)) => format!("write {host}:{port}"),
            None => format!("write {}:{usual_port}, the usual port", bracketed(&host)),
        }));
    };
    Ok(ListenAddress { host, port })
}

/// The address and the port in one that has a dot in the place of its colon: `0.0.0.0.8889`.
fn dotted_port(host: &str) -> Option<(Ipv4Addr, u16)> {
    let (host, port) = host.rsplit_once('.')?;
    Some((host.parse().ok()?, port.parse().ok()?))
}

/// The endpoint of a gRPC exporter.
pub(super) fn grpc(value: &Reading<'_>) -> Option<Target> {
    match grpc_target(&value.text()?) {
        Ok((target, path)) => {
            if !path.is_empty() {
                let what = format!("gRPC has no path; {path} is ignored");
                let warning = Problem::new(None, "", what).hint("is this the endpoint of an otlp_http exporter?");
                value.warn_of(warning.is(Mistake::GrpcPathIgnored));
            }
            if target.endpoint.port == HTTP_PORT {
                warn_port(value, "gRPC is usually served on 4317; 4318 is the port of OTLP/HTTP (exporter otlp_http)");
            }
            products::warn(value, &target, Over::Grpc);
            warn_wildcard(value, &target.endpoint);
            needed(value, target)
        }
        Err(problem) => refuse(value, problem),
    }
}

/// The base URL of an HTTP exporter.
pub(super) fn http(value: &Reading<'_>) -> Option<Target> {
    match http_target(&value.text()?) {
        Ok(target) => {
            if target.endpoint.port == GRPC_PORT {
                warn_port(value, "OTLP/HTTP is usually served on 4318; 4317 is the port of gRPC (exporter otlp_grpc)");
            }
            products::warn(value, &target, Over::Http);
            warn_wildcard(value, &target.endpoint);
            needed(value, target)
        }
        Err(problem) => refuse(value, problem),
    }
}

/// The URL of one signal, to which OTLP is sent; `key` is the key that it stands at.
pub(super) fn http_of_signal(value: &Reading<'_>, key: &str) -> Option<Target> {
    let target = http_of_anything(value, key)?;
    products::warn(value, &target, Over::Http);
    Some(target)
}

/// A URL, taken as it is; `key` is the key that it stands at.
pub(super) fn http_of_anything(value: &Reading<'_>, key: &str) -> Option<Target> {
    match url(&value.text()?, key) {
        Ok(mut target) => {
            if target.path.is_empty() {
                target.path.push('/');
            }
            warn_wildcard(value, &target.endpoint);
            needed(value, target)
        }
        Err(problem) => refuse(value, problem),
    }
}

/// An unset variable in an endpoint is no endpoint, even where what is left looks like one.
fn needed(value: &Reading<'_>, target: Target) -> Option<Target> {
    if value.node().provenance.unset.is_empty() {
        return Some(target);
    }
    refuse(value, invalid(format!("the endpoint {} is incomplete", shown(&target.endpoint.text))))
}

fn grpc_target(text: &str) -> Result<(Target, String), Problem> {
    if text.is_empty() {
        return Err(invalid("requires a non-empty \"endpoint\"").hint("write host:4317"));
    }
    if let Some(path) = unix_path(text) {
        return Ok((unix_target(text, path)?, String::new()));
    }
    let (scheme, address) = grpc_address(text)?;
    let Address { host, port, mut path, .. } = address;
    if path == "/" {
        path.clear();
    }
    if host.is_empty() {
        return Err(invalid(format!("the endpoint {} names no host", shown(text))).hint("write host:4317"));
    }
    let Some(port) = port else {
        let problem = invalid(format!("address {host}: missing port in address")).is(Mistake::MissingPort);
        return Err(problem.hint(format!("write {}:4317, the usual port of OTLP/gRPC", bracketed(&host))));
    };
    let endpoint = Endpoint { text: text.to_owned(), host, port };
    Ok((Target { endpoint, scheme, path: String::new() }, path))
}

/// The path in `unix:path`, `unix:///path`; a port behind the colon makes it a host that is called unix.
fn unix_path(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("unix:").filter(|rest| rest.parse::<u16>().is_err())?;
    Some(rest.strip_prefix("//").unwrap_or(rest))
}

fn unix_target(text: &str, path: &str) -> Result<Target, Problem> {
    if path.is_empty() {
        return Err(invalid("unix socket path cannot be empty").hint("write unix:///run/backend.sock"));
    }
    Ok(Target { endpoint: Endpoint::unix(text, path), scheme: Scheme::None, path: String::new() })
}

fn grpc_address(text: &str) -> Result<(Scheme, Address), Problem> {
    for resolver in ["dns", "passthrough"] {
        let Some(rest) = text.strip_prefix(resolver).and_then(|rest| rest.strip_prefix(':')) else { continue };
        if let Some(rest) = rest.strip_prefix("///") {
            return Ok((Scheme::None, address::parse(rest)?));
        }
        if rest.starts_with("//") {
            return Err(not_yet(format!("the gRPC resolver {resolver}:// with a server of its own")));
        }
        if rest.parse::<u16>().is_err() {
            return Ok((Scheme::None, address::parse(rest)?));
        }
    }
    for scheme in ["unix-abstract", "xds", "vsock"] {
        let rest = text.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(':'));
        if rest.is_some_and(|rest| rest.starts_with('/') || scheme == "unix-abstract") {
            return Err(not_yet(format!("the gRPC endpoint form {scheme}:")));
        }
    }
    let address = address::parse(text)?;
    let scheme = match address.scheme.as_deref() {
        None => Scheme::None,
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(other) => return Err(unsupported(other, &address, GRPC_PORT)),
    };
    Ok((scheme, address))
}

fn http_target(text: &str) -> Result<Target, Problem> {
    if text.is_empty() {
        return Err(invalid("at least one endpoint must be specified").hint("write endpoint: http://host:4318"));
    }
    let mut target = url(text, "endpoint")?;
    if target.path.contains(['?', '#']) {
        return Err(invalid("a base URL has no query: the path of each signal is appended to it"));
    }
    target.path.truncate(target.path.trim_end_matches('/').len());
    check_signal_path(text, &target.path)?;
    Ok(target)
}

/// A URL with its path as it is written.
fn url(text: &str, key: &str) -> Result<Target, Problem> {
    let address = address::parse(text)?;
    let (scheme, usual_port) = match address.scheme.as_deref() {
        Some("http") => (Scheme::Http, 80),
        Some("https") => (Scheme::Https, 443),
        Some(other) => return Err(unsupported(other, &address, HTTP_PORT)),
        None => {
            let hint = format!("write http://{text} for plaintext or https://{text} for TLS");
            return Err(invalid(format!("{key} must be a valid URL: it has no scheme")).hint(hint));
        }
    };
    let Address { host, port, path, .. } = address;
    if host.is_empty() {
        return Err(invalid(format!("{key} must be a valid URL: it names no host")).hint("write http://host:4318"));
    }
    let endpoint = Endpoint { text: text.to_owned(), host, port: port.unwrap_or(usual_port) };
    Ok(Target { endpoint, scheme, path })
}

fn check_signal_path(text: &str, path: &str) -> Result<(), Problem> {
    let pasted = |signal: &Signal| path.ends_with(signal.facts().http_path);
    let Some(signal) = Signal::ALL.into_iter().find(pasted) else { return Ok(()) };
    let signal_path = signal.facts().http_path;
    let url = text.trim_end_matches('/');
    let base = url.strip_suffix(signal_path).unwrap_or(url);
    let what = format!("the path of the signal is appended to the endpoint: this would send to {url}{signal_path}");
    let hint = format!("remove {signal_path} from the endpoint: {base}");
    Err(Problem::new(None, "", what).hint(hint).is(Mistake::SignalPathDoubled))
}

fn unsupported(scheme: &str, address: &Address, usual_port: u16) -> Problem {
    let authority = format!("{}:{}", bracketed(&address.host), address.port.unwrap_or(usual_port));
    let problem = Problem::new(None, "", format!("the scheme {scheme}:// is not supported"));
    let hint = format!("write https://{authority} for TLS or http://{authority} for plaintext");
    problem.hint(hint).is(Mistake::UnsupportedScheme)
}

fn not_yet(what: String) -> Problem {
    Problem::new(None, "", format!("{what} is not supported by otlp-relay yet")).is(Mistake::NotSupportedYet)
}

fn warn_port(value: &Reading<'_>, what: &str) {
    value.warn_of(Problem::new(None, "", what).is(Mistake::PortSuspicious));
}

fn warn_wildcard(value: &Reading<'_>, endpoint: &Endpoint) {
    if matches!(endpoint.host.as_str(), "0.0.0.0" | "::") {
        let what = format!("{} is an address to listen on, not to send to", endpoint.host);
        let warning = Problem::new(None, "", what).hint("write 127.0.0.1 or the name of the service");
        value.warn_of(warning.is(Mistake::WildcardDestination));
    }
}

fn refuse<T>(value: &Reading<'_>, problem: Problem) -> Option<T> {
    let mut named = value.fault(problem.what);
    named.hint = problem.hint;
    // That the variable is not set explains more than what its absence has left.
    let of_variable = named.mistake != Mistake::Invalid;
    value.refuse(if of_variable { named } else { named.is(problem.mistake) });
    None
}

fn invalid(what: impl Into<String>) -> Problem {
    Problem::new(None, "", what).is(Mistake::InvalidEndpoint)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

const NO_PATH: &str = "a unix socket needs the path of its file";
const PATH_HINT: &str = "write endpoint: /run/otlp-relay.sock";

/// Those of Go's networks that the Collector takes and the relay does not.
const TRANSPORTS: &[&str] = &["udp", "udp4", "udp6", "ip", "ip4", "ip6", "unixgram", "unixpacket", "npipe"];

const GRPC_PORT: u16 = 4317;
const HTTP_PORT: u16 = 4318;

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[track_caller]
    fn check_grpc(text: &str, scheme: Scheme, host: &str, port: u16) {
        match grpc_target(text) {
            Ok((target, _)) => {
                assert_eq!((target.scheme, target.endpoint.host.as_str(), target.endpoint.port), (scheme, host, port))
            }
            Err(problem) => panic!("{text}: {problem}"),
        }
    }

    #[track_caller]
    fn check_http(text: &str, host: &str, port: u16, path: &str) {
        match http_target(text) {
            Ok(target) => assert_eq!(
                (target.endpoint.host.as_str(), target.endpoint.port, target.path.as_str()),
                (host, port, path)
            ),
            Err(problem) => panic!("{text}: {problem}"),
        }
    }

    #[track_caller]
    fn check_fault<T: std::fmt::Debug>(result: Result<T, Problem>, mistake: Mistake, expected: &str) {
        match result {
            Ok(value) => panic!("{value:?}"),
            Err(problem) => assert_eq!((problem.mistake, problem.to_string().as_str()), (mistake, expected)),
        }
    }

    #[test]
    fn grpc_takes_the_forms_of_grpc_go() {
        check_grpc("backend:4317", Scheme::None, "backend", 4317);
        check_grpc("http://backend:4317", Scheme::Http, "backend", 4317);
        check_grpc("https://[::1]:4317/", Scheme::Https, "::1", 4317);
        check_grpc("dns:///backend:4317", Scheme::None, "backend", 4317);
        check_grpc("dns:backend:4317", Scheme::None, "backend", 4317);
        check_grpc("dns:4317", Scheme::None, "dns", 4317);
        check_grpc("unix:///run/x", Scheme::None, "/run/x", 0);
        check_grpc("unix:x.sock", Scheme::None, "./x.sock", 0);
        check_grpc("unix:4317", Scheme::None, "unix", 4317);
        check_grpc("passthrough:///127.0.0.1:4317", Scheme::None, "127.0.0.1", 4317);
    }

    #[test]
    fn http_takes_a_base_url() {
        check_http("http://backend:4318", "backend", 4318, "");
        check_http("http://backend", "backend", 80, "");
        check_http("https://backend/otlp/", "backend", 443, "/otlp");
    }

    #[test]
    fn faults_name_the_mend() {
        check_fault(
            grpc_target("127.0.0.1"),
            Mistake::MissingPort,
            "address 127.0.0.1: missing port in address; write 127.0.0.1:4317, the usual port of OTLP/gRPC",
        );
        check_fault(
            grpc_target("grpc://b:1"),
            Mistake::UnsupportedScheme,
            "the scheme grpc:// is not supported; write https://b:1 for TLS or http://b:1 for plaintext",
        );
        check_fault(
            grpc_target("unix-abstract:x"),
            Mistake::NotSupportedYet,
            "the gRPC endpoint form unix-abstract: is not supported by otlp-relay yet",
        );
        check_fault(
            http_target("http://b:4318/v1/traces"),
            Mistake::SignalPathDoubled,
            "the path of the signal is appended to the endpoint: this would send to \
             http://b:4318/v1/traces/v1/traces; remove /v1/traces from the endpoint: http://b:4318",
        );
        check_fault(
            http_target("localhost:4318"),
            Mistake::InvalidEndpoint,
            "endpoint must be a valid URL: it has no scheme; \
             write http://localhost:4318 for plaintext or https://localhost:4318 for TLS",
        );
        check_fault(
            listen_address("http://0.0.0.0:4317", GRPC_PORT),
            Mistake::InvalidEndpoint,
            "an address to listen on is host:port, not a URL (http://); write 0.0.0.0:4317",
        );
        check_fault(
            listen_address("0.0.0.0", HTTP_PORT),
            Mistake::MissingPort,
            "address 0.0.0.0: missing port in address; write 0.0.0.0:4318, the usual port",
        );
        check_fault(
            listen_address("0.0.0.0.8889", 8889),
            Mistake::MissingPort,
            "address 0.0.0.0.8889: missing port in address; write 0.0.0.0:8889",
        );
    }
}
