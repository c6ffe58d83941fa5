//! What the configuration sees of the world: variables, files and the web, behind a trait so that tests can play it.

use std::io;
use std::path::Path;

/// The variables, files and pages that a configuration may be made of.
pub trait Environment {
    /// The value of the variable `name`; none when it is not set.
    fn var(&self, name: &str) -> Option<String>;
    /// Whether a file stands at `path`.
    fn exists(&self, path: &Path) -> bool;
    /// The bytes of the file at `path`.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The body that a GET of `url` is answered with. Whoever can, overrides this: nobody carries bytes down here.
    fn fetch(&self, url: &http::Uri) -> Result<Vec<u8>, FetchError> {
        let _ = url;
        Err(FetchError::Failed("nothing is fetched here".to_owned()))
    }
}

/// Why a page cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// It was answered with this status, which is not 200.
    Status(u16),
    /// There was no whole answer: why, for people.
    Failed(String),
}

/// The variables and files of this process; it fetches nothing.
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
