//! The directories that data is kept in, of durable queues, dead letters and debug dumps: whether they can be written, who
//! uses them, whether what is in them is whole, and how much room their disks have.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};
use rustix::process::{getegid, geteuid};
use tokio::time::timeout;

use super::local::with_room;
use super::report::{Check, Part, Section, Trouble};
use crate::config::{Config, Extension, Queue};
use crate::failure::Class;
use crate::pipeline::{Plan, failover_queue};
use crate::storage::journal::{self, Inspection, StorageError};
use crate::units::ByteCount;

/// A directory that data is kept in.
struct Kept {
    kind: Kind,
    /// Who keeps something there.
    owners: Vec<String>,
    /// Where it is configured: `extensions::file_storage`.
    target: String,
    creation: Creation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Queues,
    DeadLetters,
    Dumps,
}

/// What becomes of a directory that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creation {
    /// The relay makes it.
    AtStart,
    /// The relay does not start.
    ByHand,
}

/// The section of these directories; none where nothing is kept. What is in them is read until `deadline` at most.
pub(super) async fn section(config: &Config, plan: &Plan, deadline: Instant) -> Option<Section> {
    let mut checks = Vec::new();
    for (directory, kept) in kept(config, plan) {
        let at_hand = usable(&directory, &kept);
        match at_hand {
            Ok((place, check)) => {
                let left = deadline.saturating_duration_since(Instant::now()).max(LEAST);
                checks.push(check);
                if kept.kind == Kind::Queues && place == directory {
                    checks.push(timeout(left, contents(&directory, &kept)).await.unwrap_or_else(|_| {
                        Check::skipped("contents", &kept.target, "what waits there", "needs more time (--timeout)")
                    }));
                }
                let shown = format!("room in {}", directory.display());
                checks.push(with_room(Check::ok("disk", &kept.target, shown), &place));
            }
            Err(failed) => {
                checks.push(*failed);
                checks.push(Check::skipped("disk", &kept.target, "room on its disk", "needs the directory"));
            }
        }
    }
    let title = "durable queues, dead letters and dumps on disk".to_owned();
    (!checks.is_empty()).then(|| Section::new(Part::Local, title, checks))
}

fn kept(config: &Config, plan: &Plan) -> BTreeMap<PathBuf, Kept> {
    let mut kept: BTreeMap<PathBuf, Kept> = BTreeMap::new();
    let mut add = |directory: &Path, kind: Kind, owner: String, target: String, creation: Creation| {
        let known = kept.entry(directory.to_owned());
        let of_it = known.or_insert_with(|| Kept { kind, owners: Vec::new(), target, creation });
        if !of_it.owners.contains(&owner) {
            of_it.owners.push(owner);
        }
    };
    let of_connectors =
        plan.connectors.keys().filter_map(|chain| Some((&chain.exporter, failover_queue(chain, plan, config)?)));
    let deliveries = plan
        .chains
        .iter()
        .filter_map(|chain| Some((&chain.exporter, config.exporters.get(&chain.exporter)?.delivery()?)));
    let of_exporters = deliveries.clone().filter_map(|(id, delivery)| Some((id, delivery.queue.as_ref()?)));
    for (id, queue) in of_exporters.chain(of_connectors) {
        let Queue { durable: Some(durable), .. } = queue else { continue };
        if let Some(Extension::FileStorage(storage)) = config.extensions.get(&durable.storage) {
            let creation = if storage.create.is_some() { Creation::AtStart } else { Creation::ByHand };
            let target = format!("extensions::{}", durable.storage);
            add(&storage.directory, Kind::Queues, id.to_string(), target, creation);
        }
    }
    for (id, delivery) in deliveries {
        if let Some(letters) = &delivery.dead_letter {
            let target = format!("exporters::{id}::dead_letter");
            add(&letters.directory, Kind::DeadLetters, id.to_string(), target, Creation::AtStart);
        }
    }
    for id in &config.started_extensions {
        if let Some(Extension::DebugDump(dump)) = config.extensions.get(id) {
            add(&dump.directory, Kind::Dumps, id.to_string(), format!("extensions::{id}"), Creation::AtStart);
        }
    }
    kept
}

