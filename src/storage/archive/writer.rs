//! How records get into the files of an archive, and which files give way.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::files::{self, Segment};
use super::read::{KIND, MAX_RECORD};
use super::{Durability, Fault, Terms, WhenFull};
use crate::storage::frame;
use crate::units::ByteCount;

/// Adds records to a directory. One at a time.
#[derive(Debug)]
pub(super) struct Writer {
    terms: Terms,
    open: Option<Open>,
    /// Bytes of the files that are complete.
    complete: u64,
    looked: Instant,
}

/// The file that grows.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    len: u64,
    began: Instant,
}

impl Writer {
    pub(super) fn open(terms: Terms) -> io::Result<Writer> {
        files::create_directory(&terms.directory)?;
        let mut writer = Writer { terms, open: None, complete: 0, looked: Instant::now() };
        writer.recount()?;
        writer.tidy();
        Ok(writer)
    }

    /// From now on by these terms.
    pub(super) fn keep_by(&mut self, terms: Terms) {
        self.terms = terms;
    }

    pub(super) fn append(&mut self, record: &[u8]) -> Result<ByteCount, Fault> {
        let head = frame::head([record]).filter(|_| record.len() <= MAX_RECORD);
        let size = (frame::OVERHEAD + record.len()) as u64;
        let max = self.terms.max_bytes.0;
        let (Some(head), true) = (head, frame::HEADER as u64 + size <= max) else {
            return Err(Fault::TooLarge { directory: self.terms.directory.clone(), size: ByteCount(size) });
        };
        self.turn_over(size);
        self.make_room(size)?;
        let mut bytes = Vec::with_capacity(frame::OVERHEAD + record.len());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(record);
        self.write(&bytes)?;
        Ok(ByteCount(size))
    }

    /// Lets files go that are too old.
    pub(super) fn tidy(&mut self) {
        let Some(max_age) = self.terms.max_age else { return };
        if self.open.as_ref().is_some_and(|open| max_age / SHARES <= open.began.elapsed()) {
            self.close();
        }
        let current = self.open.as_ref().map(|open| open.path.clone());
        let is_old = |segment: &Segment| {
            let age = SystemTime::now().duration_since(segment.written).unwrap_or_default();
            max_age < age && current.as_ref() != Some(&segment.path)
        };
        let old: Vec<Segment> = self.segments().unwrap_or_default().into_iter().filter(is_old).collect();
        for segment in old {
            self.remove(&segment);
        }
    }

    /// Leaves the file that is open when it has had its share.
    fn turn_over(&mut self, size: u64) {
        // Whoever has sent its records again deletes a file, even the one that is open: nothing may go there any more.
        if self.open.as_ref().is_some_and(|open| open.file.metadata().is_ok_and(|file| file.nlink() == 0)) {
            self.open = None;
        }
        let share = self.terms.max_bytes.0 / u64::from(SHARES);
        let share = share.clamp(1, MAX_FILE);
        if self.open.as_ref().is_some_and(|open| share < open.len + size) {
            self.close();
        }
        if self.terms.max_age.is_some() && LOOK_AGAIN <= self.looked.elapsed() {
            self.looked = Instant::now();
            self.tidy();
        }
    }

    fn make_room(&mut self, size: u64) -> Result<(), Fault> {
        if self.fits(size) {
            return Ok(());
        }
        // Files may have been taken away, or added by another process.
        let _ = self.recount();
        if self.terms.when_full == WhenFull::DeleteOldest && !self.fits(size) {
            self.close();
            for segment in self.segments().unwrap_or_default() {
                if self.fits(size) {
                    break;
                }
                self.remove(&segment);
            }
        }
        match self.fits(size) {
            true => Ok(()),
            false => Err(Fault::Full { directory: self.terms.directory.clone(), max_bytes: self.terms.max_bytes }),
        }
    }

