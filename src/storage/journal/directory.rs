//! Directories of journals: one process for each, one journal for each exporter and signal.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::units::Items;

use super::error::Holder;
use super::recover::{Recovered, recover};
use super::segment::sync_folder;
use super::totals::Totals;
use super::{Journal, Label, Shared, StorageError, commit, keep};

/// When a request counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// When the disk says that it has it: it outlives a power cut.
    Always,
    /// When the system has it: it outlives the process, not the machine.
    Never,
}

/// How a directory is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Where it is.
    pub directory: PathBuf,
    /// The mode of the directory if it is to be made; none where it must be there.
    pub create: Option<u32>,
    /// When a request counts as kept.
    pub sync: Sync,
    /// How long to wait for another process that has the directory.
    pub lock_timeout: Duration,
}

/// Every directory of this process. An open one stays open for as long as one of its journals does.
#[derive(Debug, Default)]
pub struct Directories(Mutex<BTreeMap<PathBuf, Weak<Directory>>>);

/// A directory that is locked for this process.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Dropping it gives the directory free.
    _lock: File,
    journals: Mutex<BTreeMap<String, Weak<Journal>>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Journal").field(&self.shared.folder).finish()
    }
}

impl Directories {
    /// The directory of `terms`: the one that is open already, or a new one.
    ///
    /// # Errors
    /// When it is not there, cannot be written, or belongs to another process.
    pub fn open(&self, terms: &Terms) -> Result<Arc<Directory>, StorageError> {
        ensure(terms)?;
        let io = |source| StorageError::Io { path: terms.directory.clone(), source };
        let path = fs::canonicalize(&terms.directory).map_err(io)?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, directory| directory.strong_count() != 0);
        if let Some(directory) = open.get(&path).and_then(Weak::upgrade) {
            return Ok(directory);
        }
        let lock = lock(&path, terms.lock_timeout)?;
        name_foreign(&path);
        let directory = Arc::new(Directory { path: path.clone(), _lock: lock, journals: Mutex::default() });
        open.insert(path, Arc::downgrade(&directory));
        Ok(directory)
    }

    /// What is in the open journals and not done with.
    pub fn items(&self) -> Items {
        let directories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open: Vec<_> = directories.values().filter_map(Weak::upgrade).collect();
        drop(directories);
        let journals = open.iter().flat_map(|directory| directory.open_journals());
        journals.map(|journal| Items(journal.totals().weight().items)).sum()
    }

    /// Journals in open directories that nobody has opened: their exporters are gone from the configuration.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        let open: Vec<_> = {
            let directories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            directories.values().filter_map(Weak::upgrade).collect()
        };
        open.iter().flat_map(|directory| directory.left_behind()).collect()
    }
}

impl Directory {
    /// The journal of `label`: the one that is open already, or a new one with what earlier runs left in it.
    ///
    /// # Errors
    /// When its files cannot be read, or a later version wrote them. Damage is no error.
    pub fn journal(self: &Arc<Self>, label: Label, sync: Sync) -> Result<Arc<Journal>, StorageError> {
        let name = folder_name(&label);
        let mut journals = self.journals();
        if let Some(journal) = journals.get(&name).and_then(Weak::upgrade) {
            return Ok(journal);
        }
        let folder = self.path.join(&name);
        let journal = Arc::new(Journal::open(Arc::clone(self), folder, label, sync)?);
        journals.insert(name, Arc::downgrade(&journal));
        Ok(journal)
    }

    fn left_behind(&self) -> Vec<PathBuf> {
        let journals = self.journals();
        let is_open = |name: &str| journals.get(name).is_some_and(|journal| journal.strong_count() != 0);
        let closed = journals_in(&self.path).into_iter().filter(|folder| !is_open(&file_name(folder)));
        // Where nothing was left, nothing is to be told.
        closed.filter(|folder| super::recover::segments(folder).is_ok_and(|segments| !segments.is_empty())).collect()
    }

    fn open_journals(&self) -> Vec<Arc<Journal>> {
        self.journals().values().filter_map(Weak::upgrade).collect()
    }

