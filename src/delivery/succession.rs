//! Who goes on with the exports of a chain whose exporter was configured anew.
//!
//! A reload that changes an exporter builds a new chain. What the old one holds stays in its queue and its consumers, and
//! each further try goes through the new chain's exporter: nothing is moved, drained or dropped.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use crate::flow::Next;

/// The successor of a chain, as soon as there is one.
#[derive(Default)]
pub(super) struct Succession {
    successor: OnceLock<Next>,
    named: CancellationToken,
}

impl Succession {
    /// From now on `successor` goes on. Only the first call counts.
    pub(super) fn name(&self, successor: Next) {
        if self.successor.set(successor).is_ok() {
            self.named.cancel();
        }
    }

    /// The successor, if there is one.
    pub(super) fn successor(&self) -> Option<&Next> {
        self.successor.get()
    }

    /// Ends when there is a successor.
    pub(super) async fn named(&self) {
        self.named.cancelled().await;
    }
}
