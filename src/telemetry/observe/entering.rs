//! What a receiver's requests came to: accepted, refused or failed.

use std::sync::Arc;

use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::protocol::Protocol;
use crate::signal::Signal;
use crate::units::Items;

use super::super::{Ledger, Watch};
use super::item_counter;
use crate::telemetry::series::Counter;

/// Counts what `receiver` hands on to `next`: `otelcol_receiver_accepted_*`, `_refused_*` and `_failed_*`, in items.
///
/// Refused is what the sender was not told to be accepted, whatever the reason; a request whose sender went away before
/// the answer is among it. Failed is the part that a bug of the relay's own refused.
pub fn entering(receiver: &ComponentId, transport: Protocol, signal: Signal, watch: &Watch, next: Next) -> Next {
    let receiver = receiver.to_string();
    let labels = [("receiver", receiver.as_str()), ("transport", transport.name())];
    let counter =
        |what, help| item_counter(&watch.registry, &format!("otelcol_receiver_{what}"), signal, help, &labels);
    Arc::new(Entering {
        accepted: counter("accepted", "Items that were taken in, as their senders were told"),
        refused: counter("refused", "Items that were not taken in: their senders were told so, or went away"),
        failed: counter("failed", "Items that were not taken in because of an error of the relay itself"),
        ledger: watch.ledger.clone(),
        next,
    })
}

struct Entering {
    accepted: Counter,
    refused: Counter,
    failed: Counter,
    ledger: Ledger,
    next: Next,
}

impl Consume for Entering {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        let pending = Pending { stage: self, items: payload.items() };
        Box::pin(async move {
            let outcome = self.next.consume(payload).await;
            pending.settle(&outcome);
            outcome
        })
    }

    fn is_open(&self) -> Result<(), Failure> {
        self.next.is_open()
    }
}

/// A request without an answer yet. Dropped without one, it counts as refused.
struct Pending<'a> {
    stage: &'a Entering,
    items: Items,
}

impl Pending<'_> {
    fn settle(mut self, outcome: &Result<Receipt, Failure>) {
        let Items(items) = std::mem::take(&mut self.items);
        match outcome {
            Ok(_) => {
                self.stage.accepted.add(items);
                self.stage.ledger.accepted.add(items);
            }
            Err(failure) if failure.class() == Class::Panicked => self.stage.failed.add(items),
            Err(_) => self.stage.refused.add(items),
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.items != Items::ZERO {
            self.stage.refused.add(self.items.0);
        }
    }
}
