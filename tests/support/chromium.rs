//! How does a test look at a page as a person would? In a headless Chromium with a profile of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::cli::{Finished, Process};

/// A running browser. It is killed, by its process id, when it is dropped.
pub struct Chromium {
    process: Process,
    // Holds the profile. Dropped after the process.
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// The browser's program. None, after a word about why, where there is none: the test has to return then.
    ///
    /// `OTLP_RELAY_REQUIRE_INTEROP=1` has a missing browser installed, where the system's packages can be had.
    pub fn installed() -> Option<PathBuf> {
        static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let required = std::env::var_os("OTLP_RELAY_REQUIRE_INTEROP").is_some_and(|value| value == "1");
        match FOUND.get_or_init(|| find(if required { &[] } else { &["--find"] })) {
            Ok(program) => Some(program.clone()),
            Err(reason) => {
                // Past the capture of the test runner: a skipped test must not look like one that ran.
                let _ = writeln!(std::io::stderr(), "SKIPPED: a test in a browser: {reason}");
                None
            }
        }
    }

    /// Opens `url` in a browser of its own.
    pub fn open(program: &Path, url: &str) -> Chromium {
        Chromium::open_with(program, &[], url)
    }

    /// Opens `url` with more of Chromium's switches, such as `--dump-dom`.
    pub fn open_with(program: &Path, switches: &[&str], url: &str) -> Chromium {
        let profile = tempfile::tempdir().expect("a directory");
        let mut command = Command::new(program);
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        // Nothing but the page: no updates, no metrics, and no proxy for what is on this machine.
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.arg("--no-proxy-server").arg("--disable-extensions");
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.args(switches).arg(url);
        // Whatever it keeps beside its profile is kept there too.
        command.env("HOME", profile.path()).env("XDG_CONFIG_HOME", profile.path()).env("TMPDIR", profile.path());
        Chromium { process: Process::spawn("chromium", command), _profile: profile }
    }

    /// Waits for its end; fails the test when it takes longer than `limit`.
    pub async fn finish_within(self, limit: Duration) -> Finished {
        self.process.finish_within(limit).await
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn find(arguments: &[&str]) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/install.sh");
    let output = Command::new("sh").arg(script).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run the install script: {error}"))?;
    if output.status.success() {
        return Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
