//! When a connection was last of use: the evidence on which an idle or stalled one is closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::sync::Notify;

/// What a connection is doing. Times are in milliseconds since it was accepted.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    requests: AtomicU32,
    /// When the last request ended.
    quiet_since: AtomicU64,
    /// When the first byte after the last request came; 0: none came. Bytes that came together with that request are
    /// not seen: then only the idle time counts.
    heard_since: AtomicU64,
    cut: AtomicBool,
    cuts: Notify,
}

/// A request in hand: as long as it lives, its connection is of use.
pub(super) struct Beat(Arc<Pulse>);

/// A stream whose end can be made an abrupt one.
pub(super) trait Severable {
    /// From now on, when it is dropped, TCP is reset rather than closed.
    fn sever(&self);
}

/// A connection's stream that notes what is read from it.
#[derive(Debug)]
pub(super) struct Listening<T: Severable> {
    stream: T,
    pulse: Arc<Pulse>,
}

impl Pulse {
    /// Of a connection that was just accepted.
    pub(super) fn new() -> Arc<Pulse> {
        Arc::new(Pulse {
            born: Instant::now(),
            requests: AtomicU32::new(0),
            quiet_since: AtomicU64::new(0),
            heard_since: AtomicU64::new(0),
            cut: AtomicBool::new(false),
            cuts: Notify::new(),
        })
    }

    /// A request begins.
    pub(super) fn beat(self: &Arc<Self>) -> Beat {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.heard_since.store(0, Ordering::Relaxed);
        Beat(Arc::clone(self))
    }

    /// The connection is to end abruptly.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        self.cuts.notify_one();
    }

    /// Ends when the connection is to end abruptly; for one who waits.
    pub(super) async fn is_cut(&self) {
        self.cuts.notified().await;
    }

    /// Ends when no request has been in hand for `idle`, or when a request began to come in `head` ago and has not
    /// got as far as its body; checked every `head`.
    pub(super) async fn stops(&self, idle: Duration, head: Duration) {
        loop {
            let left = self.left(idle, head);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(head).max(SHORTEST_SLEEP)).await;
        }
    }

    fn left(&self, idle: Duration, head: Duration) -> Duration {
        if self.requests.load(Ordering::Relaxed) != 0 {
            return idle;
        }
        let now = self.now();
        let since = |then: u64| Duration::from_millis(now.saturating_sub(then));
        let left = idle.saturating_sub(since(self.quiet_since.load(Ordering::Relaxed)));
        match self.heard_since.load(Ordering::Relaxed) {
            0 => left,
            heard => left.min(head.saturating_sub(since(heard))),
        }
    }

    fn heard(&self) {
        if self.requests.load(Ordering::Relaxed) == 0 && self.heard_since.load(Ordering::Relaxed) == 0 {
            self.heard_since.store(self.now().max(1), Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.quiet_since.store(self.0.now(), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T: Severable> Listening<T> {
    /// `stream`, of the connection of `pulse`.
    pub(super) fn new(stream: T, pulse: Arc<Pulse>) -> Listening<T> {
        Listening { stream, pulse }
    }
}

impl<T: Severable> Drop for Listening<T> {
    fn drop(&mut self) {
        if self.pulse.cut.load(Ordering::Relaxed) {
            self.stream.sever();
        }
    }
}

impl<T: Read + Severable + Unpin> Read for Listening<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.pulse.heard();
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Severable + Unpin> Write for Listening<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }
}

const SHORTEST_SLEEP: Duration = Duration::from_millis(10);
