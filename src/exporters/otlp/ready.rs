//! Exports whose messages are encoded already: for a generator of load, which must cost less than what it loads.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Backend;
use super::encode;
use super::stage::{Stage, Target};
use crate::attempt::Progress;
use crate::failure::Failure;
use crate::flow::Receipt;
use crate::signal::Signal;
use crate::transport::client::{Client, RequestBody};

/// Sends encoded messages of one signal as the exporter would send payloads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ready(Arc<Stage>);

impl Backend {
    /// What sends encoded messages of `signal`; nothing if the configuration says no place for it.
    pub fn ready(&self, signal: Signal) -> Option<Ready> {
        let (target, head) = self.ways.get(&signal)?;
        Some(Ready(Arc::new(Stage { target: Arc::clone(target), head: head.clone() })))
    }

    /// The same backend, reached over connections of its own.
    #[must_use]
    pub fn apart(&self) -> Backend {
        let mut made: BTreeMap<*const Client, Arc<Client>> = BTreeMap::new();
        let ways = self.ways.iter().map(|(signal, (target, head))| {
            // Signals share their connections as before.
            let client = made.entry(Arc::as_ptr(&target.client)).or_insert_with(|| Arc::new(target.client.apart()));
            let apart = Target { client: Arc::clone(client), ..Target::clone(target) };
            (*signal, (Arc::new(apart), head.clone()))
        });
        Backend { ways: ways.collect(), tls: self.tls.clone() }
    }
}

impl Ready {
    /// Makes one attempt to send `message`: a request of the signal in protobuf, or in JSON if that is what the exporter
    /// sends. It is compressed on the thread that asks. The receipt's attempt knows how many bytes were sent.
    ///
    /// # Errors
    /// What stopped it, as the exporter's stage would tell it. Nothing looks whether `message` is what it should be.
    pub async fn send(&self, message: Bytes) -> Result<Receipt, Failure> {
        let stage = &self.0;
        let progress = Progress::new();
        let export = Box::pin(async {
            let parts = encode::ready(message, stage.target.shape, stage.target.packing)?;
            stage.deliver(RequestBody::new(parts), None, &progress).await?.verdict
        });
        stage.conclude(export, &progress).await
    }
}
