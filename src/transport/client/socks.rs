//! The way through a proxy that speaks SOCKS (RFC 1928), and what one that does not help says.

use std::io::ErrorKind;

use tokio::net::TcpStream;
use tokio_socks::Error;
use tokio_socks::tcp::Socks5Stream;

use super::obstacle::Obstacle;
use crate::config::{Endpoint, Secret};
use crate::failure::Class;

/// What a SOCKS proxy in front of one endpoint is asked.
pub(super) struct Socks {
    /// User name and password (RFC 1929).
    login: Option<(String, Secret)>,
    host: String,
    port: u16,
}

impl Socks {
    pub(super) fn new(login: Option<(String, Secret)>, endpoint: &Endpoint) -> Socks {
        Socks { login, host: endpoint.host.clone(), port: endpoint.port }
    }

    /// Asks the proxy on `stream` for a tunnel; from then on the stream's other end is the target. The proxy looks up the
    /// name. `name` and `target` are for people.
    pub(super) async fn open(&self, stream: TcpStream, name: &str, target: &str) -> Result<TcpStream, Obstacle> {
        let to = (self.host.as_str(), self.port);
        let opened = match &self.login {
            Some((user, password)) => {
                Socks5Stream::connect_with_password_and_socket(stream, to, user, password.reveal()).await
            }
            None => Socks5Stream::connect_with_socket(stream, to).await,
        };
        opened.map(Socks5Stream::into_inner).map_err(|error| self.explain(error, name, target))
    }

    fn explain(&self, error: Error, name: &str, target: &str) -> Obstacle {
        let (class, text) = match &error {
            Error::Io(io) if io.kind() == ErrorKind::UnexpectedEof || io.kind() == ErrorKind::ConnectionReset => {
                (Class::ProxyClosed, format!("{name} closed the connection without an answer"))
            }
            Error::Io(_) => (Class::ProxyClosed, format!("{name} broke the connection off")),
            Error::PasswordAuthFailure(_) => {
                (Class::ProxyAuthRequired, format!("{name} does not accept the user name and password of its URL"))
            }
            Error::NoAcceptableAuthMethods | Error::AuthorizationRequired => {
                let had = if self.login.is_some() { "those of its URL are not enough" } else { "its URL has none" };
                (Class::ProxyAuthRequired, format!("{name} wants a user name and a password, and {had}"))
            }
            Error::ConnectionNotAllowedByRuleset => {
                (Class::ProxyDenied, format!("{name} does not allow connections to {target}"))
            }
            Error::CommandNotSupported | Error::AddressTypeNotSupported => {
                (Class::ProxyDenied, format!("{name} opens no tunnels to addresses such as {target}"))
            }
            Error::GeneralSocksServerFailure
            | Error::NetworkUnreachable
            | Error::HostUnreachable
            | Error::ConnectionRefused
            | Error::TtlExpired => (Class::ProxyUpstreamUnreachable, format!("{name} cannot reach {target}")),
            _ => (Class::ProxyProtocolMismatch, format!("{name} does not answer as SOCKS proxies do")),
        };
        Obstacle::new(class, text).because(error)
    }
}
