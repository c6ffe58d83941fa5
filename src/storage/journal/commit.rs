//! How requests come to disk: a thread that writes what has come since its last turn, and waits for the disk once.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::interface::journal::Opening;
use crate::payload::Payload;

use super::keep::Keep;
use super::record::{self, Weight};
use super::segment::{FIRST, Name, Part, Writer, add_frame, sync_folder};
use super::state::{Place, Segment};
use super::{Appended, Refused, Reservation, Shared, Sync, Trouble, WINDOW};

/// A request that is to be written.
pub(super) struct Commit {
    pub(super) payload: Payload,
    pub(super) reservation: Reservation,
    pub(super) answer: oneshot::Sender<Result<Appended, Refused>>,
}

/// Writes until nobody can send any more.
pub(super) fn run(shared: Arc<Shared>, commits: Receiver<Commit>) {
    let mut committer = Committer { shared, writer: None, buffer: Vec::new(), is_well: true };
    while let Ok(first) = commits.recv() {
        let mut size = first.payload.len().0;
        let mut batch = vec![first];
        while size < AT_ONCE
            && let Ok(next) = commits.try_recv()
        {
            size += next.payload.len().0;
            batch.push(next);
        }
        committer.commit(batch);
    }
}

struct Committer {
    shared: Arc<Shared>,
    writer: Option<Writer>,
    buffer: Vec<u8>,
    /// Whether the last write succeeded.
    is_well: bool,
}

/// A record that is on disk, and where the next one begins.
struct Written {
    place: Place,
    next: u64,
}

