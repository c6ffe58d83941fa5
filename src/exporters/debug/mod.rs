//! The `debug` exporter: shows in the log what passes, in the Collector's layouts (core: exporter/debugexporter).
//!
//! A summary line for each request and, unless the verbosity is basic, a second event whose message is a block of text.
//! The block is written while it is made, so that a large request is not held as text.

mod detailed;
mod float;
mod normal;
mod sampling;
mod typed;
mod value;

use std::sync::Arc;

use prost::DecodeError;

use crate::config;
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::signal::Signal;

use sampling::Sampler;
use typed::{Block, Request, log_summary};

/// The exporter called `id`, for `signal`. Sampling counts each signal for itself.
pub fn debug(id: Arc<ComponentId>, signal: Signal, settings: &config::Debug) -> Next {
    let layout = match settings.verbosity {
        config::Verbosity::Basic => None,
        config::Verbosity::Normal => Some(Layout::Normal),
        config::Verbosity::Detailed => Some(Layout::Detailed),
    };
    let sampler = Sampler::new(settings.sampling_initial, settings.sampling_thereafter);
    Arc::new(Debug { id, signal, layout, sampler })
}

struct Debug {
    id: Arc<ComponentId>,
    signal: Signal,
    layout: Option<Layout>,
    sampler: Sampler,
}

/// How the block of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// One line for each item.
    Normal,
    /// Everything.
    Detailed,
}

impl Consume for Debug {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            if self.sampler.shows() {
                self.show(&payload)?;
            }
            Ok(Receipt::delivered(Arc::clone(&self.id)))
        })
    }
}

impl Debug {
    fn show(&self, payload: &Payload) -> Result<(), Failure> {
        log_summary(payload, &self.id).map_err(unreadable)?;
        if let Some(layout) = self.layout {
            let request = Request::decode(payload).map_err(unreadable)?;
            let block = Block { request: &request, layout };
            tracing::info!(exporter = %self.id, data_type = self.signal.name(), "{block}");
        }
        Ok(())
    }
}

fn unreadable(error: DecodeError) -> Failure {
    Failure::new(Class::InvalidData, "the request cannot be decoded to be shown").because(error)
}
