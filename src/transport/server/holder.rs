//! Who listens on a port already: the kernel's tables of sockets name the socket, and the open files of each process its
//! owner (Linux: `proc(5)`).

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// A process that listens on an address that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The name of its program; empty where the system does not tell.
    pub name: String,
    /// Where it listens: the wanted address, or one that includes it.
    pub address: SocketAddr,
}

impl Holder {
    /// Whether it is this very process.
    pub fn is_this_process(&self) -> bool {
        self.pid == std::process::id()
    }

    /// Whether it is a relay or a Collector, as its name says.
    pub fn is_of_our_kind(&self) -> bool {
        ["otlp-relay", "otelcol", "otelcontribcol"].iter().any(|known| self.name.starts_with(known))
    }
}

/// `process otelcol (pid 4711, at 0.0.0.0:4317)`
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { pid, name, address } = self;
        match name.as_str() {
            _ if self.is_this_process() => write!(f, "this very process (at {address})"),
            "" => write!(f, "process {pid} (at {address})"),
            name => write!(f, "process {name} (pid {pid}, at {address})"),
        }
    }
}

/// Who listens where `host` and `port` would clash. An unspecified `host` clashes with every address. Nobody where the
/// system does not tell: the files of another user's process can be read by root only.
pub fn holders(host: IpAddr, port: u16) -> Vec<Holder> {
    holders_in(Path::new("/proc"), host, port)
}

fn holders_in(proc: &Path, host: IpAddr, port: u16) -> Vec<Holder> {
    let sockets: Vec<Socket> = ["net/tcp", "net/tcp6"]
        .iter()
        .flat_map(|table| listening(&fs::read_to_string(proc.join(table)).unwrap_or_default()))
        .filter(|socket| socket.address.port() == port && clash(socket.address.ip(), host))
        .collect();
    if sockets.is_empty() { Vec::new() } else { owners(proc, &sockets) }
}

struct Socket {
    address: SocketAddr,
    /// The target of the links to it.
    file: PathBuf,
}

/// The listening sockets of a table: `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode`.
fn listening(table: &str) -> Vec<Socket> {
    let socket = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
        let (host, port) = local.split_once(':')?;
        if *state != LISTEN {
            return None;
        }
        let address = SocketAddr::new(parse(host)?, u16::from_str_radix(port, 16).ok()?);
        let inode: u64 = inode.parse().ok()?;
        Some(Socket { address, file: PathBuf::from(format!("socket:[{inode}]")) })
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

fn owners(proc: &Path, sockets: &[Socket]) -> Vec<Holder> {
    let Ok(processes) = fs::read_dir(proc) else { return Vec::new() };
    let owner = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let mut files = fs::read_dir(entry.path().join("fd")).ok()?.filter_map(Result::ok);
        let held = files.find_map(|file| {
            let target = fs::read_link(file.path()).ok()?;
            sockets.iter().find(|socket| socket.file == target)
        })?;
        Some(Holder { pid, name: program(&entry.path()), address: held.address })
    };
    processes.filter_map(Result::ok).filter_map(owner).take(MAX_SHOWN).collect()
}

/// The whole name of a process's program; where that may not be read, the beginning of it.
fn program(process: &Path) -> String {
    let path = fs::read_link(process.join("exe")).ok();
    let name = path.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let short = || fs::read_to_string(process.join("comm")).unwrap_or_default();
    let name = name.unwrap_or_else(short);
    name.trim().chars().filter(|c| !c.is_control()).collect()
}

/// `TCP_LISTEN` of the kernel.
const LISTEN: &str = "0A";

/// Whoever has forked its workers has many of them.
const MAX_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn this_process_is_found_by_its_port_and_address() {
        for host in ["127.0.0.1", "::1"] {
            let Ok(listener) = TcpListener::bind((host, 0)) else { continue };
            let address = listener.local_addr().unwrap();
            let is_here = |holder: &Holder| holder.is_this_process() && holder.address == address;
            for wanted in [address.ip(), "::".parse().unwrap(), "0.0.0.0".parse().unwrap()] {
                let found = holders(wanted, address.port());
                assert!(found.iter().any(is_here), "{found:?}");
            }
            let elsewhere = holders("192.0.2.1".parse().unwrap(), address.port());
            assert!(!elsewhere.iter().any(is_here), "{elsewhere:?}");
            drop(listener);
            assert!(!holders(address.ip(), address.port()).iter().any(is_here));
        }
    }

    #[test]
    fn a_holder_is_shown_with_its_address() {
        let address = "0.0.0.0:4317".parse().unwrap();
        let shown = |pid, name: &str| Holder { pid, name: name.to_owned(), address }.to_string();
        assert_eq!(shown(1, "otelcol"), "process otelcol (pid 1, at 0.0.0.0:4317)");
        assert_eq!(shown(1, ""), "process 1 (at 0.0.0.0:4317)");
        assert_eq!(shown(std::process::id(), "x"), "this very process (at 0.0.0.0:4317)");
        assert!(Holder { pid: 1, name: "otelcol-contrib".to_owned(), address }.is_of_our_kind());
    }

    #[test]
    fn no_table_does_harm() {
        assert!(listening("sl\n 0: zz:00 0 0A\n1: 0100007F:10DD 0 0A 0 0 0 0 0 x\n\u{e9}").is_empty());
        assert_eq!(parse("\u{e9}\u{e9}\u{e9}\u{e9}"), None);
        let line =
            "sl\n0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1 0 100 0 0 10 0";
        let found: Vec<_> = listening(line).into_iter().map(|socket| (socket.address, socket.file)).collect();
        if cfg!(target_endian = "little") {
            assert_eq!(found, [("127.0.0.1:8080".parse().unwrap(), PathBuf::from("socket:[4711]"))]);
        }
    }
}
