//! The journal of a durable queue: what was taken in is on disk before its sender is told so, and stays there until it is
//! done with.
//!
//! ```text
//! directory/otlp-relay.lock                                    held by the process that uses the directory
//! directory/exporter_otlp_grpc_eu_traces.journal/*.segment     requests, appended one after another
//! directory/exporter_otlp_grpc_eu_traces.journal/*.acks        which of them are done with
//! directory/exporter_otlp_grpc_eu_traces.journal/*.damaged     what could not be read
//! ```
//!
//! One thread for each journal writes: it takes whatever has come since its last turn, writes it in one piece, waits for
//! the disk once, and answers all of its senders (`commit`). Another one notes what is done with, and removes a segment
//! when nothing in it is needed any more (`keep`). An acknowledgement that a crash takes away costs a duplicate, never a
//! loss.
//!
//! A record that is claimed is in memory; of one that waits only a bit is. What is claimed at a time is bounded by
//! [`WINDOW`]. The record that is written when nothing else waits is claimed at once, so that a queue without a backlog
//! never reads.

mod commit;
mod directory;
mod error;
mod inspect;
mod keep;
mod read;
mod record;
mod recover;
mod scan;
mod segment;
mod state;
mod totals;

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

pub use directory::{Directories, Directory, Sync, Terms};
pub use error::{Holder, StorageError, Trouble};
pub use inspect::{Contents, Inspection, export, in_use, inspect};
pub use read::{Replay, Replayed};
pub use record::Weight;
pub use totals::Totals;

use crate::failure::Class;
use crate::payload::{MergeRule, Payload};
use crate::signal::Signal;
use crate::units::{ByteCount, Items};

use commit::Commit;
use keep::Keep;
use state::{Place, State};

/// Bytes of requests that one journal may have in memory at a time, beside those that are just being written. Each counts
/// with what it takes beside its body, so that a million tiny requests are not read at once.
pub const WINDOW: ByteCount = ByteCount::mib(16);

/// Whose journal it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The exporter's id, as the configuration writes it.
    pub exporter: String,
    /// What the exporter carries.
    pub signal: Signal,
}

/// The journal of one exporter and signal.
pub struct Journal {
    shared: Arc<Shared>,
    /// None only while it is dropped.
    commits: Option<Sender<Commit>>,
    threads: Vec<JoinHandle<()>>,
    /// Its lock is held for as long as this lives.
    _directory: Arc<Directory>,
}

/// What the threads of a journal and its claims share.
struct Shared {
    label: Label,
    folder: PathBuf,
    sync: Sync,
    state: Mutex<State>,
    totals: Arc<Totals>,
    /// There may be something to read.
    arrivals: Notify,
    /// Room may have become free.
    room: Notify,
    /// Those who wait for room, one behind another.
    line: tokio::sync::Mutex<()>,
    keeper: Sender<Keep>,
    rules: Mutex<Vec<Arc<MergeRule>>>,
}

/// Room for a request that is about to be written; given back when it is dropped.
pub struct Reservation {
    shared: Arc<Shared>,
    weight: Option<Weight>,
}

/// A request that somebody carries. Dropped, it waits on disk again: for this process to read it, or the next one.
pub struct Claim {
    shared: Arc<Shared>,
    place: Option<Place>,
    /// When it was taken in, in nanoseconds since 1970.
    since: u64,
}

/// What became of a request that is on disk now.
pub enum Appended {
    /// Nothing waits before it: it need not be read back.
    Taken(Claim),
    /// It will be read when its turn comes.
    Waits,
}

/// A request that was not written.
pub struct Refused {
    /// Why.
    pub trouble: Trouble,
    /// The room that it had.
    pub reservation: Option<Reservation>,
}

impl Journal {
    /// Whose it is.
    pub fn label(&self) -> &Label {
        &self.shared.label
    }

    /// Its numbers.
    pub fn totals(&self) -> &Arc<Totals> {
        &self.shared.totals
    }

    /// Takes room for `weight` if `fits` holds for all that is then in the journal.
    pub fn reserve(&self, weight: Weight, fits: impl FnOnce(Weight) -> bool) -> Option<Reservation> {
        let mut state = self.shared.lock();
        let used = state.used.plus(weight);
        if !fits(used) {
            return None;
        }
        state.used = used;
        self.shared.totals.note(&state);
        Some(Reservation { shared: Arc::clone(&self.shared), weight: Some(weight) })
    }