    fn fits(&self, size: u64) -> bool {
        let open = self.open.as_ref().map_or(frame::HEADER as u64, |open| open.len);
        self.complete + open + size <= self.terms.max_bytes.0
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let durability = self.terms.durability;
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let opened = Open::create(&self.terms);
                let fault = |error| Fault::Io { path: self.terms.directory.clone(), error };
                self.open.insert(opened.map_err(fault)?)
            }
        };
        match open.write(bytes, durability) {
            Ok(()) => Ok(()),
            Err(error) => {
                let path = open.path.clone();
                // What was written in part is taken back; where even that fails, readers skip it.
                let _ = open.file.set_len(open.len);
                self.close();
                Err(Fault::Io { path, error })
            }
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        match open.len <= frame::HEADER as u64 {
            // Nothing but its header: it would only be in the way.
            true => drop(files::remove(&open.path)),
            false => self.complete += open.len,
        }
    }

    fn recount(&mut self) -> io::Result<()> {
        let open = self.open.as_ref().map(|open| open.path.clone());
        let complete = self.segments()?.into_iter().filter(|segment| Some(&segment.path) != open.as_ref());
        self.complete = complete.map(|segment| segment.len).sum();
        Ok(())
    }

    fn segments(&self) -> io::Result<Vec<Segment>> {
        files::segments(&self.terms.directory, self.terms.prefix)
    }

    fn remove(&mut self, segment: &Segment) {
        if files::remove(&segment.path).is_ok() {
            self.complete = self.complete.saturating_sub(segment.len);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Open {
    fn create(terms: &Terms) -> io::Result<Open> {
        // Somebody may have cleared the directory away.
        files::create_directory(&terms.directory)?;
        let (path, file) = files::create(&terms.directory, terms.prefix)?;
        let mut open = Open { path, file, len: 0, began: Instant::now() };
        let header = KIND.header();
        if let Err(error) = open.write(&header, terms.durability).and_then(|()| sync_name(terms)) {
            // An empty file says nothing to anybody.
            let _ = files::remove(&open.path);
            return Err(error);
        }
        Ok(open)
    }

    fn write(&mut self, bytes: &[u8], durability: Durability) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if durability == Durability::Synced {
            self.file.sync_data()?;
        }
        self.len += bytes.len() as u64;
        Ok(())
    }
}

/// Makes the name of a new file as durable as what will be in it.
fn sync_name(terms: &Terms) -> io::Result<()> {
    let sync = |directory: &Path| File::open(directory)?.sync_all();
    match terms.durability {
        Durability::Synced => sync(&terms.directory),
        Durability::Written => Ok(()),
    }
}

/// A file takes at most this share of what all may take: so much goes at a time.
const SHARES: u32 = 8;
/// Readers take a file whole.
const MAX_FILE: u64 = 32 << 20;
/// How often old files are looked for while records come.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::fs;

    use super::super::read::{Found, Records};
    use super::*;

    const RECORD: usize = 1000;

    fn terms(directory: &Path, when_full: WhenFull) -> Terms {
        Terms {
            directory: directory.join("records"),
            prefix: "dump",
            max_bytes: ByteCount(20_000),
            max_age: None,
            when_full,
            durability: Durability::Written,
        }
    }

    /// A record that begins as each does, with its number behind that.
    fn record(number: u8) -> Vec<u8> {
        let mut record = vec![number; RECORD];
        record[0] = 9;
        record
    }

    fn kept(terms: &Terms) -> (Vec<u8>, u64) {
        let (mut numbers, mut len) = (Vec::new(), 0);
        for segment in files::segments(&terms.directory, terms.prefix).unwrap() {
            let bytes = fs::read(segment.path).unwrap();
            len += bytes.len() as u64;
            for found in Records::of(&bytes).unwrap() {
                let Found::Record { bytes, .. } = found else { panic!("{found:?}") };
                numbers.push(bytes[1]);
            }
        }
        (numbers, len)
    }

    #[test]
    fn the_newest_are_kept_where_the_oldest_give_way() {
        let directory = tempfile::tempdir().unwrap();
        let terms = terms(directory.path(), WhenFull::DeleteOldest);
        let mut writer = Writer::open(terms.clone()).unwrap();
        for number in 0..100 {
            writer.append(&record(number)).unwrap();
        }
        let (numbers, len) = kept(&terms);
        assert!(len <= 20_000, "{len}");
        assert!(15 <= numbers.len(), "{numbers:?}");
        assert_eq!(numbers, (100 - numbers.len() as u8..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_kept_stays_where_new_ones_are_refused_until_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let terms = terms(directory.path(), WhenFull::Refuse);
        let mut writer = Writer::open(terms.clone()).unwrap();
        let taken: Vec<u8> = (0..30).take_while(|number| writer.append(&record(*number)).is_ok()).collect();
        assert!(matches!(writer.append(&record(99)), Err(Fault::Full { .. })));
        assert_eq!(kept(&terms).0, taken);
        drop(writer);
        let mut writer = Writer::open(terms.clone()).unwrap();
        assert!(matches!(writer.append(&record(99)), Err(Fault::Full { .. })), "what was there before counts");
        let first = files::segments(&terms.directory, terms.prefix).unwrap().remove(0);
        fs::remove_file(first.path).unwrap();
        writer.append(&record(99)).unwrap();
        assert_eq!(kept(&terms).0.last(), Some(&99));
    }

    #[test]
    fn what_is_too_old_goes_when_it_is_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let old = Terms { max_age: Some(Duration::ZERO), ..terms(directory.path(), WhenFull::DeleteOldest) };
        let mut writer = Writer::open(old.clone()).unwrap();
        writer.append(&record(1)).unwrap();
        assert_eq!(kept(&old).0, [1]);
        writer.tidy();
        assert!(kept(&old).0.is_empty());
    }

    #[test]
    fn a_directory_that_was_cleared_away_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let terms = terms(directory.path(), WhenFull::Refuse);
        let mut writer = Writer::open(terms.clone()).unwrap();
        for number in [1, 2] {
            fs::remove_dir_all(&terms.directory).unwrap();
            writer.append(&record(number)).unwrap();
            assert_eq!(kept(&terms).0, [number], "not to a file that is gone");
        }
    }

    #[test]
    fn a_record_larger_than_the_bound_is_refused_alone() {
        let directory = tempfile::tempdir().unwrap();
        let terms = terms(directory.path(), WhenFull::DeleteOldest);
        let mut writer = Writer::open(terms.clone()).unwrap();
        writer.append(&record(1)).unwrap();
        assert!(matches!(writer.append(&vec![9; 30_000]), Err(Fault::TooLarge { .. })));
        assert_eq!(kept(&terms).0, [1]);
    }
}