impl Committer {
    fn commit(&mut self, batch: Vec<Commit>) {
        let now = record::now();
        let outcome = self.write(&batch, now);
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BUFFER);
        match outcome {
            Ok(written) => {
                self.well();
                self.answer(batch, written, now);
            }
            Err(error) => {
                let trouble = Trouble::of(&error, &self.shared.folder);
                self.unwell(&trouble);
                self.shared.lock().writing = false;
                for Commit { reservation, answer, .. } in batch {
                    let refused = Refused { trouble: trouble.clone(), reservation: Some(reservation) };
                    // Its sender may have gone away.
                    let _ = answer.send(Err(refused));
                }
            }
        }
    }

    /// Writes `batch`, and waits for the disk.
    fn write(&mut self, batch: &[Commit], now: u64) -> io::Result<Vec<Written>> {
        let first = self.prepare(batch.len() as u64, now)?;
        let Some(writer) = &mut self.writer else { return Err(io::ErrorKind::NotFound.into()) };
        let (number, begin) = (writer.name.number, writer.end);
        let mut written = Vec::with_capacity(batch.len());
        for (Commit { payload, reservation, .. }, sequence) in batch.iter().zip(first..) {
            let weight = reservation.weight.unwrap_or_default();
            let offset = begin + self.buffer.len() as u64;
            let place = Place { segment: number, offset, sequence, weight };
            let head = record::head(payload, &place, now);
            let key = record::body_key(payload.len().0);
            let body = std::iter::once(&key[..]).chain(payload.chunks().iter().map(|chunk| &chunk[..]));
            add_frame(&mut self.buffer, &writer.name.marker, &head, body)?;
            let next = begin + self.buffer.len() as u64;
            written.push(Written { place, next });
        }
        writer.write(&self.buffer)?;
        if self.shared.sync == Sync::Always {
            let before = Instant::now();
            if let Err(error) = writer.sync() {
                // What the disk has of this file is not known any more: nothing is added to it.
                self.abandon();
                return Err(error);
            }
            self.shared.totals.synced(before.elapsed());
        }
        Ok(written)
    }

    /// Makes sure that there is a segment to write to; answers the number of the first of `count` records.
    fn prepare(&mut self, count: u64, now: u64) -> io::Result<u64> {
        let (number, sequence) = {
            let mut state = self.shared.lock();
            // Numbers are not used again even where writing fails: some of it may be on disk.
            let sequence = state.next_sequence;
            state.next_sequence += count;
            let usable = |writer: &&Writer| state.active == Some(writer.name.number) && writer.end < SEGMENT;
            if self.writer.as_ref().filter(usable).is_some() {
                state.writing = true;
                return Ok(sequence);
            }
            let number = state.next_segment;
            state.next_segment += 1;
            (number, sequence)
        };
        self.abandon();
        let writer = self.create(Name::fresh(number), now)?;
        let mut state = self.shared.lock();
        state.segments.insert(number, Segment::new(writer.name, sequence, writer.end, now));
        state.active = Some(number);
        state.writing = true;
        self.writer = Some(writer);
        Ok(sequence)
    }

    fn create(&mut self, name: Name, now: u64) -> io::Result<Writer> {
        let folder = &self.shared.folder;
        let mut writer = Writer::create(folder, name, Part::Segment)?;
        debug_assert_eq!(writer.end, FIRST, "the header is all there is");
        let label = &self.shared.label;
        let (exporter, signal) = (label.exporter.clone(), label.signal.name().to_owned());
        let mut opening = Vec::new();
        add_frame(&mut opening, &name.marker, &Opening { exporter, signal, time_unix_nano: now }, [])?;
        let begun = writer.write(&opening).and_then(|()| match self.shared.sync {
            Sync::Always => sync_folder(folder),
            Sync::Never => Ok(()),
        });
        if let Err(error) = begun {
            // An empty file on a full disk helps nobody.
            let _ = std::fs::remove_file(name.path(folder, Part::Segment));
            return Err(error);
        }
        Ok(writer)
    }

    /// Writes no more to the segment.
    fn abandon(&mut self) {
        let mut state = self.shared.lock();
        state.writing = false;
        let retired = state.active.take().and_then(|number| state.retire(number, 0));
        self.shared.totals.note(&state);
        if let Some(name) = retired {
            // The keeper is gone only when the journal is.
            let _ = self.shared.keeper.send(Keep::Remove(name));
        }
        drop(state);
        self.writer = None;
    }

    /// Tells the senders. Records before which nothing waits go straight on.
    fn answer(&mut self, batch: Vec<Commit>, written: Vec<Written>, now: u64) {
        let mut answers = Vec::with_capacity(batch.len());
        let mut state = self.shared.lock();
        state.writing = false;
        let mut waits = false;
        for (Commit { payload, reservation, answer }, Written { place, next }) in batch.into_iter().zip(written) {
            drop(payload);
            let Weight { items, .. } = reservation.spend();
            self.shared.totals.add_appended(items);
            let passes = state.is_caught_up() && (state.window == 0 || state.window + place.in_memory() <= WINDOW.0);
            if let Some(segment) = state.segments.get_mut(&place.segment) {
                segment.end = next;
            }
            state.add(place);
            let taken = passes && state.claim(&place, next);
            waits |= !taken;
            answers
                .push((answer, if taken { Appended::Taken(self.shared.claim(place, now)) } else { Appended::Waits }));
        }
        self.shared.totals.note(&state);
        drop(state);
        for (answer, appended) in answers {
            // Whose sender has gone away: the claim is dropped, and the record waits.
            let _ = answer.send(Ok(appended));
        }
        if waits {
            self.shared.arrivals.notify_one();
        }
    }

    fn well(&mut self) {
        if !std::mem::replace(&mut self.is_well, true) {
            tracing::info!(journal = %self.shared.folder.display(), "the durable queue can be written again");
        }
    }

    /// Said once, until it is over: each refused request is counted and told to its sender.
    fn unwell(&mut self, trouble: &Trouble) {
        if std::mem::replace(&mut self.is_well, false) {
            let Trouble { class, what } = trouble;
            tracing::error!(%class, "the durable queue cannot be written: {what}; {}", class.row().remedy);
        }
    }
}

/// What is written in one piece, unless a single request is larger.
const AT_ONCE: u64 = 4 << 20;

/// A segment that is larger gets nothing more.
const SEGMENT: u64 = 32 << 20;

/// A segment in which nothing is needed any more is removed when it has grown beyond this, although it is written to.
pub(super) const GIVE_BACK: u64 = 1 << 20;

/// What the buffer keeps between two turns.
const KEPT_BUFFER: usize = 1 << 20;
