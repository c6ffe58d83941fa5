//! What a connection has shown of its peer: its first bytes, its GOAWAY, and the TLS error that ended it.
//!
//! The layers above lose these: h2 copies the errors of its transport as text, and a graceful GOAWAY leaves no error at
//! all. The tap sits between them and TLS, and remembers.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::frames::{FrameWalk, GoAway};
use super::proxy::Carrier;

/// The bytes below HTTP.
#[derive(Debug)]
pub(super) enum Stream {
    /// TCP, a unix socket, or TLS to a proxy.
    Plain(Carrier),
    /// TLS.
    Tls(Box<TlsStream<Carrier>>),
}

/// What was seen of the peer. Shared by the connection and those who want to explain its end.
#[derive(Debug)]
pub(super) struct Seen {
    going_away: AtomicBool,
    evidence: Mutex<Evidence>,
    opened: Instant,
    /// When the peer last sent something, in milliseconds after the opening; 0 is never.
    heard: AtomicU64,
}

/// The evidence itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// The first bytes above TLS.
    pub(super) first: Vec<u8>,
    /// The GOAWAY that tells most.
    pub(super) goaway: Option<GoAway>,
    /// What TLS found wrong after its handshake.
    pub(super) tls: Option<rustls::Error>,
    /// How reading ended, if not well.
    pub(super) read_error: Option<ErrorKind>,
}

impl Seen {
    fn new() -> Seen {
        Seen {
            going_away: AtomicBool::new(false),
            evidence: Mutex::default(),
            opened: Instant::now(),
            heard: AtomicU64::new(0),
        }
    }

    /// How old the connection is, and for how long the peer has said nothing, if it ever did.
    pub(super) fn silence(&self) -> Option<(Duration, Duration)> {
        let heard = Duration::from_millis(Some(self.heard.load(Ordering::Relaxed)).filter(|heard| *heard != 0)?);
        let age = self.opened.elapsed();
        Some((age, age.saturating_sub(heard)))
    }

    /// Whether the peer takes no new requests here.
    pub(super) fn is_going_away(&self) -> bool {
        self.going_away.load(Ordering::Relaxed)
    }

    /// All of it.
    pub(super) fn evidence(&self) -> Evidence {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Evidence> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_error(&self, error: &io::Error) {
        // `source()` of an io::Error skips the error that it wraps.
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let mut evidence = self.lock();
        evidence.read_error = Some(error.kind());
        if let Some(tls) = tls {
            evidence.tls.get_or_insert_with(|| tls.clone());
        }
    }
}

/// A stream that remembers.
#[derive(Debug)]
pub(super) struct Tap {
    stream: Stream,
    seen: Arc<Seen>,
    walk: Option<FrameWalk>,
    first_left: usize,
    /// The peer no longer reads.
    unread: bool,
}

/// Whether the bytes are HTTP/2 frames, to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frames {
    /// HTTP/2
    Follow,
    /// Anything else
    Ignore,
}

impl Tap {
    /// Watches `stream`.
    pub(super) fn new(stream: Stream, frames: Frames) -> (Tap, Arc<Seen>) {
        let seen = Arc::new(Seen::new());
        let walk = (frames == Frames::Follow).then(FrameWalk::default);
        (Tap { stream, seen: Arc::clone(&seen), walk, first_left: FIRST_LEN, unread: false }, seen)
    }

    fn saw(&mut self, bytes: &[u8]) {
        let after = u64::try_from(self.seen.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.seen.heard.store(after.max(1), Ordering::Relaxed);
        if 0 < self.first_left {
            let part = &bytes[..self.first_left.min(bytes.len())];
            self.first_left -= part.len();
            self.seen.lock().first.extend_from_slice(part);
        }
        if let Some(goaway) = self.walk.as_mut().and_then(|walk| walk.feed(bytes)) {
            self.seen.going_away.store(true, Ordering::Relaxed);
            let mut evidence = self.seen.lock();
            evidence.goaway = GoAway::telling(evidence.goaway.take(), Some(goaway));
        }
    }

    /// A peer that no longer reads may have said why: its last words (an early 413, a TLS alert, a GOAWAY) are still to be
    /// read although writing fails. So writing is given up in silence, and reading ends the connection.
    fn wrote(&mut self, written: Poll<io::Result<usize>>, all: usize) -> Poll<io::Result<usize>> {
        match ready!(written) {
            Err(error) if is_hang_up(&error) => {
                self.unread = true;
                self.seen.note_error(&error);
                Poll::Ready(Ok(all))
            }
            Err(error) => {
                self.seen.note_error(&error);
                Poll::Ready(Err(error))
            }
            written => Poll::Ready(written),
        }
    }

    fn io(&mut self) -> Pin<&mut (dyn ReadWrite + Unpin)> {
        Pin::new(match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &mut **stream,
        })
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(self.io().poll_read(cx, buf));
        match &read {
            Ok(()) => {
                if let Some(bytes) = buf.filled().get(before..).filter(|bytes| !bytes.is_empty()) {
                    self.saw(bytes);
                }
            }
            Err(error) => self.seen.note_error(error),
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.unread {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = self.io().poll_write(cx, bytes);
        self.wrote(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = slices.iter().map(|slice| slice.len()).sum();
        if self.unread {
            return Poll::Ready(Ok(all));
        }
        let written = self.io().poll_write_vectored(cx, slices);
        self.wrote(written, all)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unread {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.io().poll_flush(cx).map_ok(|()| 0);
        self.wrote(flushed, 0).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }
}

trait ReadWrite: AsyncRead + AsyncWrite {}

impl<T: AsyncRead + AsyncWrite> ReadWrite for T {}

/// How many first bytes are kept.
pub(super) const FIRST_LEN: usize = 24;