    fn journals(&self) -> MutexGuard<'_, BTreeMap<String, Weak<Journal>>> {
        self.journals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal {
    fn open(directory: Arc<Directory>, folder: PathBuf, label: Label, sync: Sync) -> Result<Journal, StorageError> {
        let io = |source| StorageError::Io { path: folder.clone(), source };
        if !folder.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(io)?;
            sync_folder(&directory.path).map_err(io)?;
        }
        let Recovered { state, damaged } = recover(&folder, sync)?;
        let totals = Arc::new(Totals::default());
        totals.note(&state);
        totals.add_quarantined(damaged);
        if state.live != 0 {
            let (requests, items) = (state.live, state.used.items);
            tracing::info!(exporter = label.exporter, signal = %label.signal, requests, items, "found in the durable queue");
        }
        let (keeper, notes) = mpsc::channel();
        let shared = Arc::new(Shared {
            label,
            folder: folder.clone(),
            sync,
            state: Mutex::new(state),
            totals,
            arrivals: Notify::new(),
            room: Notify::new(),
            line: tokio::sync::Mutex::default(),
            keeper,
            rules: Mutex::default(),
        });
        let (commits, asked) = mpsc::channel();
        let committing = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("journal-commit".to_owned())
            .spawn(move || commit::run(committing, asked))
            .map_err(io)?;
        let kept = folder.clone();
        let keeper = thread::Builder::new()
            .name("journal-keep".to_owned())
            .spawn(move || keep::run(&kept, sync, &notes))
            .map_err(io)?;
        Ok(Journal { shared, commits: Some(commits), threads: vec![writer, keeper], _directory: directory })
    }
}

/// Makes the directory where that is asked for.
fn ensure(terms: &Terms) -> Result<(), StorageError> {
    let path = &terms.directory;
    match (fs::metadata(path), terms.create) {
        (Ok(found), _) if found.is_dir() => Ok(()),
        (Ok(_), _) => Err(StorageError::NoDirectory(path.clone())),
        (Err(error), Some(mode)) if error.kind() == io::ErrorKind::NotFound => {
            let made = DirBuilder::new().recursive(true).mode(mode).create(path);
            made.map_err(|source| StorageError::Io { path: path.clone(), source })
        }
        (Err(error), None) if error.kind() == io::ErrorKind::NotFound => Err(StorageError::Missing(path.clone())),
        (Err(source), _) => Err(StorageError::Io { path: path.clone(), source }),
    }
}

/// Locks `directory` for this process.
fn lock(directory: &Path, timeout: Duration) -> Result<File, StorageError> {
    let path = directory.join(LOCK);
    let io = |source| StorageError::Io { path: path.clone(), source };
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = opened.map_err(io)?;
    let deadline = Instant::now() + timeout.min(LONGEST_WAIT);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(AGAIN),
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(StorageError::Locked { directory: directory.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
    }
    // The number is for people, and a full disk must not keep the relay from draining what is there.
    let _ = file.set_len(0).and_then(|()| file.write_all_at(std::process::id().to_string().as_bytes(), 0));
    let _ = file.flush();
    Ok(file)
}

/// Whether another process uses `directory`, and which. Nothing is changed.
///
/// # Errors
/// When its lock cannot be read.
pub(super) fn holder_of(directory: &Path) -> io::Result<Option<Holder>> {
    let mut file = match File::open(directory.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder(&mut file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
    let program = pid.and_then(|pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    Holder { pid, program: program.map(|program| program.trim().to_owned()).filter(|program| !program.is_empty()) }
}

/// Names the files of the Collector that lie in `directory`: what is in them is not sent.
fn name_foreign(directory: &Path) {
    for path in super::recover::list(directory).unwrap_or_default() {
        if is_bbolt(&path) {
            tracing::warn!(
                file = %path.display(),
                "this is a queue of the OpenTelemetry Collector, which otlp-relay neither reads nor changes: \
                 start the Collector once more on a copy of it to have it sent"
            );
        }
    }
}

/// Whether it begins like a database of bbolt: the magic number stands behind the header of the first page.
pub(super) fn is_bbolt(path: &Path) -> bool {
    let mut head = [0; 20];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut head, 0));
    read.is_ok() && head.ends_with(&0xED0C_DAED_u32.to_le_bytes())
}

/// The folders of journals in `directory`.
pub(super) fn journals_in(directory: &Path) -> Vec<PathBuf> {
    let all = super::recover::list(directory).unwrap_or_default();
    all.into_iter().filter(|path| path.is_dir() && file_name(path).ends_with(EXTENSION)).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// As the Collector names its files: `exporter_<type>_<name>_<signal>`, with what a file name should not have as `~` and
/// four digits.
fn folder_name(label: &Label) -> String {
    let (kind, name) = label.exporter.split_once('/').unwrap_or((&label.exporter, ""));
    let mut text = String::from("exporter_");
    for (part, end) in [(kind, "_"), (name, "_"), (label.signal.name(), "")] {
        for c in part.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => text.push(c),
                other => text.push_str(&format!("~{:04X}", u32::from(other))),
            }
        }
        text.push_str(end);
    }
    text + EXTENSION
}

const LOCK: &str = "otlp-relay.lock";
const EXTENSION: &str = ".journal";
const AGAIN: Duration = Duration::from_millis(20);

/// A start that hangs is worse than one that fails.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
