//! Writes records on a thread of its own, and never makes anybody wait: what it cannot take is dropped and counted.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Archive, Fault};
use crate::failure::Class;

/// Takes jobs of which it makes records. Ends when it is dropped, with everything written that it took.
#[derive(Debug)]
pub struct Scribe<J> {
    jobs: Option<SyncSender<(J, u64)>>,
    waiting: Arc<AtomicU64>,
    tally: Arc<Tally>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What has become of all jobs so far.
#[derive(Debug, Default)]
pub struct Tally {
    written: AtomicU64,
    dropped: AtomicU64,
    bytes: AtomicU64,
}

/// What became of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It will be written.
    Taken,
    /// There was no room for it; it is counted.
    Dropped,
}

impl Tally {
    /// Records that were written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Records that were not: no room in memory, or the disk does not take them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Bytes that were written.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl<J: Send + 'static> Scribe<J> {
    /// Writes to `archive` what `record` makes of each job, and counts in `tally`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        archive: Arc<Archive>,
        tally: Arc<Tally>,
        record: impl Fn(J) -> Vec<u8> + Send + 'static,
    ) -> io::Result<Scribe<J>> {
        let (jobs, next) = sync_channel(MAX_JOBS);
        let waiting = Arc::new(AtomicU64::new(0));
        let desk = Desk { archive, tally: Arc::clone(&tally), waiting: Arc::clone(&waiting), troubled: None };
        let thread = thread::Builder::new().name("records".to_owned()).spawn(move || {
            step_back();
            desk.work(&next, record);
        })?;
        Ok(Scribe { jobs: Some(jobs), waiting, tally, thread: Mutex::new(Some(thread)) })
    }

    /// Hands over a job that keeps `weight` bytes of memory alive until it is written. Never waits.
    pub fn offer(&self, job: J, weight: u64) -> Offer {
        let waiting = self.waiting.fetch_add(weight, Ordering::Relaxed);
        let room = waiting == 0 || waiting + weight <= MAX_WEIGHT;
        let taken = room && self.jobs.as_ref().is_some_and(|jobs| jobs.try_send((job, weight)).is_ok());
        if taken {
            return Offer::Taken;
        }
        self.waiting.fetch_sub(weight, Ordering::Relaxed);
        self.tally.dropped.fetch_add(1, Ordering::Relaxed);
        Offer::Dropped
    }
}

impl<J> Drop for Scribe<J> {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that panicked has said so.
        let _ = thread.map(JoinHandle::join);
    }
}

/// Lets the threads that carry data go first: where there is not enough of the processor for all, records are dropped
/// before data is late. On Linux a priority is a thread's own, whatever POSIX says (setpriority(2)).
fn step_back() {
    // Without it the records cost more, and that is all.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, LESS_URGENT);
}

/// A tenth of the weight that other threads have.
#[cfg(target_os = "linux")]
const LESS_URGENT: i32 = 10;

struct Desk {
    archive: Arc<Archive>,
    tally: Arc<Tally>,
    waiting: Arc<AtomicU64>,
    /// What keeps records from being written, as it was last told.
    troubled: Option<Class>,
}

impl Desk {
    fn work<J>(mut self, jobs: &Receiver<(J, u64)>, record: impl Fn(J) -> Vec<u8>) {
        loop {
            match jobs.recv_timeout(TIDY_EVERY) {
                Ok((job, weight)) => {
                    let bytes = record(job);
                    self.waiting.fetch_sub(weight, Ordering::Relaxed);
                    let written = self.archive.append(&bytes);
                    self.settle(written.map(|bytes| bytes.0));
                }
                Err(RecvTimeoutError::Timeout) => self.archive.tidy(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn settle(&mut self, outcome: Result<u64, Fault>) {
        match outcome {
            Ok(bytes) => {
                self.tally.written.fetch_add(1, Ordering::Relaxed);
                self.tally.bytes.fetch_add(bytes, Ordering::Relaxed);
                if let Some(class) = self.troubled.take() {
                    tracing::info!(class = class.code(), directory = %self.shown(), "debug dump recovered");
                }
            }
            Err(fault) => {
                self.tally.dropped.fetch_add(1, Ordering::Relaxed);
                let class = fault.class();
                if self.troubled != Some(class) {
                    self.troubled = Some(class);
                    let cause = fault.into_failure().cause();
                    let (row, directory) = (class.row(), self.shown());
                    tracing::error!(
                        class = row.code, family = row.family.name(), %directory, cause, remedy = row.remedy,
                        "the debug dump cannot be written; its records are dropped"
                    );
                }
            }
        }
    }

    fn shown(&self) -> String {
        self.archive.directory().display().to_string()
    }
}

/// Jobs that may wait.
const MAX_JOBS: usize = 1024;
/// Bytes of memory that they may keep alive: a burst fits in, and the memory limit is hardly touched.
const MAX_WEIGHT: u64 = 16 << 20;
const TIDY_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::sync::mpsc::{Sender, channel};

    use super::super::{Durability, Terms, WhenFull};
    use super::*;
    use crate::units::ByteCount;

    fn archive(directory: &std::path::Path) -> Arc<Archive> {
        let terms = Terms {
            directory: directory.to_owned(),
            prefix: "dump",
            max_bytes: ByteCount::mib(1),
            max_age: None,
            when_full: WhenFull::DeleteOldest,
            durability: Durability::Written,
        };
        Arc::new(Archive::open(terms).unwrap())
    }

    /// A scribe that writes one record for each time that it is told to.
    fn gated(directory: &std::path::Path) -> (Scribe<Vec<u8>>, Arc<Tally>, Sender<()>) {
        let tally = Arc::new(Tally::default());
        let (go, gate) = channel::<()>();
        let slow = move |job: Vec<u8>| {
            gate.recv().unwrap();
            job
        };
        (Scribe::start(archive(directory), Arc::clone(&tally), slow).unwrap(), tally, go)
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits() {
        let directory = tempfile::tempdir().unwrap();
        let (scribe, tally, go) = gated(directory.path());
        let offers: Vec<Offer> = (0..MAX_JOBS + 10).map(|_| scribe.offer(vec![1; 8], 8)).collect();
        let taken = offers.iter().filter(|offer| **offer == Offer::Taken).count();
        // The one that is being written may have left its place already.
        assert!((MAX_JOBS..=MAX_JOBS + 1).contains(&taken), "{taken}");
        assert_eq!(tally.dropped(), (offers.len() - taken) as u64);
        (0..taken).for_each(|_| go.send(()).unwrap());
        drop(scribe);
        assert_eq!(tally.written(), taken as u64);
    }

    #[test]
    fn the_memory_that_waits_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let (scribe, tally, go) = gated(directory.path());
        assert_eq!(scribe.offer(vec![1; 8], 2 * MAX_WEIGHT), Offer::Taken, "one is always taken");
        assert_eq!(scribe.offer(vec![1; 8], 1), Offer::Dropped);
        go.send(()).unwrap();
        drop(scribe);
        assert_eq!((tally.written(), tally.dropped()), (1, 1));
    }
}
