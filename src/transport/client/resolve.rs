//! Which addresses a host has now, and if none, what the resolver said.
//!
//! Calls getaddrinfo itself, since the standard library loses its error code. Nothing is kept here: every new connection
//! asks anew, so that a moved backend is found.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use tokio::sync::Semaphore;

use super::obstacle::{Obstacle, is_out_of_files};
use crate::failure::Class;

/// The host of an endpoint.
#[derive(Clone, Debug)]
pub(super) enum Host {
    /// An address: nothing to look up.
    Address(IpAddr),
    /// A name.
    Name(Arc<str>),
}

impl Host {
    /// Reads a name or an address without brackets.
    pub(super) fn parse(text: &str) -> Host {
        match text.parse() {
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(text.into()),
        }
    }

    /// The addresses that it has now, in the resolver's order; at least one.
    pub(super) async fn resolve(&self, port: u16) -> Result<Vec<SocketAddr>, Obstacle> {
        let name = match self {
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
            Host::Name(name) => Arc::clone(name),
        };
        let interrupted = || Obstacle::new(Class::ShuttingDown, "the lookup was interrupted");
        // The permit goes with the lookup, which cannot be interrupted, so that a dead resolver holds up a few threads only.
        let permit = LOOKUPS.acquire().await.map_err(|_| interrupted())?;
        let lookup = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            look_up(&name, port)
        });
        lookup.await.map_err(|_| interrupted())?
    }
}

fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, Obstacle> {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = getaddrinfo(Some(name), None, Some(hints)).map_err(|error| explain(name, error))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for mut address in found.flatten().map(|info| info.sockaddr) {
        address.set_port(port);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(Obstacle::new(Class::DnsNotFound, format!("cannot resolve \"{name}\": the name has no address")));
    }
    Ok(addresses)
}

fn explain(name: &str, error: LookupError) -> Obstacle {
    // Without a free descriptor getaddrinfo cannot read its files and claims that the name is not known.
    if let Err(error) = File::open("/dev/null")
        && is_out_of_files(&error)
    {
        return Obstacle::new(Class::TooManyOpenFiles, format!("cannot resolve \"{name}\"")).because(error);
    }
    let number = error.error_num();
    match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => not_found(name),
        _ if number == EAI_ADDRFAMILY => not_found(name),
        LookupErrorKind::System | LookupErrorKind::IO => {
            let text = format!("cannot resolve \"{name}\": the resolver failed (getaddrinfo {number})");
            Obstacle::new(Class::DnsTemporaryFailure, text).because(std::io::Error::from(error))
        }
        _ => {
            let text = format!(
                "cannot resolve \"{name}\": the DNS server gave no answer, a temporary failure (getaddrinfo {number}{})",
                nameservers()
            );
            Obstacle::new(Class::DnsTemporaryFailure, text)
        }
    }
}

fn not_found(name: &str) -> Obstacle {
    Obstacle::new(Class::DnsNotFound, format!("cannot resolve \"{name}\": DNS knows no such host{}", nameservers()))
}

/// The nameservers that were asked, as far as the usual file names them.
pub(super) fn nameservers() -> String {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("nameserver ")).map(str::trim).take(3).collect();
    if servers.is_empty() { String::new() } else { format!("; nameserver {}", servers.join(", ")) }
}

/// glibc: the name exists, but has no address of a family that is asked for.
const EAI_ADDRFAMILY: i32 = -9;

/// Lookups at a time in the whole process: fewer than one runtime's blocking threads.
static LOOKUPS: Semaphore = Semaphore::const_new(8);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[tokio::test]
    async fn an_address_is_its_own_answer() {
        let found = Host::parse("::1").resolve(4317).await.unwrap();
        assert_eq!(found, ["[::1]:4317".parse().unwrap()]);
    }

    #[tokio::test]
    async fn a_name_of_the_hosts_file_is_found_with_the_port() {
        let found = Host::parse("localhost").resolve(4317).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 4317), "{found:?}");
    }

    #[tokio::test]
    async fn a_name_that_cannot_exist_names_itself() {
        let obstacle = Host::parse("no such host.invalid").resolve(1).await.unwrap_err();
        assert!(matches!(obstacle.class, Class::DnsNotFound | Class::DnsTemporaryFailure), "{obstacle:?}");
        assert!(obstacle.into_failure().cause().contains("no such host.invalid"));
    }
}
