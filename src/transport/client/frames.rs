//! What an HTTP/2 peer says with GOAWAY, read passively from the bytes that pass: hyper tells nothing of a graceful one.
//!
//! RFC 9113, sections 4.1 and 6.8.

/// A GOAWAY frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GoAway {
    /// The error code; 0 is a graceful shutdown.
    pub(super) code: u32,
    /// What the peer adds, cut to a few bytes.
    pub(super) debug: Vec<u8>,
}

/// Follows the frames of a connection.
#[derive(Debug, Default)]
pub(super) struct FrameWalk {
    header: [u8; HEADER_LEN],
    header_len: usize,
    /// Bytes of the current frame's payload that are still to come.
    left: usize,
    goaway: Option<Vec<u8>>,
}

impl FrameWalk {
    /// Takes the next bytes of the connection; a GOAWAY that they complete.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Option<GoAway> {
        let mut seen = None;
        while !bytes.is_empty() {
            if 0 < self.left {
                let (payload, rest) = bytes.split_at(self.left.min(bytes.len()));
                self.left -= payload.len();
                if let Some(kept) = &mut self.goaway {
                    let room = KEPT_LEN.saturating_sub(kept.len());
                    kept.extend_from_slice(&payload[..room.min(payload.len())]);
                }
                bytes = rest;
            } else {
                let (part, rest) = bytes.split_at((HEADER_LEN - self.header_len).min(bytes.len()));
                self.header[self.header_len..self.header_len + part.len()].copy_from_slice(part);
                self.header_len += part.len();
                bytes = rest;
                if self.header_len == HEADER_LEN {
                    self.begin();
                }
            }
            if self.left == 0 && self.header_len == 0 {
                let goaway = self.goaway.take().and_then(|payload| GoAway::read(&payload));
                seen = GoAway::telling(seen, goaway);
            }
        }
        seen
    }

    fn begin(&mut self) {
        let [a, b, c, kind, ..] = self.header;
        self.left = u32::from_be_bytes([0, a, b, c]) as usize;
        self.header_len = 0;
        self.goaway = (kind == GOAWAY).then(Vec::new);
    }
}

impl GoAway {
    /// Of two of one connection the one that tells more: a graceful one before or behind it does not undo a reason.
    pub(super) fn telling(before: Option<GoAway>, next: Option<GoAway>) -> Option<GoAway> {
        match (before, next) {
            (Some(before), Some(next)) if before.code != 0 && next.code == 0 => Some(before),
            (before, next) => next.or(before),
        }
    }

    fn read(payload: &[u8]) -> Option<GoAway> {
        let code = payload.get(4..8)?;
        let code = u32::from_be_bytes(code.try_into().ok()?);
        Some(GoAway { code, debug: payload.get(8..).unwrap_or_default().to_vec() })
    }
}

const HEADER_LEN: usize = 9;
const KEPT_LEN: usize = 8 + DEBUG_LEN;
/// What is kept of what a peer adds.
pub(super) const DEBUG_LEN: usize = 64;
const GOAWAY: u8 = 7;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&len[1..], &[kind, 0, 0, 0, 0, 0], payload].concat()
    }

    proptest! {
        #[test]
        fn a_goaway_is_found_however_the_bytes_are_cut(
            before in prop::collection::vec((0..7u8, prop::collection::vec(any::<u8>(), 0..40)), 0..5),
            cuts in prop::collection::vec(1..20usize, 1..20),
        ) {
            let mut bytes: Vec<u8> = before.iter().flat_map(|(kind, payload)| frame(*kind, payload)).collect();
            bytes.extend(frame(GOAWAY, &[&[0, 0, 0, 1, 0, 0, 0, 11][..], b"too_many_pings"].concat()));
            let mut walk = FrameWalk::default();
            let mut cuts = cuts.into_iter().cycle();
            let mut seen = None;
            while !bytes.is_empty() {
                let rest = bytes.split_off(cuts.next().unwrap().min(bytes.len()));
                seen = walk.feed(&bytes).or(seen);
                bytes = rest;
            }
            prop_assert_eq!(seen, Some(GoAway { code: 11, debug: b"too_many_pings".to_vec() }));
        }

        #[test]
        fn a_reason_is_not_undone_by_a_graceful_goaway(cut in 1..60usize) {
            let goaway = |code| frame(GOAWAY, &[0, 0, 0, 1, 0, 0, 0, code]);
            for bytes in [[goaway(11), goaway(0)].concat(), [goaway(0), goaway(11)].concat()] {
                let mut walk = FrameWalk::default();
                let (head, rest) = bytes.split_at(cut.min(bytes.len()));
                let seen = GoAway::telling(walk.feed(head), walk.feed(rest));
                prop_assert_eq!(seen.map(|goaway| goaway.code), Some(11));
            }
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            FrameWalk::default().feed(&bytes);
        }
    }
}
