//! How records are read back, the oldest first, when there is room for them in memory.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use prost::Message;

use crate::interface::journal::{Damage, Entry};
use crate::payload::Payload;

use super::record::{self, Weight};
use super::scan::{Found, Scanner, Source};
use super::segment::{FIRST, Name, Part, Writer, add_frame};
use super::state::{Place, State, Unread};
use super::{Claim, Journal, Shared, Trouble, WINDOW};

/// A request that was read back.
pub struct Replayed {
    /// It.
    pub payload: Payload,
    /// The right to carry it.
    pub claim: Claim,
}

/// What came of reading.
#[derive(Default)]
pub struct Replay {
    /// In the order in which they were taken in.
    pub requests: Vec<Replayed>,
    /// Items of requests that were on disk and are not any more.
    pub lost_items: u64,
    /// What kept the reader from reading on.
    pub trouble: Option<Trouble>,
}

/// The records in a file of frames.
pub(super) struct Records<S> {
    scanner: Scanner<S>,
    /// The number of the last record: one that does not go beyond it is none.
    last: u64,
}

/// What is next in such a file.
pub(super) enum Next {
    /// A record: where it begins, itself, and where the next one does.
    Record(u64, Entry, u64),
    /// These bytes could not be read.
    Damage(Range<u64>),
    /// These last bytes were not written to their end.
    Torn(Range<u64>),
    End,
}

impl<S: Source> Records<S> {
    pub(super) fn new(scanner: Scanner<S>, last: u64) -> Records<S> {
        Records { scanner, last }
    }

    /// # Errors
    /// When the system cannot read the file.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        loop {
            match self.scanner.next()? {
                Found::Body(at, body) => {
                    // The first frame is no record.
                    let Some(entry) = record::read(body) else { continue };
                    // Neither is one that damage brought here from elsewhere.
                    if entry.offset != at || entry.sequence <= self.last {
                        return Ok(Next::Damage(at..self.scanner.at()));
                    }
                    self.last = entry.sequence;
                    return Ok(Next::Record(at, entry, self.scanner.at()));
                }
                Found::Damage(range) => return Ok(Next::Damage(range)),
                Found::Torn(range) => return Ok(Next::Torn(range)),
                Found::End => return Ok(Next::End),
            }
        }
    }
}

impl Journal {
    /// Reads the oldest requests that nobody carries, until they have `most` bytes together or there is no more room for
    /// them in memory. It blocks. Nothing when somebody else reads just now.
    pub fn read(&self, most: u64) -> Replay {
        let shared = &self.shared;
        if std::mem::replace(&mut shared.lock().reading, true) {
            return Replay::default();
        }
        let mut reader = Reader { shared, replay: Replay::default(), left: most };
        let outcome = reader.returned().and_then(|()| reader.onward());
        let mut replay = reader.replay;
        if let Err(error) = outcome {
            replay.trouble = Some(Trouble::of(&error, &shared.folder));
        }
        let mut state = shared.lock();
        state.reading = false;
        shared.freed(&state);
        drop(state);
        shared.totals.add_replayed(replay.requests.len() as u64);
        replay
    }
}

struct Reader<'a> {
    shared: &'a Arc<Shared>,
    replay: Replay,
    left: u64,
}

