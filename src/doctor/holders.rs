//! Who listens on a port: the kernel's table of sockets names the socket, and the open files of each process its owner.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// A process that holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) pid: u32,
    /// The name of its program.
    pub(super) name: String,
}

impl Holder {
    /// Whether it is a relay or a Collector, as its name says.
    pub(super) fn is_of_our_kind(&self) -> bool {
        ["otlp-relay", "otelcol", "otelcontribcol"].iter().any(|known| self.name.starts_with(known))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// Who listens on `port`, at `host` or at all addresses. Processes of others can be seen by root only.
pub(super) fn holders(host: IpAddr, port: u16) -> Vec<Holder> {
    let tables = [("/proc/net/tcp", 4), ("/proc/net/tcp6", 16)];
    let sockets: Vec<String> = tables
        .iter()
        .flat_map(|(path, _)| listening(&fs::read_to_string(path).unwrap_or_default()))
        .filter(|socket| socket.port == port && clash(socket.address, host))
        .map(|socket| format!("socket:[{}]", socket.inode))
        .collect();
    if sockets.is_empty() { Vec::new() } else { owners(Path::new("/proc"), &sockets) }
}

struct Socket {
    address: IpAddr,
    port: u16,
    inode: u64,
}

/// The listening sockets of a table: `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode`.
fn listening(table: &str) -> Vec<Socket> {
    let socket = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
        let (address, port) = local.split_once(':')?;
        if *state != LISTEN {
            return None;
        }
        let port = u16::from_str_radix(port, 16).ok()?;
        Some(Socket { address: parse(address)?, port, inode: inode.parse().ok()? })
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Groups of four bytes, each in the machine's order.
fn parse(hex: &str) -> Option<IpAddr> {
    if !hex.is_ascii() {
        return None;
    }
    let words: Option<Vec<u32>> =
        hex.as_bytes().chunks(8).map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()).collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    let v4 = <[u8; 4]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let v6 = <[u8; 16]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
    v4.or(v6).ok()
}

fn clash(one: IpAddr, other: IpAddr) -> bool {
    let (one, other) = (one.to_canonical(), other.to_canonical());
    one == other || one.is_unspecified() || other.is_unspecified()
}

fn owners(proc: &Path, sockets: &[String]) -> Vec<Holder> {
    let Ok(processes) = fs::read_dir(proc) else { return Vec::new() };
    let owner = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let mut files = fs::read_dir(entry.path().join("fd")).ok()?.filter_map(Result::ok);
        let holds = |file: fs::DirEntry| {
            fs::read_link(file.path()).is_ok_and(|to| sockets.iter().any(|socket| to.as_os_str() == socket.as_str()))
        };
        if !files.any(holds) {
            return None;
        }
        let program = fs::read_link(entry.path().join("exe")).ok();
        let program = program.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let short = || fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim().to_owned();
        Some(Holder { pid, name: program.unwrap_or_else(short) })
    };
    processes.filter_map(Result::ok).filter_map(owner).collect()
}

/// `TCP_LISTEN` of the kernel.
const LISTEN: &str = "0A";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn this_process_is_found_by_its_port() {
        for host in ["127.0.0.1", "::1"] {
            let Ok(listener) = TcpListener::bind((host, 0)) else { continue };
            let address = listener.local_addr().unwrap();
            let found = holders(address.ip(), address.port());
            assert!(found.iter().any(|holder| holder.pid == std::process::id()), "{found:?}");
            let elsewhere = holders("192.0.2.1".parse().unwrap(), address.port());
            assert!(!elsewhere.iter().any(|holder| holder.pid == std::process::id()), "{elsewhere:?}");
        }
    }

    #[test]
    fn no_table_does_harm() {
        assert!(listening("sl\n 0: zz:00 0 0A\n1: 0100007F:10DD 0 0A 0 0 0 0 0 x\n\u{e9}").is_empty());
        assert_eq!(parse("\u{e9}\u{e9}\u{e9}\u{e9}"), None);
    }
}
