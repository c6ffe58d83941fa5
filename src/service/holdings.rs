//! What outlives a configuration: counters, failure states, the memory budget, the instance's name, the threads.
//!
//! A build borrows these. Queues by (exporter, signal) and listeners by address belong here too, as soon as a
//! configuration can be replaced while the relay runs.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use crate::config::Resource;
use crate::flow::{Lifetime, Workers};
use crate::payload::Budget;
use crate::pipeline::{States, Tools};
use crate::telemetry::{Registry, Service, Watch};
use crate::units::ByteCount;

/// Everything that a configuration does not own.
pub(super) struct Holdings {
    /// Counters and totals.
    pub(super) watch: Watch,
    /// How each exporter fares, by exporter and signal.
    pub(super) states: States,
    /// The bound on bytes held in memory.
    pub(super) budget: Arc<Budget>,
    /// `service.instance.id`, new with each start: a relay knows its own exports by it.
    pub(super) instance: Arc<str>,
    /// The threads that carry data.
    pub(super) workers: Arc<Workers>,
}

impl Holdings {
    /// Holdings of a relay that has just started, calls itself `instance`, and describes itself as `resource` says.
    pub(super) fn new(memory: ByteCount, instance: Arc<str>, resource: &Resource) -> io::Result<Holdings> {
        let registry = Registry::new();
        registry.describe_process(&own_attributes(&instance, resource));
        Ok(Holdings {
            watch: Watch::new(registry),
            states: States::default(),
            budget: Budget::new(memory),
            instance,
            workers: Arc::new(Workers::start()?),
        })
    }

    /// What a build borrows.
    pub(super) fn tools<'a>(&'a mut self, lifetime: &'a Lifetime) -> Tools<'a> {
        Tools { watch: &self.watch, states: &mut self.states, budget: &self.budget, instance: &self.instance, lifetime }
    }
}

/// What the relay says of itself: its own attributes under those of `resource`.
pub(super) fn own_attributes(instance: &str, resource: &Resource) -> Vec<(String, Value)> {
    let service = Service { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), instance };
    service.attributes(&resource.attributes)
}
