//! What this process runs on: a container or not, its limits, and the files of the kernel that tell.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use crate::config::Environment;
use crate::memory::{Memory, System};
use crate::units::ByteCount;

/// What is known of the machine.
pub(super) struct Machine {
    /// What says that this is a container; none where nothing does.
    pub(super) container: Option<&'static str>,
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
    pub(super) fn here(env: &dyn Environment) -> Machine {
        let limit = getrlimit(Resource::Nofile);
        let memory = System::here();
        Machine {
            container: container(env),
            open_files: limit.current,
            open_files_at_most: limit.maximum,
            ephemeral: range(&read("/proc/sys/net/ipv4/ip_local_port_range")),
            waiting: time_wait(&read("/proc/net/sockstat")),
            memory: memory.total(),
            group_limit: memory.group_limit(),
        }
    }
}

/// The marks that Docker, Podman and Kubernetes leave.
fn container(env: &dyn Environment) -> Option<&'static str> {
    if Path::new("/.dockerenv").exists() {
        return Some("/.dockerenv is there");
    }
    if Path::new("/run/.containerenv").exists() {
        return Some("/run/.containerenv is there");
    }
    if env.var("KUBERNETES_SERVICE_HOST").is_some() {
        return Some("KUBERNETES_SERVICE_HOST is set");
    }
    let group = read("/proc/1/cgroup");
    let marks = ["docker", "kubepods", "containerd", "libpod"];
    marks.iter().any(|mark| group.contains(mark)).then_some("the cgroup of process 1 is a container's")
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
