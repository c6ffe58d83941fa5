//! Which records of a file were sent again: noted beside it, one offset in each line, so that a second run sends the rest.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::storage::archive::REPLAYED;

/// The notes on one file.
#[derive(Debug)]
pub(super) struct Replayed {
    path: PathBuf,
    done: BTreeSet<u64>,
    file: Option<File>,
}

impl Replayed {
    /// What is noted of the file at `of`.
    pub(super) fn read(of: &Path) -> io::Result<Replayed> {
        let mut path = of.as_os_str().to_owned();
        path.push(".");
        path.push(REPLAYED);
        let path = PathBuf::from(path);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text?,
        };
        // The last line may be cut: its record is sent once more.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let done = whole.lines().filter_map(|line| line.parse().ok()).collect();
        Ok(Replayed { path, done, file: None })
    }

    pub(super) fn has(&self, offset: u64) -> bool {
        self.done.contains(&offset)
    }

    /// Notes that the record at `offset` was sent.
    pub(super) fn note(&mut self, offset: u64) -> io::Result<()> {
        if !self.done.insert(offset) {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
                self.file.insert(file)
            }
        };
        file.write_all(format!("{offset}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn what_was_noted_is_known_to_the_next_run_but_for_a_line_that_was_cut() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dead-1.otlprec");
        let mut notes = Replayed::read(&file).unwrap();
        assert!(!notes.has(12));
        notes.note(12).unwrap();
        notes.note(340).unwrap();
        let beside = directory.path().join("dead-1.otlprec.replayed");
        assert_eq!(fs::read_to_string(&beside).unwrap(), "12\n340\n");
        fs::write(&beside, "12\n34").unwrap();
        let notes = Replayed::read(&file).unwrap();
        assert!(notes.has(12) && !notes.has(340) && !notes.has(34));
    }
}
