//! A message that a cut goes through: its header, kept aside, and what is left of its units.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::count::role;
use crate::payload::chunk::{Chunk, concatenate};
use crate::payload::schema::{MessageType, Role};
use crate::payload::wire::{fields, prefix_len, put_prefix};

/// An open message. A unit is a field that has items in it or is one; of the request, any field.
#[derive(Clone, Debug)]
pub(in crate::payload) struct Level {
    /// What it is.
    pub(super) message: MessageType,
    /// The field of the message around that it is the value of; there is none around the request.
    number: Option<u32>,
    /// Every field that is no unit.
    header: Bytes,
    /// Runs of units.
    runs: VecDeque<Chunk>,
    /// How much of the first run was taken, but not yet moved away.
    taken: usize,
}

/// The unit at the front of what is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// Its field number.
    pub(super) number: u32,
    /// How many bytes it has.
    pub(super) len: usize,
    /// Where its content begins in them.
    content: usize,
}

impl Level {
    /// The request, of which each of `runs` is whole fields.
    pub(in crate::payload) fn request(message: MessageType, runs: impl Iterator<Item = Chunk>) -> Level {
        let runs = runs.filter(|run| 0 < run.len()).collect();
        Level { message, number: None, header: Bytes::new(), runs, taken: 0 }
    }

    /// The bytes before the units of the innermost of `levels`: prefixes and headers.
    pub(in crate::payload) fn lead(levels: &[Level]) -> Bytes {
        let mut lens = Vec::with_capacity(levels.len());
        let mut inner = 0;
        for level in levels.iter().rev() {
            inner += level.runs.iter().map(|run| run.len() as u64).sum::<u64>();
            lens.push(inner);
            inner = level.field_len(inner);
        }
        let mut lead = Vec::new();
        for (level, inner) in levels.iter().zip(lens.into_iter().rev()) {
            level.put_start(&mut lead, inner);
        }
        lead.shrink_to_fit();
        lead.into()
    }

    /// What is left of it.
    pub(in crate::payload) fn runs(&self) -> impl Iterator<Item = &Chunk> {
        self.runs.iter()
    }

    /// What is left of it.
    pub(in crate::payload) fn runs_mut(&mut self) -> impl Iterator<Item = &mut Chunk> {
        self.runs.iter_mut()
    }

    /// What is left of it.
    pub(in crate::payload) fn into_runs(self) -> impl Iterator<Item = Chunk> {
        self.runs.into_iter()
    }

    /// How many bytes its header has.
    pub(in crate::payload) fn header_len(&self) -> u64 {
        self.header.len() as u64
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The first unit that is left of the first run.
    pub(super) fn next_unit(&self) -> Option<Unit> {
        let run = self.runs.front()?;
        let field = fields(run.bytes.get(self.taken..)?).next()?;
        let len = field.whole.len();
        Some(Unit { number: field.number, len, content: len - field.content.len() })
    }

    /// What is in the first unit.
    pub(super) fn content(&self, unit: &Unit) -> &[u8] {
        let run = self.runs.front().map_or(&[][..], |run| &run.bytes);
        run.get(self.taken + unit.content..self.taken + unit.len).unwrap_or_default()
    }

    /// Takes the first unit.
    pub(super) fn take(&mut self, unit: &Unit) {
        self.taken += unit.len;
    }

    /// Moves away what was taken.
    pub(super) fn flush(&mut self) -> Option<Chunk> {
        let run = self.runs.front_mut()?;
        let taken = std::mem::take(&mut self.taken);
        let moved = run.slice(0..taken);
        run.advance(taken);
        if run.len() == 0 {
            self.runs.pop_front();
        }
        (0 < taken).then_some(moved)
    }

    /// Opens the first unit, which is a message; what was taken must have been moved away.
    pub(super) fn open(&mut self, unit: &Unit, message: MessageType) -> Option<Level> {
        let run = self.runs.front_mut()?;
        let content = run.slice(unit.content..unit.len);
        run.advance(unit.len);
        if run.len() == 0 {
            self.runs.pop_front();
        }
        let Sorted { header, runs } = sort(message, &content);
        Some(Level { message, number: Some(unit.number), header, runs, taken: 0 })
    }

    /// How long the field is with `inner` bytes of units.
    pub(super) fn field_len(&self, inner: u64) -> u64 {
        let content = self.header_len() + inner;
        self.number.map_or(inner, |number| prefix_len(number, content) as u64 + content)
    }

    /// What stands before `inner` bytes of units: the prefix and the header.
    pub(super) fn start(&self, inner: u64) -> Bytes {
        let mut start = Vec::new();
        self.put_start(&mut start, inner);
        start.into()
    }

    fn put_start(&self, out: &mut Vec<u8>, inner: u64) {
        if let Some(number) = self.number {
            put_prefix(out, number, self.header_len() + inner);
            out.extend_from_slice(&self.header);
        }
    }
}

/// The fields of a message, units apart from the rest.
struct Sorted {
    header: Bytes,
    runs: VecDeque<Chunk>,
}

fn sort(message: MessageType, content: &Chunk) -> Sorted {
    let mut header = Vec::new();
    let mut units = Ranges::default();
    let mut alone: Option<(u32, Vec<&[u8]>)> = None;
    let mut at = 0;
    for field in fields(&content.bytes) {
        let range = at..at + field.whole.len();
        at = range.end;
        match role(message, &field).0 {
            Role::Header => header.extend_from_slice(field.whole),
            Role::Leads | Role::Item => units.push(range),
            Role::LeadsAlone => {
                match &mut alone {
                    Some((number, contents)) if *number == field.number => contents.push(field.content),
                    _ => {
                        units = Ranges::default();
                        alone = Some((field.number, vec![field.content]));
                    }
                }
                units.push(range);
            }
        }
    }
    let runs = match alone {
        Some((number, contents)) if 1 < contents.len() => [merged(number, &contents)].into(),
        _ => units.of(content),
    };
    Sorted { header: header.into(), runs }
}

/// One field for several that protobuf merges: alternatives of one kind.
fn merged(number: u32, contents: &[&[u8]]) -> Chunk {
    let content = contents.concat();
    let mut field = Vec::with_capacity(prefix_len(number, content.len() as u64) + content.len());
    put_prefix(&mut field, number, content.len() as u64);
    field.extend_from_slice(&content);
    Chunk::whole(field.into())
}

/// Ascending ranges; those that touch are one.
#[derive(Default)]
struct Ranges(Vec<Range<usize>>);

impl Ranges {
    fn push(&mut self, range: Range<usize>) {
        match self.0.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.0.push(range),
        }
    }

    /// What they are of `content`; copied where there are too many to be chunks of a request.
    fn of(self, content: &Chunk) -> VecDeque<Chunk> {
        let runs: VecDeque<Chunk> = self.0.into_iter().map(|range| content.slice(range)).collect();
        if runs.len() <= MAX_RUNS {
            return runs;
        }
        [Chunk::whole(concatenate(runs.iter().map(|run| &run.bytes)))].into()
    }
}

/// Headers stand before or behind the units; only an odd encoder strews them among them.
const MAX_RUNS: usize = 8;