    /// Waits until [`Journal::reserve`] has room. Those who wait are served in the order in which they came.
    pub async fn reserve_when_free(&self, weight: Weight, fits: impl Fn(Weight) -> bool) -> Reservation {
        let _turn = self.shared.line.lock().await;
        loop {
            let mut freed = std::pin::pin!(self.shared.room.notified());
            freed.as_mut().enable();
            if let Some(reservation) = self.reserve(weight, &fits) {
                return reservation;
            }
            freed.await;
        }
    }

    /// Writes `payload` and waits until the disk has it. When the caller is dropped meanwhile, it is written all the same.
    ///
    /// # Errors
    /// When the disk does not take it. Then nothing was taken, though a part of it may be found by the next run.
    pub async fn append(&self, payload: Payload, reservation: Reservation) -> Result<Appended, Refused> {
        let (answer, answered) = oneshot::channel();
        let gone = || Refused {
            trouble: Trouble { class: Class::ShuttingDown, what: "the journal is closed".to_owned() },
            reservation: None,
        };
        let Some(commits) = &self.commits else { return Err(gone()) };
        commits.send(Commit { payload, reservation, answer }).map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Waits until every acknowledgement so far is written, so that the death of this process does not undo it. Who waits
    /// for that before it takes on more work bounds what comes twice by what is under way.
    pub async fn noted(&self) {
        let (told, written) = oneshot::channel();
        if self.shared.keeper.send(Keep::Tell(told)).is_ok() {
            // A keeper that is gone writes nothing more.
            let _ = written.await;
        }
    }

    /// From now on only the caller reads: whoever did before sees the token cancelled that it was given.
    pub fn take_over(&self) -> CancellationToken {
        let fresh = CancellationToken::new();
        std::mem::replace(&mut self.shared.lock().turn, fresh.clone()).cancel();
        self.shared.arrivals.notify_one();
        fresh
    }

    /// Ends when there is something to read and room for it in memory.
    pub async fn readable(&self) {
        while !self.is_readable() {
            self.shared.arrivals.notified().await;
        }
    }

    fn is_readable(&self) -> bool {
        let state = self.shared.lock();
        !state.reading && (state.unread.records != 0 || !state.returned.is_empty()) && state.window < WINDOW.0
    }
}

impl Drop for Journal {
    /// Waits until everything that was noted is written.
    fn drop(&mut self) {
        drop(self.commits.take());
        // The keeper ends behind everything that it was told before.
        let _ = self.shared.keeper.send(Keep::End);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A claim or a reservation has ended: someone may go on.
    fn freed(&self, state: &State) {
        self.totals.note(state);
        self.room.notify_waiters();
        if !state.returned.is_empty() || state.unread.records != 0 {
            self.arrivals.notify_one();
        }
    }

    fn claim(self: &Arc<Self>, place: Place, since: u64) -> Claim {
        Claim { shared: Arc::clone(self), place: Some(place), since }
    }
}

impl Reservation {
    /// The room is used now.
    fn spend(mut self) -> Weight {
        self.weight.take().unwrap_or_default()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(weight) = self.weight.take() {
            let mut state = self.shared.lock();
            state.used = state.used.minus(weight);
            self.shared.freed(&state);
        }
    }
}

impl Claim {
    /// When the request was taken in, in nanoseconds since 1970.
    pub fn since_unix_nano(&self) -> u64 {
        self.since
    }

    /// What it holds.
    pub fn items(&self) -> Items {
        Items(self.place.map_or(0, |place| place.weight.items))
    }

    /// The request is done with: delivered, or dropped and counted.
    pub fn acknowledge(mut self) {
        let Some(place) = self.place.take() else { return };
        let mut state = self.shared.lock();
        let name = state.segments.get(&place.segment).map(|segment| segment.name);
        state.finish(&place);
        let retired = state.retire(place.segment, commit::GIVE_BACK);
        self.shared.freed(&state);
        let note = match (retired, name) {
            (Some(name), _) => Keep::Remove(name),
            (None, Some(name)) => Keep::Done(name, place.sequence),
            (None, None) => return,
        };
        // Still locked: a note on a segment must not come behind its removal, or its log would be made anew and stay.
        // The keeper is gone only when the journal is; what it would have noted comes again then.
        let _ = self.shared.keeper.send(note);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let mut state = self.shared.lock();
            state.give_back(place);
            self.shared.freed(&state);
        }
    }
}
