//! What is measured: the process by its allocator, and the cgroup that it is in.

use std::path::{Path, PathBuf};

use crate::units::ByteCount;

use super::group::Group;
use super::{allocator, read_kib};

/// Memory that can be looked at.
pub trait Memory: Send + Sync {
    /// What the process may use at most.
    fn total(&self) -> ByteCount;

    /// What the cgroup may use at most, beyond which the kernel kills; nothing where there is no limit.
    fn group_limit(&self) -> Option<ByteCount>;

    /// What is used now.
    fn read(&self) -> Reading;

    /// Gives the system back what is free.
    fn release(&self);
}

/// What is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// By this process: live bytes, or where the allocator does not tell what is in RAM. Nothing where neither is known.
    pub process: Option<ByteCount>,
    /// By all processes of the cgroup, where that has a limit.
    pub group: Option<ByteCount>,
}

/// The memory of the machine or container that this process runs on.
#[derive(Debug)]
pub struct System {
    root: PathBuf,
    group: Option<Group>,
}

impl System {
    /// As it is now: which cgroup limits the process is not looked up again.
    pub fn here() -> System {
        System::under(Path::new("/"))
    }

    fn under(root: &Path) -> System {
        System { root: root.to_owned(), group: Group::tightest(root) }
    }
}

impl Memory for System {
    fn total(&self) -> ByteCount {
        let machine = read_kib(&self.root.join("proc/meminfo"), "MemTotal:");
        self.group_limit().into_iter().chain(machine).min().unwrap_or(ASSUMED)
    }

    fn group_limit(&self) -> Option<ByteCount> {
        self.group.as_ref().map(|group| group.limit)
    }

    fn read(&self) -> Reading {
        let live = allocator().and_then(|allocator| allocator.allocated()).map(|allocated| allocated.live);
        Reading {
            process: live.or_else(|| read_kib(&self.root.join("proc/self/status"), "VmRSS:")),
            group: self.group.as_ref().and_then(Group::used),
        }
    }

    fn release(&self) {
        if let Some(allocator) = allocator() {
            allocator.release();
        }
    }
}

/// Where nothing can be read, as on systems other than Linux.
const ASSUMED: ByteCount = ByteCount::mib(1024);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:        4096 kB\nMemFree: 1 kB\n");
    const STATUS: (&str, &str) = ("proc/self/status", "VmSize:     9 kB\nVmRSS:\t       8 kB\n");

    #[track_caller]
    fn check(files: &[(&str, &str)], total: ByteCount, reading: Reading) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let system = System::under(root.path());
        assert_eq!((system.total(), system.read()), (total, reading), "{files:?}");
    }

    #[test]
    fn the_smallest_limit_of_the_group_and_those_around_it_holds() {
        let group = Some(ByteCount(700));
        check(
            &[
                MEMINFO,
                ("proc/self/cgroup", "0::/pod/relay\n"),
                ("sys/fs/cgroup/pod/relay/memory.max", "max\n"),
                ("sys/fs/cgroup/pod/memory.max", "65536\n"),
                ("sys/fs/cgroup/pod/memory.current", "1000\n"),
                ("sys/fs/cgroup/pod/memory.stat", "active_file 50\ninactive_file 300\n"),
                ("sys/fs/cgroup/memory.max", "131072\n"),
            ],
            ByteCount(65536),
            Reading { process: None, group },
        );
    }

    #[test]
    fn a_hosts_path_inside_a_container_leads_to_the_containers_root() {
        let group = ("proc/self/cgroup", "0::/system.slice/docker-abc.scope\n");
        let limit = ("sys/fs/cgroup/memory.max", "65536\n");
        check(&[MEMINFO, group, limit], ByteCount(65536), Reading::default());
    }

    #[test]
    fn version_one_is_understood() {
        let group = ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n");
        let used = ("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "1000\n");
        let stat = ("sys/fs/cgroup/memory/x/memory.stat", "inactive_file 1\ntotal_inactive_file 400\n");
        let limit = ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "65536\n");
        let reading = Reading { process: None, group: Some(ByteCount(600)) };
        check(&[MEMINFO, group, used, stat, limit], ByteCount(65536), reading);
        let unlimited = ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n");
        check(&[MEMINFO, group, used, stat, unlimited], ByteCount::mib(4), Reading::default());
    }

    #[test]
    fn without_groups_the_machine_is_the_limit_and_the_process_is_measured() {
        check(&[MEMINFO, STATUS], ByteCount::mib(4), Reading { process: Some(ByteCount(8192)), group: None });
        check(&[], ASSUMED, Reading::default());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory() {
        let system = System::here();
        let used = system.read().process.unwrap();
        assert!(ByteCount::mib(1) < used && used < system.total(), "{used}");
    }
}
