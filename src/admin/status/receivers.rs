//! What is shown of receivers and of the clients that err.

use crate::interface::diagnostics as shown;
use crate::signal::Signal;
use crate::telemetry::{ClientFault, Figures};

use super::ReceiverLayout;

pub(super) fn receiver(layout: &ReceiverLayout, figures: &Figures) -> shown::Receiver {
    let id = layout.id.to_string();
    let flow = |signal: &Signal| {
        let noun = signal.facts().metric_noun;
        let count = |what| figures.count(&format!("otelcol_receiver_{what}_{noun}"), &[("receiver", &id)]);
        shown::ReceiverFlow {
            signal: signal.name().to_owned(),
            accepted: count("accepted"),
            refused: count("refused"),
            per_second: None,
        }
    };
    let flows = layout.signals.iter().map(flow).collect();
    let listeners = layout.listeners.iter().map(|(protocol, address, security)| shown::Listener {
        protocol: (*protocol).to_owned(),
        address: address.clone(),
        security: (*security).to_owned(),
    });
    let listeners = listeners.collect();
    shown::Receiver { id, listeners, flows }
}

pub(super) fn client(fault: ClientFault) -> shown::Client {
    let ClientFault { client, protocol, class, cause, meaning, remedy, count, first, last } = fault;
    shown::Client {
        address: client.to_string(),
        protocol: protocol.to_owned(),
        class: class.to_owned(),
        cause,
        meaning: meaning.to_owned(),
        remedy,
        count,
        first_unix_nano: first.unix_nanos(),
        last_unix_nano: last.unix_nanos(),
    }
}
