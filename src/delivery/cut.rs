//! How a batch that is larger than one request may be is cut into requests.

use crate::payload::Limit;

use super::lease::Part;

/// Whether `parts` fit one request.
pub(super) fn fits(parts: &[Part], limits: &[Limit]) -> bool {
    limits.iter().all(|limit| parts.iter().map(|part| part.payload.size(limit.sizer)).sum::<u64>() <= limit.max)
}

/// `parts` in pieces that keep all of `limits`, in order, each as full as can be. An item that exceeds a limit by itself
/// gets a piece of its own.
pub(super) fn cut(parts: Vec<Part>, limits: &[Limit]) -> Vec<Vec<Part>> {
    let mut pieces = Vec::new();
    let mut piece = Piece::new(limits);
    let mut pending = parts;
    pending.reverse();
    while let Some(part) = pending.pop() {
        match piece.room_for(&part) {
            None => piece.add(part),
            Some(room) => {
                let (head, tail) = part.split(room);
                if let Some(tail) = tail {
                    // The head is looked at again: there may be another limit.
                    pending.extend([tail, head]);
                    continue;
                }
                // It is one item: it begins a piece, and only there may it be too large.
                if !piece.parts.is_empty() {
                    pieces.push(piece.take());
                }
                piece.add(head);
            }
        }
        if piece.is_full() {
            pieces.push(piece.take());
        }
    }
    if !piece.parts.is_empty() {
        pieces.push(piece.take());
    }
    pieces
}

/// A request as it fills up.
struct Piece<'a> {
    limits: &'a [Limit],
    /// How much of each limit is used.
    used: Vec<u64>,
    parts: Vec<Part>,
}

impl<'a> Piece<'a> {
    fn new(limits: &'a [Limit]) -> Piece<'a> {
        Piece { limits, used: vec![0; limits.len()], parts: Vec::new() }
    }

    /// The limit to cut `part` by; nothing when it fits as it is.
    fn room_for(&self, part: &Part) -> Option<Limit> {
        let rooms = self
            .limits
            .iter()
            .zip(&self.used)
            .map(|(limit, used)| Limit { sizer: limit.sizer, max: limit.max.saturating_sub(*used).max(1) });
        rooms.into_iter().find(|room| room.max < part.payload.size(room.sizer))
    }

    fn add(&mut self, part: Part) {
        for (limit, used) in self.limits.iter().zip(&mut self.used) {
            *used = used.saturating_add(part.payload.size(limit.sizer));
        }
        self.parts.push(part);
    }

    fn is_full(&self) -> bool {
        self.limits.iter().zip(&self.used).any(|(limit, used)| limit.max <= *used)
    }

    fn take(&mut self) -> Vec<Part> {
        self.used.fill(0);
        std::mem::take(&mut self.parts)
    }
}
