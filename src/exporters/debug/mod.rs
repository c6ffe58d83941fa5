//! The `debug` exporter: shows what passes, in the log or beside it, in the Collector's layouts (core: exporter/debugexporter).
//!
//! A summary line for each request and, unless the verbosity is basic, a second event whose message is a block of text.
//! The block is written while it is made, so that a large request is not held as text.

mod console;
mod detailed;
mod float;
mod normal;
mod sampling;
mod typed;
pub(super) mod value;

use std::sync::Arc;

use prost::DecodeError;

use crate::config;
use crate::failure::{Class, Failure};
use crate::flow::{Consume, Consumed, Next, Receipt};
use crate::ident::ComponentId;
use crate::payload::Payload;
use crate::signal::Signal;

pub use console::OpenProblem;

use console::Console;
use sampling::Sampler;
use typed::{Block, Request, Summary, title};

/// A debug exporter whose outputs are open.
pub struct Debug {
    id: Arc<ComponentId>,
    layout: Option<Layout>,
    sampling: (u64, Option<u64>),
    output: Output,
}

/// Where it shows what passes.
#[derive(Clone)]
enum Output {
    /// In the relay's log.
    Log,
    /// Beside it.
    Console(Arc<Console>),
}

impl Debug {
    /// The exporter called `id`.
    ///
    /// # Errors
    ///
    /// When one of its outputs cannot be opened.
    pub fn open(id: Arc<ComponentId>, settings: &config::Debug) -> Result<Debug, OpenProblem> {
        let config::Debug { verbosity, sampling_initial, sampling_thereafter, output, delivery: _ } = settings;
        let layout = match verbosity {
            config::Verbosity::Basic => None,
            config::Verbosity::Normal => Some(Layout::Normal),
            config::Verbosity::Detailed => Some(Layout::Detailed),
        };
        let output = match output {
            config::DebugOutput::InternalLogger => Output::Log,
            config::DebugOutput::Paths(paths) => Output::Console(Arc::new(Console::open(paths)?)),
        };
        Ok(Debug { id, layout, sampling: (*sampling_initial, *sampling_thereafter), output })
    }

    /// Its stage for `signal`, which samples for itself.
    pub fn stage(&self, signal: Signal) -> Next {
        let (initial, thereafter) = self.sampling;
        Arc::new(Stage {
            id: Arc::clone(&self.id),
            signal,
            layout: self.layout,
            sampler: Sampler::new(initial, thereafter),
            output: self.output.clone(),
        })
    }
}

struct Stage {
    id: Arc<ComponentId>,
    signal: Signal,
    layout: Option<Layout>,
    sampler: Sampler,
    output: Output,
}

/// How the block of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// One line for each item.
    Normal,
    /// Everything.
    Detailed,
}

impl Consume for Stage {
    fn consume(&self, payload: Payload) -> Consumed<'_> {
        Box::pin(async move {
            self.show(&payload)?;
            Ok(Receipt::delivered(Arc::clone(&self.id)))
        })
    }
}

impl Stage {
    /// The summary and the block are entries of their own, and each is sampled by its own text.
    fn show(&self, payload: &Payload) -> Result<(), Failure> {
        if self.sampler.shows(&title(self.signal)) {
            let summary = Summary::of(payload).map_err(unreadable)?;
            match &self.output {
                Output::Log => summary.log(&self.id, self.signal),
                Output::Console(console) => console.summary(&summary),
            }
        }
        if let Some(layout) = self.layout {
            let request = Request::decode(payload).map_err(unreadable)?;
            let block = Block { request: &request, layout };
            if self.sampler.shows(&block) {
                self.show_block(&block);
            }
        }
        Ok(())
    }

    fn show_block(&self, block: &Block<'_>) {
        match &self.output {
            Output::Log => tracing::info!(exporter = %self.id, data_type = self.signal.name(), "{block}"),
            Output::Console(console) => console.block(block),
        }
    }
}

fn unreadable(error: DecodeError) -> Failure {
    Failure::new(Class::InvalidData, "the request cannot be decoded to be shown").because(error)
}
