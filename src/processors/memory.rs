//! How much memory this process may use, and how much it uses.

use std::fs;
use std::path::Path;

use crate::units::ByteCount;

/// Tells how much memory the process uses; nothing where that cannot be told.
pub type Measure = fn() -> Option<ByteCount>;

/// What this process may use at most: the smallest limit of its cgroups (v2 or v1), or the memory of the machine.
pub fn memory_available() -> ByteCount {
    available_under(Path::new("/"))
}

/// The memory of this process that is in RAM (`VmRSS` of `/proc/self/status`, Linux only). The allocator's count of live
/// bytes would be the better measure: this one goes down only when the allocator gives pages back.
pub fn resident_memory() -> Option<ByteCount> {
    read_kib(Path::new("/proc/self/status"), "VmRSS:")
}

fn available_under(root: &Path) -> ByteCount {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| group_limit(root, line));
    limits.chain(read_kib(&root.join("proc/meminfo"), "MemTotal:")).min().unwrap_or(ASSUMED)
}

/// The smallest limit on the way from a group to the root of its hierarchy. A line is `0::/path` (v2) or
/// `9:cpu,memory:/path` (v1); see `cgroups(7)`.
fn group_limit(root: &Path, line: &str) -> Option<ByteCount> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        v1 if v1.split(',').any(|name| name == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return None,
    };
    // In a container the path may be one of the host's: then only the root of the hierarchy is there to read.
    let path = Path::new(path.trim_start_matches('/'));
    path.ancestors().filter_map(|group| read_limit(&root.join(mount).join(group).join(file))).min()
}

/// `max` (v2) and the largest number of pages (v1) mean that there is no limit.
fn read_limit(file: &Path) -> Option<ByteCount> {
    let limit: u64 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (0 < limit && limit < UNLIMITED).then_some(ByteCount(limit))
}

/// The line `name:   n kB` of one of the kernel's tables.
fn read_kib(file: &Path, name: &str) -> Option<ByteCount> {
    let table = fs::read_to_string(file).ok()?;
    let line = table.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ByteCount(kib.saturating_mul(1024)))
}

/// Where nothing can be read, as on systems other than Linux.
const ASSUMED: ByteCount = ByteCount::mib(1024);

/// No machine has this much.
const UNLIMITED: u64 = 1 << 60;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:        4096 kB\nMemFree: 1 kB\n");

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: ByteCount) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(available_under(root.path()), expected, "{files:?}");
    }

    #[test]
    fn the_smallest_limit_of_the_group_and_those_around_it_holds() {
        check(
            &[
                MEMINFO,
                ("proc/self/cgroup", "0::/pod/relay\n"),
                ("sys/fs/cgroup/pod/relay/memory.max", "max\n"),
                ("sys/fs/cgroup/pod/memory.max", "65536\n"),
                ("sys/fs/cgroup/memory.max", "131072\n"),
            ],
            ByteCount(65536),
        );
    }

    #[test]
    fn a_hosts_path_inside_a_container_leads_to_the_containers_root() {
        let group = ("proc/self/cgroup", "0::/system.slice/docker-abc.scope\n");
        check(&[MEMINFO, group, ("sys/fs/cgroup/memory.max", "65536\n")], ByteCount(65536));
    }

    #[test]
    fn version_one_is_understood() {
        let group = ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n");
        check(&[MEMINFO, group, ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "65536\n")], ByteCount(65536));
        let unlimited = ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n");
        check(&[MEMINFO, group, unlimited], ByteCount::mib(4));
    }

    #[test]
    fn without_groups_the_machine_is_the_limit() {
        check(&[MEMINFO], ByteCount::mib(4));
        check(&[], ASSUMED);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory() {
        let resident = resident_memory().unwrap();
        assert!(ByteCount::mib(1) < resident && resident < memory_available(), "{resident}");
    }
}
