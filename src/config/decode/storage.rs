//! Where durable queues are kept: the `file_storage` extension, with the contrib extension's keys, what a queue says of
//! its storage, and whether the two fit.

use std::time::Duration;

use crate::config::model::{Acknowledge, Config, Durable, Extension, FileStorage, Fsync, OnStorageFailure, Overflow};
use crate::config::problem::Problem;
use crate::config::reading::Reading;
use crate::config::section::{Rule, Section};
use crate::ident::ComponentId;

use super::file;

/// `file_storage`
pub(super) fn file_storage(section: &mut Section<'_>) -> Option<Extension> {
    let directory = section.text_value("directory").and_then(|value| value.text());
    let lock_timeout = section.duration("timeout", "'timeout' must be non-negative").unwrap_or(LOCK_TIMEOUT);
    let fsync = section.value("fsync");
    let is_on = fsync.as_ref().and_then(Reading::boolean).unwrap_or(true);
    if let Some(value) = fsync.filter(|_| !is_on) {
        value.warn(
            "a power cut or a crash of the machine costs what the disk does not have yet, though senders were told that \
             it was taken; a crash of the relay alone costs nothing",
        );
    }
    let create = file::directory(section, DIRECTORY_MODE);
    if let Some(value) = section.value("compaction").filter(|value| !value.asks_for_nothing()) {
        compaction(value);
    }
    const PER_QUEUE: &str = "each queue has its own bound: write sizer: bytes and queue_size under sending_queue";
    section.rest(&[
        ("recreate", Rule::Fixed("false", "what is damaged is set aside by itself, and the rest goes on")),
        ("max_size", Rule::Fixed("0", PER_QUEUE)),
    ]);
    Some(Extension::FileStorage(FileStorage {
        directory: directory.unwrap_or_else(|| DIRECTORY.to_owned()).into(),
        create,
        fsync: if is_on { Fsync::On } else { Fsync::Off },
        lock_timeout,
    }))
}

/// `compaction`: nothing needs it.
fn compaction(value: Reading<'_>) {
    let Some(mut section) = value.section() else { return };
    const WHY: &str = "files are removed as soon as nothing in them is needed, so that nothing needs to be compacted";
    section.rest(&[
        ("on_start", Rule::Fixed("false", WHY)),
        ("on_rebound", Rule::Fixed("false", WHY)),
        ("directory", Rule::NoEffect(WHY)),
        ("rebound_needed_threshold_mib", Rule::NoEffect(WHY)),
        ("rebound_trigger_threshold_mib", Rule::NoEffect(WHY)),
        ("max_transaction_size", Rule::NoEffect(WHY)),
        ("check_interval", Rule::NoEffect(WHY)),
        ("cleanup_on_start", Rule::Fixed("false", WHY)),
    ]);
    section.finish();
}

/// `storage` and what goes with it; nothing where the queue is in memory.
pub(super) fn durable(queue: &mut Section<'_>, overflow: Overflow, acknowledge: Acknowledge) -> Option<Durable> {
    let storage = queue.text_value("storage");
    let on_failure = queue.choice("on_storage_failure", ON_FAILURE);
    let max_age = queue.duration("max_age", "'max_age' must be non-negative").filter(|age| !age.is_zero());
    let replay_rate = queue.unsigned("replay_rate").filter(|rate| *rate != 0);
    let Some(value) = storage else {
        let own = [
            ("on_storage_failure", on_failure.is_some()),
            ("max_age", max_age.is_some()),
            ("replay_rate", replay_rate.is_some()),
            ("overflow: drop_oldest", overflow == Overflow::DropOldest),
        ];
        for (key, _) in own.into_iter().filter(|(_, is_written)| *is_written) {
            let problem = queue.whole().fault(format!("{key} is only for a queue with `storage`"));
            queue.whole().refuse(problem.hint("write storage: file_storage, and the extension"));
        }
        return None;
    };
    if acknowledge == Acknowledge::WhenExported {
        queue.whole().wrong("`wait_for_result` is not supported with a persistent queue configured with `storage`");
    }
    if on_failure == Some(OnStorageFailure::Memory) {
        queue.whole().warn(
            "on_storage_failure: memory: while the disk takes nothing, senders are told that their data is taken although \
             it is in memory only, and a crash costs it",
        );
    }
    let text = value.text()?;
    match ComponentId::parse(&text) {
        Ok(storage) => {
            let on_failure = on_failure.unwrap_or(OnStorageFailure::Refuse);
            Some(Durable { storage, on_failure, max_age, replay_rate })
        }
        Err(bad) => {
            value.wrong(bad.to_string());
            None
        }
    }
}

/// A problem for each queue whose storage is not there, is none, or is not started.
pub(super) fn dangling(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    for (id, exporter) in &config.exporters {
        let durable = exporter.delivery().and_then(|delivery| delivery.queue.as_ref()?.durable.as_ref());
        let Some(Durable { storage, .. }) = durable else { continue };
        let path = format!("exporters::{id}::sending_queue::storage");
        let (what, hint) = match config.extensions.get(storage) {
            Some(Extension::FileStorage(_)) if config.started_extensions.contains(storage) => continue,
            Some(Extension::FileStorage(_)) => {
                (format!("the storage \"{storage}\" is not started"), format!("write service::extensions: [{storage}]"))
            }
            Some(_) => (
                format!("requested extension is not a storage extension: \"{storage}\""),
                "write the id of a file_storage extension".to_owned(),
            ),
            None => (
                format!("no storage client extension found: \"{storage}\""),
                format!("write \"{storage}:\" under extensions, and list it in service::extensions"),
            ),
        };
        found.push(config.places.problem(path, what).hint(hint));
    }
    found
}

const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
const DIRECTORY: &str = "/var/lib/otelcol/file_storage";
const DIRECTORY_MODE: u32 = 0o750;
const ON_FAILURE: &[(&str, OnStorageFailure)] =
    &[("refuse", OnStorageFailure::Refuse), ("memory", OnStorageFailure::Memory)];