/// The directory, or the one that it will be made in, and what there is to say of it.
fn usable(directory: &Path, kept: &Kept) -> Result<(PathBuf, Check), Box<Check>> {
    let shown = directory.display();
    let check = Check::ok("storage", &kept.target, format!("{} in {shown}", kept.named()));
    let refused = |cause: String, edit: Option<String>| {
        Err(Box::new(check.clone().fails(Trouble::of_class(Class::StorageReadOnly, cause).edit(edit))))
    };
    let found = directory.metadata();
    let (place, metadata) = match (found, kept.creation) {
        (Ok(metadata), _) if metadata.is_dir() => (directory.to_owned(), metadata),
        (Ok(_), _) => return refused(format!("{shown} is no directory"), None),
        (Err(error), Creation::ByHand) if error.kind() == io::ErrorKind::NotFound => {
            let edit = format!("{}::create_directory: true", kept.target);
            return refused(format!("there is no directory {shown}"), Some(edit));
        }
        (Err(error), Creation::AtStart) if error.kind() == io::ErrorKind::NotFound => {
            let above = directory.ancestors().find_map(|above| Some((above, above.metadata().ok()?)));
            match above {
                Some((above, metadata)) => (above.to_owned(), metadata),
                None => return refused(format!("there is no directory {shown}, nor one above it"), None),
            }
        }
        (Err(error), _) => return refused(format!("{shown}: {error}"), None),
    };
    let owned = owned(&metadata);
    if access(&place, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let us = format!("this process is {}:{}", geteuid().as_raw(), getegid().as_raw());
        return refused(format!("{} cannot be written by this user: {owned}; {us}", place.display()), None);
    }
    let state = if place == directory { owned } else { "it will be made at the start".to_owned() };
    let check = Check { description: format!("{}: {state}", check.description), ..check };
    if place == directory && metadata.mode() & (OTHERS_WRITE | STICKY) == OTHERS_WRITE {
        let cause = format!("everyone on this machine may remove what is in {shown}: {}", self::owned(&metadata));
        let remedy = format!("chmod 0700 {shown}");
        return Ok((place, check.but(Trouble::new(cause, remedy))));
    }
    Ok((place, check))
}

/// `owner 1000:1000, mode 0700`
fn owned(metadata: &Metadata) -> String {
    format!("owner {}:{}, mode {:04o}", metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
}

/// Who uses the directory, what waits in it, and what of that is damaged.
async fn contents(directory: &Path, kept: &Kept) -> Check {
    let check = Check::ok("contents", &kept.target, "what waits in the durable queues");
    let path = directory.to_owned();
    let looked = tokio::task::spawn_blocking(move || match journal::in_use(&path)? {
        // What it writes meanwhile would look like damage.
        Some(holder) => Err(StorageError::Locked { directory: path, holder }),
        None => journal::inspect(&path),
    });
    match looked.await {
        Ok(Ok(inspection)) => whole(check, &inspection),
        Ok(Err(StorageError::Locked { holder, .. })) => {
            let cause = format!("{} is in use by {holder}", directory.display());
            let mut trouble = Trouble::of_class(Class::StorageLocked, cause);
            if holder.program.as_deref().is_some_and(|program| program.starts_with("otlp-relay")) {
                "nothing, if that is the relay that runs with this configuration; else give each a directory of its own"
                    .clone_into(&mut trouble.remedy);
                return check.but(trouble);
            }
            check.fails(trouble)
        }
        Ok(Err(error)) => check.fails(Trouble::of_class(error.class(), error.to_string())),
        Err(_) => Check::skipped("contents", &kept.target, "what waits there", "the look into it broke off"),
    }
}

fn whole(check: Check, inspection: &Inspection) -> Check {
    let sum = |of: fn(&journal::Contents) -> u64| inspection.journals.iter().map(of).sum::<u64>();
    let (requests, items) = (sum(|one| one.requests), sum(|one| one.weight.items));
    let on_disk = ByteCount(sum(|one| one.disk_bytes));
    let description = match requests {
        0 => "nothing waits in the durable queues".to_owned(),
        _ => format!("{requests} requests with {items} items wait in the durable queues ({on_disk})"),
    };
    let set_aside: usize = inspection.journals.iter().map(|one| one.set_aside.len()).sum();
    let check = Check { description, ..check };
    let check = match set_aside {
        0 => check,
        count => check.with([format!("{count} files hold what earlier runs set aside as damaged (*.damaged)")]),
    };
    let damaged = sum(|one| one.damaged);
    if damaged != 0 {
        let bytes = ByteCount(sum(|one| one.damaged_bytes));
        let cause =
            format!("{damaged} places of the files are damaged ({bytes}): the relay sets them aside at its start");
        return check.but(Trouble::of_class(Class::StorageDamaged, cause));
    }
    if let Some(foreign) = inspection.foreign.first() {
        let cause =
            format!("{} is a queue of the OpenTelemetry Collector, which the relay does not read", foreign.display());
        let remedy = "start the Collector once more on a copy of it to have it sent";
        return check.but(Trouble::new(cause, remedy));
    }
    check
}

impl Kept {
    fn named(&self) -> String {
        let what = match self.kind {
            Kind::Queues => "durable queues",
            Kind::DeadLetters => "dead letters",
            Kind::Dumps => "debug dumps",
        };
        format!("{what} of {}", self.owners.join(", "))
    }
}

const LEAST: Duration = Duration::from_millis(200);
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;
