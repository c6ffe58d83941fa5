//! Which cgroup limits the memory of this process, and how much of it is used.

use std::fs;
use std::path::{Path, PathBuf};

use crate::units::ByteCount;

/// A memory cgroup with a limit: beyond it the kernel kills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    folder: PathBuf,
    files: &'static Files,
    pub(super) limit: ByteCount,
}

/// How the files of a version are called; see `cgroups(7)`.
#[derive(Debug, PartialEq, Eq)]
struct Files {
    mount: &'static str,
    limit: &'static str,
    used: &'static str,
    /// Of `memory.stat`: what the kernel drops before it kills.
    cache: &'static str,
}

impl Group {
    /// The group with the smallest limit among those of this process and the groups around them.
    pub(super) fn tightest(root: &Path) -> Option<Group> {
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        groups.lines().flat_map(|line| limited(root, line)).min_by_key(|group| group.limit)
    }

    /// What all processes of the group use, without cached files that are not in use.
    pub(super) fn used(&self) -> Option<ByteCount> {
        let used = read_number(&self.folder.join(self.files.used))?;
        let stat = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        let cache = stat.lines().find_map(|line| line.strip_prefix(self.files.cache)?.trim().parse().ok());
        Some(ByteCount(used.saturating_sub(cache.unwrap_or(0))))
    }
}

/// The groups with a limit on the way from a group to the root of its hierarchy. A line is `0::/path` (v2) or
/// `9:cpu,memory:/path` (v1).
fn limited(root: &Path, line: &str) -> Vec<Group> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { return Vec::new() };
    let files = match controllers {
        "" => &V2,
        v1 if v1.split(',').any(|name| name == "memory") => &V1,
        _ => return Vec::new(),
    };
    // In a container the path may be one of the host's: then only the root of the hierarchy is there to read.
    let path = Path::new(path.trim_start_matches('/'));
    let group = |group: &Path| {
        let folder = root.join(files.mount).join(group);
        // `max` (v2) and the largest number of pages (v1) mean that there is no limit.
        let limit = read_number(&folder.join(files.limit)).filter(|limit| 0 < *limit && *limit < UNLIMITED)?;
        Some(Group { folder, files, limit: ByteCount(limit) })
    };
    path.ancestors().filter_map(group).collect()
}

fn read_number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

static V2: Files =
    Files { mount: "sys/fs/cgroup", limit: "memory.max", used: "memory.current", cache: "inactive_file " };
static V1: Files = Files {
    mount: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cache: "total_inactive_file ",
};

/// No machine has this much.
const UNLIMITED: u64 = 1 << 60;
