//! This machine: open files, ports, disks, memory, authorities, and whether it is a container.

use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::report::{Check, Part, Section, Trouble};
use crate::config::{ClientTls, Config, Exporter, LogOutput, MemoryLimit, Processor};
use crate::pipeline::Plan;
use crate::transport::tls::system_authorities;
use crate::units::ByteCount;

/// The section of this machine.
pub(super) fn section(config: &Config, plan: &Plan, machine: &Machine) -> Section {
    let mut checks = vec![open_files(plan, machine), ports(machine)];
    checks.extend(logs(config).iter().map(|directory| {
        with_room(Check::ok("disk", directory.display().to_string(), "the directory of the log"), directory)
    }));
    checks.push(memory(config, machine));
    checks.push(authorities(config));
    checks.push(container(machine));
    Section::new(Part::Local, "this machine", checks)
}

/// Each exporter needs sockets, and each client of a receiver one.
fn open_files(plan: &Plan, machine: &Machine) -> Check {
    let listens: usize = plan.receivers.iter().map(|receiver| receiver.listens.len()).sum();
    let need = (plan.chains.len() * FILES_PER_CHAIN + listens * FILES_PER_LISTENER) as u64 + FILES_OF_ITS_OWN;
    let Some(limit) = machine.open_files else {
        return Check::ok("open_files", "local", "open files: no limit");
    };
    let check = Check::ok("open_files", "local", format!("open files: {limit} allowed, about {need} wanted"));
    if need <= limit {
        return check;
    }
    let most = machine.open_files_at_most.map_or_else(|| "no limit".to_owned(), |most| most.to_string());
    let cause = format!("{limit} open files are few for this configuration with a few hundred clients (about {need})");
    let remedy =
        format!("raise the limit: ulimit -n {}, or LimitNOFILE= of the unit (hard limit: {most})", need.max(4096));
    check.but(Trouble::new(cause, remedy))
}

fn ports(machine: &Machine) -> Check {
    let Some((from, to)) = machine.ephemeral else {
        return Check::ok("ports", "local", "ports of outgoing connections: not known on this system");
    };
    let (count, waiting) = (u64::from(to.saturating_sub(from)) + 1, machine.waiting.unwrap_or(0));
    let text = format!("ports of outgoing connections: {from} to {to}, {waiting} of {count} in TIME_WAIT");
    let check = Check::ok("ports", "local", text);
    if waiting * 10 < count * 8 && FEW_PORTS <= count {
        return check;
    }
    let remedy = "widen net.ipv4.ip_local_port_range, and let whoever opens so many connections keep them";
    check.but(Trouble::new(format!("{waiting} of {count} ports are in TIME_WAIT"), remedy))
}

fn logs(config: &Config) -> Vec<PathBuf> {
    let logs = &config.telemetry.logs;
    let directory = |output: &LogOutput| match output {
        LogOutput::File(path) => path.parent().map(Path::to_owned),
        LogOutput::Stderr | LogOutput::Stdout => None,
    };
    let mut found: Vec<PathBuf> = logs.outputs.iter().chain(&logs.error_outputs).filter_map(directory).collect();
    found.sort();
    found.dedup();
    found
}

/// `check`, unless the disk of `directory` is almost full.
pub(super) fn with_room(check: Check, directory: &Path) -> Check {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(disk) = rustix::fs::statvfs(directory) else {
        let remedy = "check that the directory is there";
        return check.but(Trouble::new(format!("the disk of {} cannot be looked at", directory.display()), remedy));
    };
    let free = ByteCount(disk.f_bavail.saturating_mul(disk.f_frsize));
    let all = ByteCount(disk.f_blocks.saturating_mul(disk.f_frsize));
    let check = Check { description: format!("{}; {free} of {all} free on its disk", check.description), ..check };
    if all.0 / 10 <= free.0 || PLENTY <= free {
        return check;
    }
    check.but(Trouble::new(
        format!("the disk of {} is almost full: {free} left", directory.display()),
        "make room there",
    ))
}

/// A limiter that acts only when the kernel has killed the process is none.
fn memory(config: &Config, machine: &Machine) -> Check {
    let what = match machine.group_limit {
        Some(limit) => format!("memory: {limit} (the limit of the cgroup)"),
        None => format!("memory: {} (no limit of a cgroup)", machine.memory),
    };
    let used = |id| config.pipelines.values().any(|pipeline| pipeline.processors.contains(id));
    let limiters = config.processors.iter().filter(|(id, _)| used(id)).filter_map(|(id, processor)| match processor {
        Processor::MemoryLimiter(limiter) => Some((id, limiter.limit)),
        Processor::Batch(_) | Processor::Attributes(_) => None,
    });
    let mut told = Vec::new();
    for (id, limit) in limiters {
        let limit = match limit {
            MemoryLimit::Bytes(bytes) => bytes,
            MemoryLimit::Percent(percent) => ByteCount(machine.memory.0 / 100 * u64::from(percent)),
        };
        if machine.memory.0 / 10 * 9 < limit.0 {
            let cause = format!("processors::{id} acts from {limit} on, and there are only {}", machine.memory);
            let remedy = "lower limit_mib, or write limit_percentage: 80";
            return Check::ok("memory", format!("processors::{id}"), what).but(Trouble::new(cause, remedy));
        }
        told.push(format!("{id} acts from {limit} on"));
    }
    let told = if told.is_empty() { "no memory_limiter: the relay bounds itself".to_owned() } else { told.join(", ") };
    Check::ok("memory", "local", format!("{what}; {told}"))
}

/// An image from scratch has no authorities of its own.
fn authorities(config: &Config) -> Check {
    let wanted =
        |tls: Option<&ClientTls>| tls.is_some_and(|tls| !tls.skip_verify && (tls.ca.is_none() || tls.system_roots_too));
    let is_wanted = config.exporters.values().any(|exporter| match exporter {
        Exporter::OtlpGrpc(grpc) => wanted(grpc.tls.as_ref()),
        Exporter::OtlpHttp(http) => http.targets.values().any(|target| wanted(target.tls.as_ref())),
        Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => false,
    });
    match (system_authorities(), is_wanted) {
        (0, true) => {
            let cause = "this machine has no authorities of its own; Mozilla's, built in, are used";
            let remedy = "install ca-certificates, or name the authority in tls::ca_file";
            let check = Check::ok("authorities", "local", "certificate authorities of this machine");
            check.but(Trouble::new(cause, remedy))
        }
        (0, false) => Check::ok("authorities", "local", "certificate authorities: none here, and none needed"),
        (count, _) => Check::ok("authorities", "local", format!("certificate authorities of this machine: {count}")),
    }
}

fn container(machine: &Machine) -> Check {
    match machine.container {
        Some(container) => Check::ok(
            "container",
            "local",
            format!("this is inside a {container}: localhost is the {container} itself"),
        ),
        None => Check::ok("container", "local", "this is no container"),
    }
}

/// Connections of an exporter and signal, in all threads.
const FILES_PER_CHAIN: usize = 32;
/// Clients of a receiver's port.
const FILES_PER_LISTENER: usize = 256;
/// Log, runtimes, admin pages.
const FILES_OF_ITS_OWN: u64 = 64;
const FEW_PORTS: u64 = 1000;
/// A disk with so much is not almost full, however large it is.
const PLENTY: ByteCount = ByteCount::mib(10 << 10);
