//! Which journal a chain keeps its queue in, and what the metrics say of it.

use std::sync::Arc;

use crate::config::{Config, Delivery, Extension, FileStorage, Fsync, Problem};
use crate::storage::journal::{Directories, Journal, Label, Sync, Terms, Totals};
use crate::telemetry::Registry;

use super::plan::Chain;

/// The storage that `asked` names, if its queue is on disk.
pub(super) fn storage_of<'a>(config: &'a Config, asked: Option<&Delivery>) -> Option<&'a FileStorage> {
    let durable = asked?.queue.as_ref()?.durable.as_ref()?;
    match config.extensions.get(&durable.storage) {
        Some(Extension::FileStorage(storage)) => Some(storage),
        _ => None,
    }
}

/// The journal of `chain` in `storage`, if it has one: the one that is open, or what earlier runs left there.
///
/// # Errors
/// When the directory is not there, belongs to another process, or cannot be read or written.
pub(super) fn open(
    chain: &Chain,
    storage: Option<&FileStorage>,
    config: &Config,
    directories: &Directories,
) -> Result<Option<Arc<Journal>>, Problem> {
    let Some(storage) = storage else { return Ok(None) };
    let FileStorage { directory, create, fsync, lock_timeout } = storage.clone();
    let sync = match fsync {
        Fsync::On => Sync::Always,
        Fsync::Off => Sync::Never,
    };
    let terms = Terms { directory, create, sync, lock_timeout };
    let label = Label { exporter: chain.exporter.to_string(), signal: chain.signal };
    let opened = directories.open(&terms).and_then(|directory| directory.journal(label, sync));
    opened.map(Some).map_err(|error| {
        let path = format!("exporters::{}::sending_queue::storage", chain.exporter);
        config.places.problem(path, format!("{}: {error}", error.class()))
    })
}

/// A metric: its name, what it means, and where its value is.
type Figure = (&'static str, &'static str, fn(&Totals) -> u64);

/// Shows the journal of a chain that is told apart by `labels`.
pub(super) fn watch(totals: &Arc<Totals>, labels: &[(&'static str, &str)], registry: &Registry) {
    let gauges: [Figure; 3] = [
        (REQUESTS, "Requests that the queue keeps on disk, with those under way", Totals::requests),
        (BYTES, "Bytes of the files of the queue", Totals::disk_bytes),
        (SEGMENTS, "Files of the queue", Totals::segments),
    ];
    for (name, help, read) in gauges {
        let totals = Arc::clone(totals);
        registry.gauge_fn(name, help, labels, move || read(&totals) as f64);
    }
    let counters: [Figure; 2] = [
        (DAMAGED, "Damaged places of the files of the queue that were set aside", Totals::quarantined),
        (REPLAYED, "Requests that were read back from the files of the queue", Totals::replayed),
    ];
    for (name, help, read) in counters {
        let totals = Arc::clone(totals);
        registry.counter_fn(name, help, labels, move || read(&totals) as f64);
    }
    let help = "How long the disk took to say that it has what was written, in seconds";
    let syncs = registry.histogram(SYNCS, help, SYNC_TIMES, labels);
    totals.watch_syncs(move |took| syncs.observe(took.as_secs_f64()));
}

/// Shows it no more.
pub(super) fn forget(labels: &[(&'static str, &str)], registry: &Registry) {
    for name in [REQUESTS, BYTES, SEGMENTS, DAMAGED, REPLAYED, SYNCS] {
        registry.forget(name, labels);
    }
}

const REQUESTS: &str = "otelcol_exporter_queue_disk_requests";
const BYTES: &str = "otelcol_exporter_queue_disk_bytes";
const SEGMENTS: &str = "otelcol_exporter_queue_disk_segments";
const DAMAGED: &str = "otelcol_exporter_queue_disk_damaged";
const REPLAYED: &str = "otelcol_exporter_queue_disk_replayed_requests";
const SYNCS: &str = "otelcol_exporter_queue_disk_sync_duration";

/// From a disk with a cache that survives a power cut to one that is about to fail.
const SYNC_TIMES: &[f64] = &[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
