//! Where servers listen and exporters send to.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

/// Where a server listens: `host:port`, or the path of a unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenAddress {
    /// A name or an address without brackets; empty stands for all addresses (`:4317`). With a slash in front, as no
    /// host has, or behind a dot, it is the path of a unix socket.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl ListenAddress {
    /// The unix socket at `path`.
    pub fn unix(path: &str) -> ListenAddress {
        ListenAddress { host: with_slash(path), port: 0 }
    }

    /// The path of the socket, where it is a unix socket.
    pub fn socket(&self) -> Option<&Path> {
        socket(&self.host)
    }

    /// Whether both are TCP addresses that exclude each other, as far as the texts say: they have the same port, and one
    /// stands for all addresses, or both for this machine.
    pub fn overlaps(&self, other: &ListenAddress) -> bool {
        let is_tcp = self.socket().is_none() && other.socket().is_none();
        let hosts = self.is_everywhere() || other.is_everywhere() || (self.is_loopback() && other.is_loopback());
        is_tcp && hosts && self.port == other.port && self.port != 0
    }

    fn is_everywhere(&self) -> bool {
        self.host.is_empty() || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
    }

    /// Whether only this machine (or container) can reach it, as far as the text says.
    pub fn is_loopback(&self) -> bool {
        self.socket().is_some()
            || self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.socket() {
            Some(path) => write!(f, "unix:{}", path.display()),
            None => f.write_str(&host_port(&self.host, self.port)),
        }
    }
}

fn socket(host: &str) -> Option<&Path> {
    (host.starts_with('/') || host.starts_with("./")).then(|| Path::new(host))
}

fn with_slash(path: &str) -> String {
    if socket(path).is_some() { path.to_owned() } else { format!("./{path}") }
}

fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Where an exporter sends to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// As written, without userinfo: for people and labels.
    pub text: String,
    /// A name or an address without brackets. With a slash in front, as no host has, or behind a dot, it is the
    /// path of a unix socket.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// The unix socket at `path`, written as `text`.
    pub fn unix(text: &str, path: &str) -> Endpoint {
        Endpoint { text: text.to_owned(), host: with_slash(path), port: 0 }
    }

    /// The path of the socket, where it is a unix socket.
    pub fn socket(&self) -> Option<&Path> {
        socket(&self.host)
    }

    /// The authority of a request: `host:port` with the brackets of an IPv6 address, `localhost` for a unix socket.
    pub fn authority(&self) -> String {
        match self.socket() {
            Some(_) => "localhost".to_owned(),
            None => host_port(&self.host, self.port),
        }
    }
}
