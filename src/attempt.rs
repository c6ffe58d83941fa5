//! The record of one export try: which phases it went through, how long each took, and what the peer showed of itself.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::failure::Phase;

tokio::task_local! {
    /// Which try of its export an attempt is.
    static NUMBER: u32;
    /// What somebody outside of the exporter wants to read when the attempt is over.
    static WATCHED: Progress;
}

/// Runs `attempt` as the try with this number, beginning with 1.
pub fn numbered<F: Future>(number: u32, attempt: F) -> impl Future<Output = F::Output> {
    NUMBER.scope(number, attempt)
}

/// Which try of its export the attempt is that runs here; nothing outside of any.
pub fn number() -> Option<u32> {
    NUMBER.try_with(|number| *number).ok()
}

/// What went over the wire in an attempt, secrets included: who shows it redacts it.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// What was sent.
    pub request: Option<RequestHead>,
    /// What came back.
    pub response: Option<Response>,
    /// The TLS session of the connection.
    pub session: Option<Arc<Session>>,
}

/// The head of a request.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The URL, absolute.
    pub uri: Uri,
    /// The headers that the exporter sets; values that were configured are marked as sensitive.
    pub headers: HeaderMap,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The trailers, where there are any.
    pub trailers: Option<HeaderMap>,
    /// The body, or its beginning.
    pub body: Bytes,
}

/// What both sides of a TLS handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// `TLSv1_3`
    pub version: String,
    /// `TLS13_AES_256_GCM_SHA384`
    pub cipher_suite: String,
    /// The protocol, empty where none was agreed on.
    pub alpn: String,
    /// The name that was asked for.
    pub server_name: String,
}

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
    /// Nothing where nobody wants to see it.
    exchange: Option<Box<Exchange>>,
}

impl Progress {
    /// An attempt that has not begun.
    pub fn new() -> Progress {
        Progress::default()
    }

    /// An attempt that has not begun, of which the [`Exchange`] is kept, too.
    pub fn recording() -> Progress {
        let exchange = Some(Box::default());
        Progress(Arc::new(Mutex::new(Running { exchange, ..Running::default() })))
    }

    /// Runs `attempt`, whose exporter reports to this instead of to a progress of its own.
    pub fn watching<F: Future>(self, attempt: F) -> impl Future<Output = F::Output> {
        WATCHED.scope(self, attempt)
    }

    /// What the attempt that begins here reports to: that of whoever [watches](Progress::watching), or a new one.
    pub fn of_attempt() -> Progress {
        WATCHED.try_with(Progress::clone).unwrap_or_default()
    }

    /// Tells `note` what is kept of the exchange, if somebody wants to see it.
    pub fn note(&self, note: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = &mut self.lock().exchange {
            note(exchange);
        }
    }

    /// What was kept of the exchange.
    pub fn exchange(&self) -> Exchange {
        self.lock().exchange.as_deref().cloned().unwrap_or_default()
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
