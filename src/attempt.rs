//! The record of one export try: which phases it went through, how long each took, and what the peer showed of itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::Phase;

/// What is known of one export try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// The phases that began, in order, with the time each took; the last may be unfinished.
    pub phases: Vec<(Phase, Duration)>,
    /// The proxy that the connection goes through, in words.
    pub via: Option<Arc<str>>,
    /// The address that was connected to.
    pub peer: Option<SocketAddr>,
    /// The size of the request's body in bytes, compressed and framed as it is sent.
    pub request_bytes: u64,
    /// Whether the request was written whole: if so, the peer may have taken the data although no answer came.
    pub request_written: bool,
}

/// The attempt as it proceeds. Cloned into whatever works for the attempt, read by the one timer that bounds it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    attempt: Attempt,
    began: Option<Instant>,
}

impl Progress {
    /// An attempt that has not begun.
    pub fn new() -> Progress {
        Progress::default()
    }

    /// The attempt is now in `phase`; the phase before it is over.
    pub fn enter(&self, phase: Phase) {
        let mut running = self.lock();
        running.close_phase();
        running.attempt.phases.push((phase, Duration::ZERO));
        running.began = Some(Instant::now());
    }

    /// The connection goes through a proxy.
    pub fn goes_via(&self, proxy: &Arc<str>) {
        self.lock().attempt.via = Some(Arc::clone(proxy));
    }

    /// The connection goes to `peer`.
    pub fn connected_to(&self, peer: SocketAddr) {
        self.lock().attempt.peer = Some(peer);
    }

    /// The request's body has so many bytes.
    pub fn carries(&self, bytes: u64) {
        self.lock().attempt.request_bytes = bytes;
    }

    /// The whole request has been handed to the connection.
    pub fn request_written(&self) {
        self.lock().attempt.request_written = true;
    }

    /// The phase that the attempt is in.
    pub fn phase(&self) -> Option<Phase> {
        self.lock().attempt.phases.last().map(|(phase, _)| *phase)
    }

    /// The record so far, with the time of the current phase up to now.
    pub fn record(&self) -> Attempt {
        let mut running = self.lock();
        running.close_phase();
        running.attempt.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn close_phase(&mut self) {
        if let (Some(began), Some((_, took))) = (self.began, self.attempt.phases.last_mut()) {
            *took = began.elapsed();
        }
    }
}
