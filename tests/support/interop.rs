//! Where are the programs of others that a test needs, as `tests/interop/install.sh` installs them?

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// What becomes of a test whose programs cannot be installed. It always says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It fails where `OTLP_RELAY_REQUIRE_INTEROP=1` is set, as in CI.
    FailsInCi,
    /// It passes: what it needs is not to be had on every system.
    Passes,
}

/// Where `what` of the script is installed, which happens once. None, with a line that says so, where it cannot be.
pub fn installed(what: &'static str, absence: Absence) -> Option<PathBuf> {
    static PLACES: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    match places.entry(what).or_insert_with(|| install(what)) {
        Ok(place) => Some(place.clone()),
        Err(reason) => {
            let required = std::env::var_os("OTLP_RELAY_REQUIRE_INTEROP").is_some_and(|value| value == "1");
            assert!(absence == Absence::Passes || !required, "{what} is required: {reason}");
            skipped(&format!("{what}: {reason}"));
            None
        }
    }
}

/// Says that a test did not run. Past the capture of the test runner: it must not look like one that ran.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: a test that needs {reason}");
}

fn install(what: &str) -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory").join("interop");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/install.sh");
    let output = Command::new("sh").arg(script).arg(what).arg(&root).output();
    let output = output.map_err(|error| format!("cannot run the install script: {error}"))?;
    if output.status.success() {
        return Ok(root.join(what));
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}