impl Reader<'_> {
    fn has_room(&self, state: &State) -> bool {
        self.left != 0 && state.window < WINDOW.0
    }

    /// Reads again what was claimed before and given up.
    fn returned(&mut self) -> io::Result<()> {
        loop {
            let (place, name, end) = {
                let mut state = self.shared.lock();
                if !self.has_room(&state) {
                    return Ok(());
                }
                let Some((_, place)) = state.returned.pop_first() else { return Ok(()) };
                let Some((name, end)) = state.segments.get(&place.segment).map(|segment| (segment.name, segment.end))
                else {
                    continue;
                };
                state.window += place.in_memory();
                (place, name, end)
            };
            // Whatever happens to it from here on, it is given back.
            let claim = self.shared.claim(place, 0);
            let file = File::open(name.path(&self.shared.folder, Part::Segment))?;
            let mut records = Records::new(Scanner::new(&file, name.marker, place.offset, end), place.sequence - 1);
            match records.next()? {
                Next::Record(at, entry, _) if at == place.offset && entry.sequence == place.sequence => {
                    self.hand_out(claim, entry);
                }
                _ => self.lose(claim),
            }
        }
    }

    /// Reads on from the cursor.
    fn onward(&mut self) -> io::Result<()> {
        while let Some((name, from, end, last)) = self.next_stretch() {
            let file = File::open(name.path(&self.shared.folder, Part::Segment))?;
            let mut records = Records::new(Scanner::new(&file, name.marker, from, end), last);
            loop {
                if !self.has_room(&self.shared.lock()) {
                    return Ok(());
                }
                match records.next()? {
                    Next::Record(offset, entry, next) => {
                        let (sequence, weight) = (entry.sequence, Weight::of(&entry));
                        let place = Place { segment: name.number, offset, sequence, weight };
                        let claimed = self.shared.lock().claim(&place, next);
                        if claimed {
                            let claim = self.shared.claim(place, entry.time_unix_nano);
                            self.hand_out(claim, entry);
                        }
                    }
                    Next::Damage(range) | Next::Torn(range) => self.damaged(&file, name, range),
                    Next::End => {
                        let mut state = self.shared.lock();
                        state.cursor = (name.number, end);
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// The segment at the cursor, from where to where it is to be read, and the number of the record before.
    fn next_stretch(&mut self) -> Option<(Name, u64, u64, u64)> {
        let mut state = self.shared.lock();
        loop {
            let (number, offset) = state.cursor;
            if let Some(segment) = state.segments.get(&number) {
                let (name, end) = (segment.name, segment.end);
                if offset < end {
                    return Some((name, offset, end, state.last_claimed));
                }
                let Unread { records, weight } = state.missed(number);
                if records != 0 {
                    self.replay.lost_items += weight.items;
                    self.shared.totals.note(&state);
                }
            }
            state.cursor = (state.after(number)?, FIRST);
        }
    }

    fn hand_out(&mut self, mut claim: Claim, entry: Entry) {
        claim.since = entry.time_unix_nano;
        self.left = self.left.saturating_sub(entry.body.len() as u64);
        let rules = &mut self.shared.rules.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match record::payload(self.shared.label.signal, entry, rules) {
            Ok(payload) => self.replay.requests.push(Replayed { payload, claim }),
            Err(_) => self.lose(claim),
        }
    }

    /// What is not there any more is done with.
    fn lose(&mut self, claim: Claim) {
        self.replay.lost_items += claim.items().0;
        claim.acknowledge();
    }

    /// Sets aside what cannot be read, unless that was done when the journal was opened.
    fn damaged(&mut self, file: &File, name: Name, range: Range<u64>) {
        let is_new =
            self.shared.lock().segments.get_mut(&name.number).is_some_and(|one| one.damaged.insert(range.start));
        if is_new {
            let folder = &self.shared.folder;
            self.shared.totals.add_quarantined(1);
            let set_aside = Writer::append(folder, name, Part::Damaged)
                .and_then(|mut writer| set_aside(file, &mut writer, range.clone()));
            say(folder, name, &range, &set_aside);
        }
    }
}

/// Copies the bytes of `range` into `writer`.
pub(super) fn set_aside(file: &File, writer: &mut Writer, range: Range<u64>) -> io::Result<()> {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
    let filled = Source::read_at(&file, &mut bytes, range.start)?;
    bytes.truncate(filled);
    let mut frame = Vec::new();
    let damage = Damage { offset: range.start, bytes };
    debug_assert!(damage.encoded_len() < u32::MAX as usize, "segments are small");
    add_frame(&mut frame, &writer.name.marker, &damage, [])?;
    writer.write(&frame)
}

/// Tells of damage.
pub(super) fn say(folder: &std::path::Path, name: Name, range: &Range<u64>, set_aside: &io::Result<()>) {
    let class = crate::failure::Class::StorageDamaged;
    let (segment, bytes) = (name.path(folder, Part::Segment), range.end - range.start);
    let kept = match set_aside {
        Ok(()) => format!("they were set aside in {}", name.path(folder, Part::Damaged).display()),
        Err(error) => format!("they could not be set aside: {error}"),
    };
    tracing::error!(
        %class,
        "{bytes} bytes of {} from byte {} on are damaged; {kept}; everything else goes on",
        segment.display(),
        range.start
    );
}
