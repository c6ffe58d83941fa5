//! What becomes of requests that are done with: a thread that notes them, and removes the files that are of no more use.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::interface::journal::Acknowledged;

use super::Sync;
use super::segment::{Name, Part, Writer, add_frame, sync_folder};

/// What the thread is told.
pub(super) enum Keep {
    /// A request of this segment is done with.
    Done(Name, u64),
    /// Nothing of this segment is needed any more.
    Remove(Name),
    /// Somebody waits until what was told before is on its way to the disk.
    Tell(oneshot::Sender<()>),
    /// Nobody will tell anything more.
    End,
}

/// Keeps notes of the journal in `folder` until it is told to end.
pub(super) fn run(folder: &Path, sync: Sync, notes: &Receiver<Keep>) {
    let mut keeper = Keeper { folder, sync, pending: BTreeMap::new(), files: HashMap::new(), waiting: Vec::new() };
    let mut goes_on = true;
    while goes_on {
        // What a full disk did not take is tried again.
        let wait = if keeper.pending.is_empty() { LONG } else { AGAIN };
        match notes.recv_timeout(wait) {
            Ok(first) => goes_on = keeper.take(first),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => goes_on = false,
        }
        while goes_on && let Ok(next) = notes.try_recv() {
            goes_on = keeper.take(next);
        }
        keeper.write();
        // Where the disk takes no notes, a crash costs duplicates: nobody waits for that to end.
        for waiting in keeper.waiting.drain(..) {
            // Who waited may have gone.
            let _ = waiting.send(());
        }
    }
}

struct Keeper<'a> {
    folder: &'a Path,
    sync: Sync,
    /// Requests that are done with and not noted yet, by the number of their segment.
    pending: BTreeMap<u64, (Name, Vec<u64>)>,
    files: HashMap<u64, Writer>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Keeper<'_> {
    /// Whether there is more to come.
    fn take(&mut self, note: Keep) -> bool {
        match note {
            Keep::Done(name, sequence) => {
                self.pending.entry(name.number).or_insert_with(|| (name, Vec::new())).1.push(sequence);
            }
            Keep::Remove(name) => {
                self.pending.remove(&name.number);
                self.files.remove(&name.number);
                if let Err(error) = remove(self.folder, name, self.sync) {
                    let journal = self.folder.display();
                    tracing::warn!(%journal, "a file of the durable queue cannot be removed: {error}");
                }
            }
            Keep::Tell(waiting) => self.waiting.push(waiting),
            Keep::End => return false,
        }
        true
    }

    fn write(&mut self) {
        for (number, (name, sequences)) in std::mem::take(&mut self.pending) {
            if self.note(name, &sequences).is_err() {
                self.files.remove(&number);
                self.pending.insert(number, (name, sequences));
            }
        }
        if MOST_FILES < self.files.len() {
            self.files.clear();
        }
    }

    fn note(&mut self, name: Name, sequences: &[u64]) -> io::Result<()> {
        let mut frame = Vec::new();
        add_frame(&mut frame, &name.marker, &Acknowledged { sequences: sequences.to_vec() }, [])?;
        if let Some(writer) = self.files.get_mut(&name.number) {
            return writer.write(&frame);
        }
        let mut writer = Writer::append(self.folder, name, Part::Acks)?;
        writer.write(&frame)?;
        self.files.insert(name.number, writer);
        Ok(())
    }
}

/// Removes a segment, and only then what says that it is done with.
pub(super) fn remove(folder: &Path, name: Name, sync: Sync) -> io::Result<()> {
    gone(std::fs::remove_file(name.path(folder, Part::Segment)))?;
    if sync == Sync::Always {
        sync_folder(folder)?;
    }
    gone(std::fs::remove_file(name.path(folder, Part::Acks)))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

const AGAIN: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3600);

/// Files that are held open.
const MOST_FILES: usize = 16;
