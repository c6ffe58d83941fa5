//! How much clients may send before it is read: large windows for those who come first, the least for a crowd.
//!
//! An HTTP/2 client may fill its windows at once, and what it sends waits in memory until its request is read, which
//! no budget of payloads counts. With a window of 2 MiB for each of 800 clients a receiver that may hold 48 MiB of
//! requests was seen to grow to 596 MiB. So the large windows are shared out, and the others get the smallest that
//! HTTP/2 has.

use std::sync::Arc;

use crate::payload::{Budget, Hold};
use crate::units::ByteCount;

/// The bytes that the connections of a listener may have unread, together.
#[derive(Debug)]
pub(super) struct Windows(Arc<Budget>);

/// The window of one connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Window {
    /// In bytes, of all its requests together.
    pub(super) size: u32,
    _hold: Option<Hold>,
}

impl Windows {
    /// Windows of `unread` together, beside the smallest ones.
    pub(super) fn new(unread: ByteCount) -> Windows {
        Windows(Budget::new(unread))
    }

    /// The largest window up to `most` that is left, by halves.
    pub(super) fn open(&self, most: u32) -> Window {
        let sizes = std::iter::successors(Some(most), |size| Some(size / 2)).take_while(|size| SMALLEST < *size);
        for size in sizes {
            if let Some(hold) = self.0.reserve(ByteCount(u64::from(size))) {
                return Window { size, _hold: Some(hold) };
            }
        }
        Window { size: most.min(SMALLEST), _hold: None }
    }
}

/// What every HTTP/2 connection has until it is told otherwise, and cannot be told to have less (RFC 9113, section 6.9.2).
const SMALLEST: u32 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_shrink_as_connections_come_and_grow_again_when_they_go() {
        let windows = Windows::new(ByteCount::mib(3));
        let mut open: Vec<Window> = (0..6).map(|_| windows.open(2 << 20)).collect();
        let sizes: Vec<u32> = open.iter().map(|window| window.size).collect();
        assert_eq!(sizes, [2 << 20, 1 << 20, SMALLEST, SMALLEST, SMALLEST, SMALLEST]);
        open.remove(0);
        assert_eq!(windows.open(2 << 20).size, 2 << 20);
    }

    #[test]
    fn windows_stay_within_their_bound_whatever_is_asked_for() {
        let windows = Windows::new(ByteCount(1_000_000));
        let open: Vec<Window> = [1, 70_000, u32::MAX, 300_000, 500_000].map(|most| windows.open(most)).into();
        let large: u64 = open.iter().filter(|window| SMALLEST < window.size).map(|window| u64::from(window.size)).sum();
        assert!(large <= 1_000_000, "{open:?}");
        assert_eq!(open[0].size, 1);
    }
}
