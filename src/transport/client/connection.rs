//! One connection: what it is made of, whether it can take a request, and who holds a place on it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use tokio::sync::watch;
use tokio::time::timeout;

use super::body::RequestBody;
use super::explain::Wire;
use super::obstacle::Obstacle;
use super::tap::{Evidence, Seen};
use super::tls::TlsContext;
use crate::attempt::Progress;

/// What is left when the protocol is taken away.
#[derive(Debug)]
pub(super) struct Link {
    /// Who is at the other end.
    pub(super) peer: SocketAddr,
    /// What it has shown of itself.
    pub(super) seen: Arc<Seen>,
    /// Becomes true when the connection's task has ended.
    pub(super) over: watch::Receiver<bool>,
    /// To explain TLS errors that come late.
    pub(super) tls: Option<TlsContext>,
}

impl Link {
    /// Tells `progress` who is at the other end, and in what session.
    pub(super) fn show(&self, progress: &Progress) {
        progress.connected_to(self.peer);
        let session = self.tls.as_ref().and_then(|tls| tls.session.as_ref());
        progress.note(|exchange| exchange.session = session.map(Arc::clone));
    }

    /// Everything that the peer has said, once the connection has had a moment to read its last words.
    pub(super) async fn last_words(&self) -> Evidence {
        let mut over = self.over.clone();
        let _ = timeout(LAST_WORDS, over.wait_for(|over| *over)).await;
        self.seen.evidence()
    }

    /// The obstacle that a TLS error is which came after the handshake, as those of TLS 1.3 do.
    pub(super) fn late_tls_error(&self, evidence: &Evidence) -> Option<Obstacle> {
        Some(self.tls.as_ref()?.explain(evidence.tls.as_ref()?))
    }

    /// The obstacle of a server that asked who we are and then closed without ever saying anything. A server of HTTP/2
    /// speaks first (RFC 9113, section 3.4); one of HTTP/1.1 may have had another reason if it saw a certificate.
    pub(super) fn shut_out(&self, evidence: &Evidence, wire: Wire) -> Option<Obstacle> {
        let tls = self.tls.as_ref().filter(|_| evidence.first.is_empty() && evidence.goaway.is_none())?;
        if wire == Wire::Http1 && tls.has_identity() { None } else { tls.explain_silence() }
    }
}

/// A connection that has just been opened.
#[derive(Debug)]
pub(super) enum Connection {
    /// HTTP/1.1: one request at a time.
    Http1(Http1),
    /// HTTP/2: many at a time.
    Http2(Arc<Http2>),
}

/// An HTTP/1.1 connection.
#[derive(Debug)]
pub(super) struct Http1 {
    pub(super) link: Link,
    pub(super) sender: http1::SendRequest<RequestBody>,
    /// Whether it has carried a whole exchange already.
    pub(super) proven: bool,
}

/// An HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Http2 {
    pub(super) link: Link,
    pub(super) sender: http2::SendRequest<RequestBody>,
    streams: AtomicUsize,
    /// Requests that were answered on it.
    answers: AtomicU64,
    retired: AtomicBool,
}

impl Http1 {
    /// Whether it can take the next request, after the moment that it may need to end the last one.
    pub(super) async fn is_ready(&mut self) -> bool {
        matches!(timeout(READY_LIMIT, self.sender.ready()).await, Ok(Ok(())))
    }
}

impl Http2 {
    pub(super) fn new(link: Link, sender: http2::SendRequest<RequestBody>) -> Http2 {
        let (streams, answers, retired) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Http2 { link, sender, streams, answers, retired }
    }

    /// Whether new requests may go here.
    pub(super) fn is_usable(&self) -> bool {
        !self.sender.is_closed() && !self.link.seen.is_going_away() && !self.retired.load(Ordering::Relaxed)
    }

    /// Requests on it now.
    pub(super) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// No new requests: it ends when those on it have ended.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Whether it has carried a whole exchange already.
    pub(super) fn is_proven(&self) -> bool {
        0 < self.answers()
    }
}

/// A place on an HTTP/2 connection, held for one request.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) connection: Arc<Http2>,
    answers_before: u64,
    settled: bool,
}

impl Place {
    pub(super) fn take(connection: Arc<Http2>) -> Place {
        connection.streams.fetch_add(1, Ordering::Relaxed);
        let answers_before = connection.answers();
        Place { connection, answers_before, settled: false }
    }

    /// The exchange failed, but it was not given up: what becomes of the connection shows by itself.
    pub(super) fn failed(&mut self) {
        self.settled = true;
    }

    /// The exchange brought an answer.
    pub(super) fn answered(&mut self) {
        self.settled = true;
        self.connection.answers.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connection.streams.fetch_sub(1, Ordering::Relaxed);
        // Given up while nobody was answered here: the path may be dead without a word, so the next ones go elsewhere.
        if !self.settled && self.connection.answers() == self.answers_before {
            self.connection.retire();
        }
    }
}

/// How long the last words of a peer may take to be read after its connection failed.
const LAST_WORDS: Duration = Duration::from_millis(100);
const READY_LIMIT: Duration = Duration::from_millis(50);
