//! Where are the programs of others that a test needs, as `tests/interop/install.sh` installs them?

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The script's exit code where a language or its package manager is missing.
const NO_TOOLCHAIN: i32 = 3;

/// What becomes of a test whose programs cannot be installed. It always says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It fails where `OTLP_RELAY_REQUIRE_INTEROP=1` is set, as in CI.
    FailsInCi,
    /// The same, unless it is the language that is missing.
    PassesWithoutToolchain,
    /// It passes: what it needs is not to be had on every system.
    Passes,
}

/// Why nothing was installed, and the script's exit code.
type Failure = (Option<i32>, String);
type Installation = OnceLock<Result<PathBuf, Failure>>;

/// Where `what` of the script is installed, which happens once. None, with a line that says so, where it cannot be.
pub fn installed(what: &'static str, absence: Absence) -> Option<PathBuf> {
    static PLACES: Mutex<BTreeMap<&str, Arc<Installation>>> = Mutex::new(BTreeMap::new());
    // The lock is free while something is installed, so that other things are at the same time.
    let place = PLACES.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default().clone();
    match place.get_or_init(|| install(what)) {
        Ok(place) => Some(place.clone()),
        Err((code, reason)) => {
            let fails = match absence {
                Absence::FailsInCi => true,
                Absence::PassesWithoutToolchain => *code != Some(NO_TOOLCHAIN),
                Absence::Passes => false,
            };
            let required = std::env::var_os("OTLP_RELAY_REQUIRE_INTEROP").is_some_and(|value| value == "1");
            assert!(!fails || !required, "{what} is required: {reason}");
            skipped(&format!("{what}: {reason}"));
            None
        }
    }
}

/// The program of a tool that takes minutes to build: only where `OTLP_RELAY_INTEROP_TOOLS=1` asks for such tools.
pub fn tool(what: &'static str) -> Option<PathBuf> {
    if std::env::var_os("OTLP_RELAY_INTEROP_TOOLS").is_none_or(|value| value != "1") {
        skipped(&format!("{what}: OTLP_RELAY_INTEROP_TOOLS=1 builds it"));
        return None;
    }
    installed(what, Absence::PassesWithoutToolchain).map(|place| place.join(what))
}

/// The program of a Collector that was built, or that `OTLP_RELAY_COLLECTOR` names.
pub fn collector() -> Option<PathBuf> {
    built("collector", "OTLP_RELAY_COLLECTOR")
}

/// The same of one that scrapes, and writes to Prometheus; `OTLP_RELAY_SCRAPER`.
pub fn scraping_collector() -> Option<PathBuf> {
    built("scraper", "OTLP_RELAY_SCRAPER")
}

/// What `install.sh WHAT` has built, or `variable` names.
fn built(what: &str, variable: &str) -> Option<PathBuf> {
    let program = std::env::var_os(variable).map(PathBuf::from);
    let program = program.unwrap_or_else(|| root().join(what).join("otelcol"));
    if program.exists() {
        return Some(program);
    }
    let program = program.display();
    skipped(&format!("a Collector: {program} is not there; tests/interop/install.sh {what} builds it"));
    None
}

/// Says that a test did not run. Past the capture of the test runner: it must not look like one that ran.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: a test that needs {reason}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory").join("interop")
}

fn install(what: &str) -> Result<PathBuf, Failure> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/install.sh");
    let output = Command::new("sh").arg(script).arg(what).arg(root()).output();
    let output = output.map_err(|error| (None, format!("cannot run the install script: {error}")))?;
    if output.status.success() {
        return Ok(root().join(what));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err((output.status.code(), format!("{}: {}", output.status, said.trim())))
}
