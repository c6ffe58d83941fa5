//! What outlives a configuration: counters, delivery chains with their queues, the memory budget, the instance's name,
//! the threads and the tasks on them.

use std::io;
use std::sync::Arc;

use crate::flow::{Lifetime, Workers};
use crate::payload::Budget;
use crate::pipeline::{Chains, Tools};
use crate::telemetry::{Registry, Service, Watch};
use crate::units::ByteCount;

/// Everything that a configuration does not own; a build borrows it. Listeners belong here, too: see `doors` and `admin`.
pub(super) struct Holdings {
    /// Counters and totals.
    pub(super) watch: Watch,
    /// The chains of the configuration that runs, with their queues and the states of their exporters.
    pub(super) chains: Chains,
    /// The bound on bytes held in memory.
    pub(super) budget: Arc<Budget>,
    /// `service.instance.id`, new with each start: a relay knows its own exports by it.
    pub(super) instance: Arc<str>,
    /// The life of every task.
    pub(super) lifetime: Lifetime,
    /// The threads that carry data.
    pub(super) workers: Workers,
}

impl Holdings {
    /// Holdings of a relay that has just started.
    pub(super) fn new(memory: ByteCount) -> io::Result<Holdings> {
        let instance: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let registry = Registry::new();
        registry.describe_process(Service {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            instance: &instance,
        });
        Ok(Holdings {
            watch: Watch::new(registry),
            chains: Chains::default(),
            budget: Budget::new(memory),
            instance,
            lifetime: Lifetime::new(),
            workers: Workers::start()?,
        })
    }

    /// What a build borrows.
    pub(super) fn tools(&self) -> Tools<'_> {
        Tools {
            watch: &self.watch,
            chains: &self.chains,
            budget: &self.budget,
            instance: &self.instance,
            lifetime: &self.lifetime,
        }
    }
}
