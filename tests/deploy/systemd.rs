//! Does systemd take the unit, and find it closed enough?

use std::process::Command;

use crate::project;
use crate::support::interop::skipped;

/// Tenths of the exposure that `systemd-analyze security` may find: 1.5 of 10.
const EXPOSURE: &str = "15";

#[test]
fn systemd_takes_the_unit_and_finds_little_exposure() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return skipped("systemd-analyze");
    }
    let directory = tempfile::tempdir().unwrap();
    let unit = directory.path().join("otlp-relay.service");
    let text = std::fs::read_to_string(project("deploy/systemd/otlp-relay.service")).unwrap();
    // The program must be there to be found in order.
    std::fs::write(&unit, text.replace("/usr/bin/otlp-relay", env!("CARGO_BIN_EXE_otlp-relay"))).unwrap();
    for arguments in [&["verify"][..], &["security", "--offline=true", "--threshold", EXPOSURE, "--no-pager"]] {
        let output = Command::new("systemd-analyze").args(arguments).arg(&unit).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{arguments:?}: {said}");
        // It looks at other units of the machine, too.
        let of_ours = said.lines().find(|line| arguments[0] == "verify" && line.contains("otlp-relay.service"));
        assert_eq!(of_ours, None, "{said}");
    }
}
