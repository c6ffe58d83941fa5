//! What this process runs on: a container or not, its limits, and the files of the kernel that tell.

use std::fs;

use rustix::process::{Resource, getrlimit};

use crate::memory::{Memory, System};
use crate::transport::container::{self, Container};
use crate::units::ByteCount;

/// What is known of the machine.
pub(super) struct Machine {
    /// The container that this process runs in, if it runs in one.
    pub(super) container: Option<Container>,
    /// How many files this process may open now; none: no limit.
    pub(super) open_files: Option<u64>,
    /// How far that may be raised.
    pub(super) open_files_at_most: Option<u64>,
    /// The ports of outgoing connections, from and to.
    pub(super) ephemeral: Option<(u16, u16)>,
    /// Sockets that wait for late packets, and hold a port each.
    pub(super) waiting: Option<u64>,
    /// What this process may use at most.
    pub(super) memory: ByteCount,
    /// The limit of its cgroup, beyond which the kernel kills.
    pub(super) group_limit: Option<ByteCount>,
}

impl Machine {
    /// The one that this process runs on.
    pub(super) fn here() -> Machine {
        let limit = getrlimit(Resource::Nofile);
        let memory = System::here();
        Machine {
            container: container::current(),
            open_files: limit.current,
            open_files_at_most: limit.maximum,
            ephemeral: range(&read("/proc/sys/net/ipv4/ip_local_port_range")),
            waiting: time_wait(&read("/proc/net/sockstat")),
            memory: memory.total(),
            group_limit: memory.group_limit(),
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// `32768\t60999`
fn range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().filter_map(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// `TCP: inuse 8 orphan 0 tw 12 alloc 10 mem 3`
fn time_wait(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("TCP:"))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != "tw");
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        assert_eq!(range("32768\t60999\n"), Some((32768, 60999)));
        assert_eq!(range("much"), None);
        let sockets = "sockets: used 9\nTCP: inuse 8 orphan 0 tw 12 alloc 10 mem 3\n";
        assert_eq!(time_wait(sockets), Some(12));
        assert_eq!(time_wait("UDP: inuse 1"), None);
    }
}
