//! Which files make an archive: their names, their order, and what lies beside them.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the name of a file has at its end that says which records of the file in front of it were sent again.
pub const REPLAYED: &str = "replayed";

const EXTENSION: &str = "otlprec";

/// A file of records, and its length in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) len: u64,
    pub(super) written: SystemTime,
}

/// The files of records at `path`, the oldest first: those of a directory, or the file itself.
///
/// # Errors
/// When there is nothing, or it cannot be read.
pub fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    Ok(segments(path, "")?.into_iter().map(|segment| segment.path).collect())
}

/// The files of `directory` whose names begin with `prefix`, the oldest first.
pub(super) fn segments(directory: &Path, prefix: &str) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix));
        if !is_ours || path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        // A file may go while the directory is read.
        let Ok(metadata) = entry.metadata() else { continue };
        let written = metadata.modified().unwrap_or(UNIX_EPOCH);
        found.push(Segment { path, len: metadata.len(), written });
    }
    found.sort_by(|a, b| age(&a.path).cmp(age(&b.path)).then_with(|| a.path.cmp(&b.path)));
    Ok(found)
}

/// What follows the prefix of a name: files of two kinds in one directory sort by age, too.
fn age(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split_once('-').map_or(name, |(_, rest)| rest)
}

/// A new, empty file. Its name sorts behind those of all files before it, however many there are in a millisecond.
pub(super) fn create(directory: &Path, prefix: &str) -> io::Result<(PathBuf, fs::File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let name = format!("{prefix}-{millis:014}-{}-{number:06}.{EXTENSION}", std::process::id());
    let path = directory.join(name);
    let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}

/// Makes `directory`, for this user alone, where it is missing.
pub(super) fn create_directory(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Removes a file, and what was noted beside it. Somebody may have done so already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".");
    beside.push(REPLAYED);
    // Most files have none.
    let _ = fs::remove_file(beside);
    Ok(())
}
