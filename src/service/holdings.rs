//! What outlives a configuration: counters, delivery chains with their queues, directories of journals, the memory budget, the instance's name,
//! the threads and the tasks on them.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use crate::config::Resource;
use crate::flow::{Lifetime, Workers};
use crate::memory::Pressure;
use crate::payload::Budget;
use crate::pipeline::{Chains, DumpSwitch, Tools};
use crate::storage::archive::Archives;
use crate::storage::journal::Directories;
use crate::telemetry::{Registry, Service, Watch};
use crate::units::ByteCount;

/// Everything that a configuration does not own; a build borrows it. Listeners belong here, too: see `doors` and `admin`.
pub(super) struct Holdings {
    /// Counters and totals.
    pub(super) watch: Watch,
    /// The chains of the configuration that runs, with their queues and the states of their exporters.
    pub(super) chains: Chains,
    /// The directories of durable queues.
    pub(super) directories: Directories,
    /// The directories that records are kept in.
    pub(super) archives: Archives,
    /// The debug dump.
    pub(super) dump: Arc<DumpSwitch>,
    /// The bound on bytes held in memory.
    pub(super) budget: Arc<Budget>,
    /// Whether memory is short.
    pub(super) pressure: Pressure,
    /// `service.instance.id`, new with each start: a relay knows its own exports by it.
    pub(super) instance: Arc<str>,
    /// The life of every task.
    pub(super) lifetime: Lifetime,
    /// The threads that carry data.
    pub(super) workers: Workers,
}

impl Holdings {
    /// Holdings of a relay that has just started and calls itself `instance`.
    pub(super) fn new(memory: ByteCount, instance: Arc<str>) -> io::Result<Holdings> {
        let registry = Registry::new();
        registry.describe_process();
        Ok(Holdings {
            archives: Archives::default(),
            dump: Arc::new(DumpSwitch::new(&registry)),
            watch: Watch::new(registry),
            chains: Chains::default(),
            directories: Directories::default(),
            budget: Budget::new(memory),
            pressure: Pressure::default(),
            instance,
            lifetime: Lifetime::new(),
            workers: Workers::start()?,
        })
    }

    /// From now on the relay describes itself as `resource` says.
    pub(super) fn describe(&self, resource: &Resource) {
        self.watch.registry.describe_target(&own_attributes(&self.instance, resource));
    }

    /// What a build borrows.
    pub(super) fn tools(&self) -> Tools<'_> {
        Tools {
            watch: &self.watch,
            chains: &self.chains,
            budget: &self.budget,
            pressure: &self.pressure,
            directories: &self.directories,
            archives: &self.archives,
            dump: &self.dump,
            instance: &self.instance,
            lifetime: &self.lifetime,
        }
    }
}

/// What the relay says of itself: its own attributes under those of `resource`.
pub(super) fn own_attributes(instance: &str, resource: &Resource) -> Vec<(String, Value)> {
    let service = Service { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), instance };
    service.attributes(&resource.attributes)
}

/// The attributes on each line of the log: only who gives the relay any wants to see them there.
pub(super) fn line_attributes(instance: &str, resource: &Resource) -> Vec<(String, Value)> {
    if resource.attributes.is_empty() { Vec::new() } else { own_attributes(instance, resource) }
}
