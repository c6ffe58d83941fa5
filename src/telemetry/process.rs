//! What the relay tells of its own process: who it is, how long it runs, what it uses.
//!
//! The Collector's `process_runtime_*` metrics are the Go heap's; here they are the allocator's, where it keeps count.
//! `process_memory_rss` is what an operator limits.

use std::fs;

use serde_json::Value;
use tokio::time::Instant;

use crate::flow;
use crate::memory::{self, Allocated};
use crate::units::ByteCount;

use super::registry::Registry;
use super::view::TARGET_INFO;

/// Who this process is, as its resource attributes say.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// `service.name`: the command's name.
    pub name: &'a str,
    /// `service.version`
    pub version: &'a str,
    /// `service.instance.id`: another one for each start.
    pub instance: &'a str,
}

impl Service<'_> {
    /// Its resource attributes with `written` ones over them; null takes one away.
    pub fn attributes(self, written: &[(String, Value)]) -> Vec<(String, Value)> {
        let own =
            [("service.name", self.name), ("service.version", self.version), ("service.instance.id", self.instance)];
        let mut attributes: Vec<(String, Value)> =
            own.map(|(name, value)| (name.to_owned(), Value::from(value))).into();
        for (name, value) in written {
            match attributes.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => old.clone_from(value),
                None => attributes.push((name.clone(), value.clone())),
            }
        }
        attributes.retain(|(_, value)| !value.is_null());
        attributes
    }
}

/// Sets `target_info`.
pub(super) fn describe(registry: &Registry, attributes: &[(String, Value)]) {
    let labels = attributes.iter().map(|(name, value)| (label(name), text(value)));
    registry.info(TARGET_INFO, "What this process is", labels.collect());
}

/// Adds the `otelcol_process_*` metrics. Uptime counts from now. CPU and memory are there only where /proc is.
pub(super) fn register(registry: &Registry) {
    let began = Instant::now();
    let uptime = move || began.elapsed().as_secs_f64();
    registry.counter_fn("otelcol_process_uptime", "Seconds since the relay started", &[], uptime);
    if cpu_seconds().is_some() {
        let read = || cpu_seconds().unwrap_or(f64::NAN);
        registry.counter_fn("otelcol_process_cpu_seconds", "Seconds of CPU used, by user and system", &[], read);
    }
    if resident_bytes().is_some() {
        let read = || resident_bytes().unwrap_or(f64::NAN);
        registry.gauge_fn("otelcol_process_memory_rss", "Bytes of memory resident in RAM", &[], read);
    }
    let panics = "Panics that were caught: each is a bug of the relay, and cost no more than what it happened in";
    registry.counter_fn("otelcol_relay_panics", panics, &[], || flow::panics() as f64);
    register_allocator(registry);
}

fn register_allocator(registry: &Registry) {
    let Some(allocator) = memory::allocator() else { return };
    let read = |of: fn(Allocated) -> ByteCount| move || allocator.allocated().map_or(f64::NAN, |all| of(all).0 as f64);
    let live = "Bytes of allocated objects";
    registry.gauge_fn("otelcol_process_runtime_heap_alloc_bytes", live, &[], read(|all| all.live));
    let mapped = "Bytes that the allocator has taken from the system";
    registry.gauge_fn("otelcol_process_runtime_total_sys_memory_bytes", mapped, &[], read(|all| all.mapped));
}

/// The name of an attribute as a label: dots and everything else that Prometheus does not take become underscores.
fn label(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let label: String = name.chars().map(fits).collect();
    if label.starts_with(|c: char| c.is_ascii_digit()) || label.is_empty() { format!("_{label}") } else { label }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The CPU time of this process in seconds, by user and system, in steps of 10 ms. Nothing where there is no /proc.
///
/// proc_pid_stat(5), fields 14 and 15. The command's name in field 2 may hold blanks, so counting begins behind it.
pub fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

/// proc_pid_status(5), in units of 1024 bytes whatever the page size.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib as f64 * 1024.0)
}

/// USER_HZ, which Linux shows to programs as 100 on every architecture that Rust has a std for.
const TICKS_PER_SECOND: f64 = 100.0;
