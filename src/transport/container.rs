//! Whether this process runs inside a container, where the loopback addresses are the container's own.

use std::env;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// What is around this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A pod of Kubernetes; its containers share their loopback addresses.
    Pod,
    /// Any other container.
    Alone,
}

/// Where the signs of a container are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Signs<'a> {
    /// The root of the file system.
    pub root: &'a Path,
    /// What Kubernetes tells every container.
    pub kubernetes: Option<&'a str>,
}

/// The container that this process runs in, looked for once.
pub fn current() -> Option<Container> {
    static FOUND: OnceLock<Option<Container>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let kubernetes = env::var("KUBERNETES_SERVICE_HOST").ok();
        Container::look(Signs { root: Path::new("/"), kubernetes: kubernetes.as_deref() })
    })
}

impl Container {
    /// Reads `signs`: Kubernetes sets a variable, Docker and Podman leave a file each, and others show in the control
    /// group of the first process.
    pub fn look(signs: Signs<'_>) -> Option<Container> {
        if signs.kubernetes.is_some_and(|host| !host.is_empty()) {
            return Some(Container::Pod);
        }
        let marked = MARKS.iter().any(|mark| signs.root.join(mark).exists());
        let groups = fs::read_to_string(signs.root.join(GROUPS)).unwrap_or_default();
        if groups.contains("kubepods") {
            return Some(Container::Pod);
        }
        (marked || RUNTIMES.iter().any(|runtime| groups.contains(runtime))).then_some(Container::Alone)
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Container::Pod => "pod",
            Container::Alone => "container",
        })
    }
}

/// Of Docker and of Podman.
const MARKS: [&str; 2] = [".dockerenv", "run/.containerenv"];
const GROUPS: &str = "proc/1/cgroup";
const RUNTIMES: [&str; 4] = ["/docker", "/lxc/", "containerd", "libpod"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], kubernetes: Option<&str>, expected: Option<Container>) {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(Container::look(Signs { root: root.path(), kubernetes }), expected, "{files:?}");
    }

    #[test]
    fn a_container_is_known_by_its_signs() {
        check(&[], None, None);
        check(&[("proc/1/cgroup", "0::/init.scope\n")], Some(""), None);
        check(&[(".dockerenv", "")], None, Some(Container::Alone));
        check(&[("run/.containerenv", "")], None, Some(Container::Alone));
        check(&[("proc/1/cgroup", "9:cpu:/docker/0a1b\n")], None, Some(Container::Alone));
        check(&[("proc/1/cgroup", "0::/kubepods/besteffort/x\n")], None, Some(Container::Pod));
        check(&[(".dockerenv", "")], Some("10.0.0.1"), Some(Container::Pod));
    }
}
