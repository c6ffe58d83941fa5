//! The files of a journal: how they are named, and how frames come into them.
//!
//! ```text
//! 00000000000000000007-1f3a9c0d5e7b2468.v1.segment      what was taken in
//! 00000000000000000007-1f3a9c0d5e7b2468.v1.acks         what of it is done with
//! 00000000000000000007-1f3a9c0d5e7b2468.v1.damaged      what of it could not be read
//! ```
//!
//! A name holds what reading needs beside the frames themselves: the number of the segment, the marker that each body
//! begins with, and the version of the format. So no damage within a file can make the rest of it unreadable.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use prost::Message;

use crate::storage::frame::{self, HEADER, Kind};

use super::scan::Marker;

/// Which segment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) number: u64,
    pub(super) marker: Marker,
}

/// What kind of file stands beside a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Segment,
    Acks,
    Damaged,
}

/// What a file name in a journal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Known(Name, Part),
    /// A later version of the format.
    Newer,
    Foreign,
}

impl Name {
    /// A name that no segment had before.
    pub(super) fn fresh(number: u64) -> Name {
        let random = uuid::Uuid::new_v4();
        let mut marker = [0; 8];
        marker.iter_mut().zip(random.as_bytes().iter().rev()).for_each(|(to, from)| *to = *from);
        Name { number, marker }
    }

    pub(super) fn path(self, folder: &Path, part: Part) -> PathBuf {
        let marker = u64::from_be_bytes(self.marker);
        folder.join(format!("{:020}-{marker:016x}.v{VERSION}.{}", self.number, part.extension()))
    }

    pub(super) fn read(file_name: &str) -> Named {
        Name::parts(file_name).unwrap_or(Named::Foreign)
    }

    fn parts(file_name: &str) -> Option<Named> {
        let (stem, extension) = file_name.rsplit_once('.')?;
        let (stem, version) = stem.rsplit_once(".v")?;
        let (number, marker) = stem.split_once('-')?;
        let part = [Part::Segment, Part::Acks, Part::Damaged].into_iter().find(|part| part.extension() == extension)?;
        let version: u32 = version.parse().ok()?;
        if VERSION < version {
            return Some(Named::Newer);
        }
        let marker = u64::from_str_radix(marker, 16).ok().filter(|_| marker.len() == 16)?.to_be_bytes();
        Some(Named::Known(Name { number: number.parse().ok()?, marker }, part))
    }
}

impl Part {
    fn extension(self) -> &'static str {
        match self {
            Part::Segment => "segment",
            Part::Acks => "acks",
            Part::Damaged => "damaged",
        }
    }
}

/// A file that frames are added to.
pub(super) struct Writer {
    pub(super) name: Name,
    file: File,
    /// Behind the last frame that was written to its end.
    pub(super) end: u64,
}

impl Writer {
    /// Makes the file of `name`, with its header.
    ///
    /// # Errors
    /// When the system refuses; no file is left then, as far as it can be helped.
    pub(super) fn create(folder: &Path, name: Name, part: Part) -> io::Result<Writer> {
        let path = name.path(folder, part);
        let file = OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(&path)?;
        let mut writer = Writer { name, file, end: 0 };
        if let Err(error) = writer.write(&KIND.header()) {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(writer)
    }

    /// Opens the file of `name` to add to it; makes it where it is missing.
    pub(super) fn append(folder: &Path, name: Name, part: Part) -> io::Result<Writer> {
        match OpenOptions::new().write(true).open(name.path(folder, part)) {
            Ok(file) => {
                let end = file.metadata()?.len();
                Ok(Writer { name, file, end })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Writer::create(folder, name, part),
            Err(error) => Err(error),
        }
    }

    /// Adds `bytes`. What was written of them when that fails is written over next time.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(bytes, self.end) {
            // A full disk gets back what it gave in vain. What cannot be cut off is read as torn.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Waits until the disk has what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Adds a frame of `message`, and `tail` behind it, to `buffer`.
///
/// # Errors
/// When it is larger than a frame can be (4 GiB).
pub(super) fn add_frame<'a>(
    buffer: &mut Vec<u8>,
    marker: &Marker,
    message: &impl Message,
    tail: impl IntoIterator<Item = &'a [u8]>,
) -> io::Result<()> {
    let message = message.encode_to_vec();
    let mut parts: Vec<&[u8]> = vec![marker, &message];
    for part in tail {
        parts.push(part);
    }
    let head = frame::head(parts.iter().copied())
        .ok_or_else(|| io::Error::new(io::ErrorKind::FileTooLarge, "a request of more than 4 GiB"))?;
    buffer.extend_from_slice(&head);
    parts.iter().for_each(|part| buffer.extend_from_slice(part));
    Ok(())
}

/// Waits until the disk has the names of the files in `folder`.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Where the first frame begins.
pub(super) const FIRST: u64 = HEADER as u64;

pub(super) const VERSION: u32 = 1;

const KIND: Kind = Kind { magic: *b"otlpjnl\n", version: VERSION };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let name = Name::fresh(7);
        for part in [Part::Segment, Part::Acks, Part::Damaged] {
            let path = name.path(Path::new("/d"), part);
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            assert_eq!(Name::read(file), Named::Known(name, part));
        }
        assert_eq!(Name::read("00000000000000000007-1f3a9c0d5e7b2468.v2.segment"), Named::Newer);
        assert_eq!(Name::read("exporter_otlp_grpc__traces"), Named::Foreign);
        assert_eq!(Name::read("7-1f.v1.segment"), Named::Foreign);
    }
}
