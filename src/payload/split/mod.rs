//! A head of a request, and what is left of it: cut between two items.
//!
//! Both sides keep the headers (every field that holds no items, known or not) of the messages that the cut goes
//! through; other messages move as they are. Unknown fields of the request itself stay where they stand. A cut costs
//! what the head weighs, not what is left: messages that stay open keep their headers aside for the next cut.

mod count;
mod level;

pub(super) use level::Level;

use self::count::count;
use self::level::Unit;
use super::body::Body;
use super::chunk::{Chunk, coalesce, concatenate, rehome};
use super::rule::{Limit, Sizer};
use super::schema::{MessageType, Role};
use crate::units::Items;

/// A head of `body` within `limit`, or of one item, and how many items it has; and the rest if there is any.
pub(super) fn split(body: &Body, request: MessageType, limit: Limit) -> (Body, Items, Option<Body>) {
    let levels = body.levels(request);
    let taken = levels.iter().map(|_| Taken::default()).collect();
    let mut cut = Cut { levels, taken, limit, items: 0 };
    while cut.step() == Progress::Made {}
    let items = Items(cut.items);
    let (head, rest) = cut.finish();
    (head, items, rest)
}

/// A cut in progress. Both stacks have the request first.
struct Cut {
    /// What is left.
    levels: Vec<Level>,
    /// What the head has of each of them.
    taken: Vec<Taken>,
    limit: Limit,
    /// How many items the head has.
    items: u64,
}

/// What the head has of one message, but for its header.
#[derive(Default)]
struct Taken {
    parts: Vec<Chunk>,
    len: u64,
}

#[derive(PartialEq)]
enum Progress {
    Made,
    Full,
}

impl Cut {
    /// Looks at the next unit of the innermost open message: takes it, opens it, or finds the head full.
    fn step(&mut self) -> Progress {
        let Some(level) = self.levels.last() else { return Progress::Full };
        let Some(unit) = level.next_unit() else { return self.end_of_run() };
        match level.message.field(unit.number).map(|field| (field.role, field.kind.message())) {
            Some((Role::Item, _)) => self.offer(unit, 1),
            Some((Role::Leads | Role::LeadsAlone, Some(inner))) => self.offer_message(unit, inner),
            _ => self.offer(unit, 0),
        }
    }

    /// Offers a unit that cannot be opened, or need not be. The head has an item before anything is too large for it.
    fn offer(&mut self, unit: Unit, items: u64) -> Progress {
        if self.fits(unit, items) || self.items == 0 { self.take(unit, items) } else { Progress::Full }
    }

    fn offer_message(&mut self, unit: Unit, inner: MessageType) -> Progress {
        let enough = match self.limit.sizer {
            Sizer::Items => (self.limit.max.saturating_sub(self.items)).saturating_add(1),
            Sizer::Bytes if self.fits(unit, 0) => u64::MAX,
            Sizer::Bytes => 1,
        };
        let items = self.levels.last().map_or(0, |level| count(inner, level.content(&unit), enough));
        if items == 0 || self.fits(unit, items) {
            return self.offer(unit, items);
        }
        if enough == 1 && 0 < self.items && self.limit.sizer == Sizer::Items {
            return Progress::Full;
        }
        self.open(unit, inner)
    }

    /// Whether the head stays within the limit with `unit`.
    fn fits(&self, unit: Unit, items: u64) -> bool {
        match self.limit.sizer {
            Sizer::Items => self.items.saturating_add(items) <= self.limit.max,
            Sizer::Bytes => self.len_with(unit) <= self.limit.max,
        }
    }

    fn len_with(&self, unit: Unit) -> u64 {
        let levels = self.levels.iter().zip(&self.taken).rev();
        levels.fold(unit.len as u64, |inner, (level, taken)| level.field_len(taken.len + inner))
    }

    fn take(&mut self, unit: Unit, items: u64) -> Progress {
        self.items += items;
        if let (Some(level), Some(taken)) = (self.levels.last_mut(), self.taken.last_mut()) {
            level.take(&unit);
            taken.len += unit.len as u64;
        }
        Progress::Made
    }

    fn open(&mut self, unit: Unit, inner: MessageType) -> Progress {
        self.flush(self.levels.len() - 1);
        let opened = self.levels.last_mut().and_then(|level| level.open(&unit, inner));
        let Some(opened) = opened else { return Progress::Full };
        self.levels.push(opened);
        self.taken.push(Taken::default());
        Progress::Made
    }

    /// The innermost message has no more units in its first run: goes on to its next, or to the message around.
    fn end_of_run(&mut self) -> Progress {
        let innermost = self.levels.len() - 1;
        self.flush(innermost);
        if self.levels.last().is_some_and(|level| !level.is_empty()) {
            return Progress::Made;
        }
        if innermost == 0 {
            return Progress::Full;
        }
        self.close(innermost);
        self.levels.pop();
        self.taken.pop();
        Progress::Made
    }

    /// Moves what was taken of the first run at `depth` to the head.
    fn flush(&mut self, depth: usize) {
        if let (Some(level), Some(taken)) = (self.levels.get_mut(depth), self.taken.get_mut(depth)) {
            taken.parts.extend(level.flush());
        }
    }

    /// Makes one field of what the head has of the message at `depth`, and puts it into the message around.
    fn close(&mut self, depth: usize) {
        let Some([outer, inner]) = self.taken.get_mut(depth - 1..=depth) else { return };
        let Some(level) = self.levels.get(depth) else { return };
        if inner.len == 0 {
            return;
        }
        outer.len += level.field_len(inner.len);
        let start = Chunk::whole(level.start(inner.len));
        let parts = std::iter::once(start).chain(std::mem::take(&mut inner.parts));
        if depth == 1 {
            // Chunks of the request must be whole fields of it.
            let parts: Vec<Chunk> = parts.collect();
            outer.parts.push(Chunk::whole(concatenate(parts.iter().map(|part| &part.bytes))));
        } else {
            outer.parts.extend(parts);
        }
    }

    fn finish(mut self) -> (Body, Option<Body>) {
        for depth in (1..self.levels.len()).rev() {
            self.flush(depth);
            self.close(depth);
        }
        self.flush(0);
        let mut head = self.taken.into_iter().next().unwrap_or_default().parts;
        rehome(head.iter_mut());
        while self.levels.last().is_some_and(Level::is_empty) {
            self.levels.pop();
        }
        let rest = if self.levels.is_empty() { None } else { Some(Body::left(self.levels)) };
        (Body::aligned(coalesce(head)), rest)
    }
}
