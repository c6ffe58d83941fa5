//! Files that were set aside: how they are called, and which of them are removed. Names are those of the Collector's
//! exporter: `data-2022-09-14T05-02-14.173.json`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Rotation;
use crate::telemetry::clock::Moment;

/// Renames the file at `path` after the moment `now`, or the first one after it that no other file is named after.
pub(super) fn set_aside(path: &Path, now: Moment) -> io::Result<()> {
    let mut moment = now;
    let mut name = named(path, moment);
    while name.exists() {
        moment = Moment::from_unix_nanos(moment.unix_nanos().saturating_add(1_000_000));
        name = named(path, moment);
    }
    fs::rename(path, name)
}

/// Removes what is too old or too much. What cannot be removed stays, and is logged.
pub(super) fn prune(path: &Path, rotation: &Rotation, now: Moment) {
    let oldest =
        rotation.max_days.map(|days| stamp(now.before(DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX)))));
    let mut found = backups(path);
    // The newest first.
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    for (index, (moment, backup)) in found.iter().enumerate() {
        let too_many = rotation.max_backups.is_some_and(|most| most <= index);
        let too_old = oldest.as_ref().is_some_and(|oldest| moment < oldest);
        if !(too_many || too_old) {
            continue;
        }
        if let Err(error) = fs::remove_file(backup) {
            tracing::warn!(%error, file = %backup.display(), "an old file cannot be removed");
        }
    }
}

/// The files that were set aside, each with the moment in its name.
fn backups(path: &Path) -> Vec<(String, PathBuf)> {
    let (prefix, suffix) = ends(path);
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let backup = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let moment = name.strip_prefix(&prefix)?.strip_suffix(&suffix)?;
        is_stamp(moment).then(|| (moment.to_owned(), entry.path()))
    };
    entries.filter_map(backup).collect()
}

fn named(path: &Path, moment: Moment) -> PathBuf {
    let (prefix, suffix) = ends(path);
    path.with_file_name(format!("{prefix}{}{suffix}", stamp(moment)))
}

/// What stands before and behind the moment: `data-` and `.json`.
fn ends(path: &Path) -> (String, String) {
    let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let suffix = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    (format!("{}-", text(path.file_stem())), suffix)
}

/// `2022-09-14T05-02-14.173`, in UTC.
fn stamp(moment: Moment) -> String {
    moment.to_string().trim_end_matches('Z').replace(':', "-")
}

fn is_stamp(text: &str) -> bool {
    const SHAPE: &str = "0000-00-00T00-00-00.000";
    let alike = |(c, shape): (char, char)| if shape == '0' { c.is_ascii_digit() } else { c == shape };
    text.len() == SHAPE.len() && text.chars().zip(SHAPE.chars()).all(alike)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::units::ByteCount;

    fn day(day: u64) -> Moment {
        Moment::from_unix_nanos(day * 86_400_000_000_000)
    }

    #[test]
    fn a_file_is_set_aside_under_the_name_of_the_moment() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.json");
        for _ in 0..2 {
            fs::write(&path, "x").unwrap();
            set_aside(&path, Moment::from_unix_nanos(1_663_131_734_173_000_000)).unwrap();
        }
        for name in ["data-2022-09-14T05-02-14.173.json", "data-2022-09-14T05-02-14.174.json"] {
            assert!(directory.path().join(name).exists(), "{name}");
        }
        assert!(!path.exists());
    }

    #[track_caller]
    fn check_prune(max_days: Option<u64>, max_backups: Option<usize>, left: usize) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        for at in 10..15 {
            fs::write(&path, "x").unwrap();
            set_aside(&path, day(at)).unwrap();
        }
        fs::write(directory.path().join("data-mine"), "x").unwrap();
        prune(&path, &Rotation { max_size: ByteCount::mib(1), max_days, max_backups }, day(15));
        assert_eq!(backups(&path).len(), left);
        assert!(directory.path().join("data-mine").exists());
        assert!(left == 0 || named(&path, day(14)).exists());
    }

    #[test]
    fn the_oldest_files_are_removed() {
        check_prune(None, None, 5);
        check_prune(None, Some(2), 2);
        check_prune(Some(3), None, 3);
        check_prune(Some(3), Some(1), 1);
        check_prune(Some(u64::MAX), None, 5);
    }
}
