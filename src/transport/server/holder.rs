//! Who listens on a port already, as far as this machine tells (Linux: `proc(5)`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The processes that listen on `port`, in words: `process 4711 (otelcol)`. Nothing where the system does not tell.
pub fn holder(port: u16) -> Option<String> {
    holder_in(Path::new("/proc"), port, std::process::id())
}

fn holder_in(proc: &Path, port: u16, own: u32) -> Option<String> {
    let sockets: BTreeSet<PathBuf> = ["net/tcp", "net/tcp6"]
        .iter()
        .flat_map(|table| listening(&fs::read_to_string(proc.join(table)).unwrap_or_default(), port))
        .map(|inode| PathBuf::from(format!("socket:[{inode}]")))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    let processes =
        fs::read_dir(proc).ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holders: Vec<String> = processes
        .filter(|pid| holds(&proc.join(pid.to_string()).join("fd"), &sockets))
        .take(MAX_SHOWN)
        .map(|pid| if pid == own { "this very process".to_owned() } else { named(proc, pid) })
        .collect();
    (!holders.is_empty()).then(|| holders.join(", "))
}

/// The inodes of the sockets in `table` that listen on `port`.
fn listening(table: &str, port: u16) -> Vec<String> {
    let inode = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = columns.get(1)?.rsplit_once(':')?;
        let listens = *columns.get(3)? == LISTEN && u16::from_str_radix(local, 16).ok()? == port;
        listens.then(|| columns.get(9).map(|inode| (*inode).to_owned())).flatten()
    };
    table.lines().filter_map(inode).collect()
}

/// The files of another user's process cannot be read: then it is not told.
fn holds(files: &Path, sockets: &BTreeSet<PathBuf>) -> bool {
    let Ok(files) = fs::read_dir(files) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| sockets.contains(&target)))
}

fn named(proc: &Path, pid: u32) -> String {
    let name = fs::read_to_string(proc.join(pid.to_string()).join("comm")).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() { format!("process {pid}") } else { format!("process {pid} ({name})") }
}

/// The state of a socket that listens, in the kernel's numbers.
const LISTEN: &str = "0A";
const MAX_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(holder(port).as_deref(), Some("this very process"));
        drop(listener);
        assert_eq!(holder(port), None);
    }

    #[test]
    fn odd_tables_do_no_harm() {
        for table in ["", "sl local", "0: 0100007F:1F90 0:0 0A", "0: x:zz 0:0 0A 0 0 0 0 0 1"] {
            assert!(listening(table, 0x1F90).is_empty(), "{table}");
        }
        let line = "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1 0 100 0 0 10 0";
        assert_eq!(listening(line, 0x1F90), ["4711"]);
    }
}
