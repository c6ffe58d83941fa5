//! What the configuration sees of the world: variables and its own file, behind a trait so that tests can play it.

use std::io;
use std::path::Path;

/// The variables and files that a configuration may be made of.
pub trait Environment {
    /// The value of the variable `name`; none when it is not set.
    fn var(&self, name: &str) -> Option<String>;
    /// Whether a file stands at `path`.
    fn exists(&self, path: &Path) -> bool;
    /// The bytes of the file at `path`.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        // A value that is no UTF-8 cannot be part of a configuration; its bad bytes show up where it is used.
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn exists(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}
