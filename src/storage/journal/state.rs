//! What a journal knows of its records without reading them: how many wait in which segment, and which are done with.
//!
//! Of a record that waits on disk nothing is in memory but a bit, so that memory does not grow with the backlog.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::record::Weight;
use super::segment::Name;

/// Where a record lies, and what it counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) sequence: u64,
    pub(super) weight: Weight,
}

/// The records of one file.
pub(super) struct Segment {
    pub(super) name: Name,
    /// Behind the last frame that is known to be on disk.
    pub(super) end: u64,
    /// When its first record was taken in, in nanoseconds since 1970.
    pub(super) since: u64,
    /// The number of its first record.
    base: u64,
    /// A bit for each number from `base` on: whether it is done with.
    done: Vec<u64>,
    /// Records that are not done with.
    live: u64,
    /// Those of them that were not claimed yet.
    unread: Unread,
    /// Where damage begins that was set aside.
    pub(super) damaged: BTreeSet<u64>,
}

/// Records that wait on disk and that nobody has claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) records: u64,
    pub(super) weight: Weight,
}

/// All that is known of a journal.
#[derive(Default)]
pub(super) struct State {
    pub(super) segments: BTreeMap<u64, Segment>,
    /// The segment that is written to.
    pub(super) active: Option<u64>,
    /// The number of the next segment.
    pub(super) next_segment: u64,
    /// The number of the next record.
    pub(super) next_sequence: u64,
    /// Up to where records were claimed: a segment, and an offset in it.
    pub(super) cursor: (u64, u64),
    /// The number of the last record before the cursor.
    pub(super) last_claimed: u64,
    /// Beyond the cursor.
    pub(super) unread: Unread,
    /// Records before the cursor whose claims were given up, by their numbers.
    pub(super) returned: BTreeMap<u64, Place>,
    /// What everything that is not done with counts for, with what is just being written.
    pub(super) used: Weight,
    /// Records that are not done with.
    pub(super) live: u64,
    /// Bytes of bodies that are claimed, and so in memory.
    pub(super) window: u64,
    /// Somebody reads from the cursor on.
    pub(super) reading: bool,
    /// The active segment is being written to.
    pub(super) writing: bool,
    /// Ends when somebody else is to read.
    pub(super) turn: CancellationToken,
}

impl Place {
    /// Bytes of memory that the record takes while it is claimed.
    pub(super) fn in_memory(&self) -> u64 {
        self.weight.bytes.saturating_add(BESIDE_BODY)
    }
}

impl Segment {
    pub(super) fn new(name: Name, base: u64, end: u64, since: u64) -> Segment {
        Segment {
            name,
            end,
            since,
            base,
            done: Vec::new(),
            live: 0,
            unread: Unread::default(),
            damaged: BTreeSet::new(),
        }
    }

    pub(super) fn is_done(&self, sequence: u64) -> bool {
        let at = usize::try_from(sequence.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        self.done.get(at / 64).is_some_and(|bits| bits & (1 << (at % 64)) != 0)
    }

    /// Notes that it is done with; whether that is new.
    fn finish(&mut self, sequence: u64) -> bool {
        let at = usize::try_from(sequence.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        if MOST_RECORDS <= at || self.is_done(sequence) {
            return false;
        }
        if self.done.len() <= at / 64 {
            self.done.resize(at / 64 + 1, 0);
        }
        if let Some(bits) = self.done.get_mut(at / 64) {
            *bits |= 1 << (at % 64);
        }
        true
    }

    pub(super) fn live(&self) -> u64 {
        self.live
    }
}

impl Unread {
    fn add(&mut self, weight: Weight) {
        self.records += 1;
        self.weight = self.weight.plus(weight);
    }

    fn take(&mut self, other: Unread) {
        self.records = self.records.saturating_sub(other.records);
        self.weight = self.weight.minus(other.weight);
    }
}

impl State {
    /// A record that was just written behind all others, or found when the journal was opened. It is not claimed.
    pub(super) fn add(&mut self, place: Place) {
        if let Some(segment) = self.segments.get_mut(&place.segment) {
            segment.live += 1;
            segment.unread.add(place.weight);
            self.unread.add(place.weight);
            self.live += 1;
        }
    }

    /// Claims a record at the cursor, which goes on to `next`. False if it is done with.
    pub(super) fn claim(&mut self, place: &Place, next: u64) -> bool {
        self.cursor = (place.segment, next);
        self.last_claimed = place.sequence;
        let Some(segment) = self.segments.get_mut(&place.segment) else { return false };
        if segment.is_done(place.sequence) || segment.unread.records == 0 {
            return false;
        }
        let one = Unread { records: 1, weight: place.weight };
        segment.unread.take(one);
        self.unread.take(one);
        self.window += place.in_memory();
        true
    }

    /// The cursor has come to the end of `segment`: what should have been there and was not found is lost.
    pub(super) fn missed(&mut self, segment: u64) -> Unread {
        let Some(segment) = self.segments.get_mut(&segment) else { return Unread::default() };
        let missed = std::mem::take(&mut segment.unread);
        segment.live = segment.live.saturating_sub(missed.records);
        self.unread.take(missed);
        self.live = self.live.saturating_sub(missed.records);
        self.used = self.used.minus(missed.weight);
        missed
    }

    /// A claimed record is done with.
    pub(super) fn finish(&mut self, place: &Place) {
        self.window = self.window.saturating_sub(place.in_memory());
        let Some(segment) = self.segments.get_mut(&place.segment) else { return };
        if segment.finish(place.sequence) {
            segment.live = segment.live.saturating_sub(1);
            self.live = self.live.saturating_sub(1);
            self.used = self.used.minus(place.weight);
        }
    }

    /// A claim was given up: the record waits again, before those beyond the cursor.
    pub(super) fn give_back(&mut self, place: Place) {
        self.window = self.window.saturating_sub(place.in_memory());
        self.returned.insert(place.sequence, place);
    }

    /// A record that an earlier run was done with.
    pub(super) fn was_done(&mut self, segment: u64, sequence: u64) {
        if let Some(segment) = self.segments.get_mut(&segment) {
            segment.finish(sequence);
        }
    }

    /// Whether nothing waits before a record that is written now.
    pub(super) fn is_caught_up(&self) -> bool {
        self.unread.records == 0 && self.returned.is_empty() && !self.reading
    }

    /// The segment behind `number`.
    pub(super) fn after(&self, number: u64) -> Option<u64> {
        self.segments.range(number + 1..).next().map(|(number, _)| *number)
    }

    /// Takes out `number` if nothing in it is needed any more and nothing is written to it. An active segment is given up
    /// only when it has grown beyond `keep` bytes.
    pub(super) fn retire(&mut self, number: u64, keep: u64) -> Option<Name> {
        let segment = self.segments.get(&number)?;
        if segment.live != 0 || segment.unread.records != 0 {
            return None;
        }
        if self.active == Some(number) {
            if self.writing || segment.end <= keep {
                return None;
            }
            self.active = None;
        }
        // Whoever reads it goes on with the one behind it.
        self.segments.remove(&number).map(|segment| segment.name)
    }
}

/// What a claimed record takes beside its body: its payload's parts, its claim and its lease.
const BESIDE_BODY: u64 = 512;

/// More than a segment can hold: a number beyond it is damaged.
const MOST_RECORDS: usize = 1 << 26;
