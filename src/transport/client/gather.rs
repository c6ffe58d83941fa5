//! How the many small writes of HTTP/2 become few large ones.
//!
//! h2 writes each frame by itself, 16 KiB at most with most peers, and flushes it at once. A copy is cheaper than a write:
//! so what is written is gathered, and goes out when much of it is there, or when the connection's task has done all that it
//! could for now. It is the executor that sees this, since the task is spawned by hyper.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes are gathered.
#[derive(Debug)]
pub(super) struct Gathering<S>(Arc<Shared<S>>);

/// Runs the tasks of one connection, and sends what each of them has gathered.
#[derive(Debug)]
pub(super) struct Sending<S>(Arc<Shared<S>>);

#[derive(Debug)]
struct Shared<S> {
    state: Mutex<State<S>>,
    /// Whether the task that is polled now has to do with the stream.
    is_touched: AtomicBool,
}

#[derive(Debug)]
struct State<S> {
    stream: S,
    gathered: Vec<u8>,
    /// How much of that is sent.
    sent: usize,
    /// Why the last of it could not be sent: for the next one who asks.
    failed: Option<io::Error>,
}

/// Gathers what is written to `stream` by the tasks that the second one runs.
pub(super) fn gathering<S>(stream: S) -> (Gathering<S>, Sending<S>) {
    let state = State { stream, gathered: Vec::new(), sent: 0, failed: None };
    let shared = Arc::new(Shared { state: Mutex::new(state), is_touched: AtomicBool::new(false) });
    (Gathering(Arc::clone(&shared)), Sending(shared))
}

impl<S> Clone for Sending<S> {
    fn clone(&self) -> Sending<S> {
        Sending(Arc::clone(&self.0))
    }
}

impl<S, F> hyper::rt::Executor<F> for Sending<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut task = pin!(task);
            let mut is_sender = false;
            poll_fn(|cx| {
                let polled = task.as_mut().poll(cx);
                // Others must not wait for the stream, which wakes but one.
                is_sender |= shared.is_touched.swap(false, Ordering::Relaxed);
                if is_sender {
                    is_sender = shared.lock().send(cx).is_pending();
                }
                polled
            })
            .await;
        });
    }
}

impl<S> Shared<S> {
    fn touch(&self) -> MutexGuard<'_, State<S>> {
        self.is_touched.store(true, Ordering::Relaxed);
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncWrite + Unpin> State<S> {
    /// Sends what is gathered, as far as the stream takes it.
    fn send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_send(cx)).unwrap_or_else(|error| {
            self.failed = Some(error);
            cx.waker().wake_by_ref();
        });
        Poll::Ready(())
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gathered.is_empty() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left) = self.gathered.get(self.sent..).filter(|left| !left.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.sent += length,
            }
        }
        self.gathered.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Takes of `slices` what there is room for.
    fn gather(&mut self, slices: &[IoSlice<'_>]) -> usize {
        if self.gathered.capacity() == 0 {
            self.gathered.reserve_exact(MUCH);
        }
        let before = self.gathered.len();
        for slice in slices {
            let room = MUCH - self.gathered.len();
            self.gathered.extend_from_slice(&slice[..room.min(slice.len())]);
        }
        self.gathered.len() - before
    }

    fn fault(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathering<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.touch();
        if let Some(error) = state.failed.take() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut state.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathering<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.touch();
        state.fault()?;
        if MUCH <= state.gathered.len() {
            ready!(state.poll_drain(cx))?;
        }
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if state.gathered.is_empty() && MUCH <= length {
            return Pin::new(&mut state.stream).poll_write_vectored(cx, slices);
        }
        Poll::Ready(Ok(state.gather(slices)))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What is gathered is sent when the task ends its turn.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.touch().fault())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.touch();
        state.fault()?;
        ready!(state.poll_send(cx))?;
        Pin::new(&mut state.stream).poll_shutdown(cx)
    }
}

/// So much is written at once. On loopback it is what one packet carries.
const MUCH: usize = 64 << 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use hyper::rt::Executor;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Counts the writes that come through.
    struct Counted<S>(S, Arc<Mutex<Vec<usize>>>);

    impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buf)
        }
    }

    impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let written = ready!(Pin::new(&mut self.0).poll_write(cx, bytes))?;
            self.1.lock().unwrap().push(written);
            Poll::Ready(Ok(written))
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    /// Pieces that one turn of a task writes and flushes arrive through a stream that holds `room` bytes, in at most
    /// `writes` writes.
    async fn check(pieces: Vec<Vec<u8>>, room: usize, writes: usize) {
        let (near, mut far) = duplex(room);
        let seen = Arc::default();
        let (mut stream, sending) = gathering(Counted(near, Arc::clone(&seen)));
        let expected = pieces.concat();
        sending.execute(async move {
            for piece in pieces {
                stream.write_all(&piece).await.unwrap();
                stream.flush().await.unwrap();
            }
            // Not even the end of the stream is needed to send them.
            std::future::pending::<()>().await;
        });
        let mut arrived = vec![0; expected.len()];
        far.read_exact(&mut arrived).await.unwrap();
        assert!(arrived == expected);
        assert!(seen.lock().unwrap().len() <= writes, "{:?}", seen.lock().unwrap());
    }

    fn pieces(count: usize, length: usize) -> Vec<Vec<u8>> {
        (0..count).map(|index| vec![index as u8; length]).collect()
    }

    #[tokio::test]
    async fn the_writes_of_one_turn_go_out_together() {
        check(pieces(100, 100), 1 << 20, 1).await;
        check(pieces(40, 16 << 10), 1 << 20, 10).await;
        check(pieces(2, 3 * MUCH), 1 << 20, 2).await;
    }

    #[tokio::test]
    async fn a_stream_that_is_full_loses_nothing() {
        check(pieces(100, 100), 7, usize::MAX).await;
        check(pieces(40, 16 << 10), 50_000, usize::MAX).await;
        check(pieces(3, 3 * MUCH), 50_000, usize::MAX).await;
    }

    #[tokio::test]
    async fn the_end_of_a_stream_comes_behind_what_is_gathered() {
        let (near, mut far) = duplex(10);
        let (mut stream, sending) = gathering(near);
        sending.execute(async move {
            stream.write_all(&[7; 100]).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let mut arrived = Vec::new();
        far.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, [7; 100]);
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_an_error_of_the_next_call() {
        let (near, far) = duplex(10);
        drop(far);
        let (mut stream, sending) = gathering(near);
        let (tell, told) = tokio::sync::oneshot::channel();
        sending.execute(async move {
            stream.write_all(&[7; 100]).await.unwrap();
            tokio::task::yield_now().await;
            tell.send(stream.write_all(&[7]).await.unwrap_err().kind()).unwrap();
        });
        assert_eq!(told.await.unwrap(), io::ErrorKind::BrokenPipe);
    }
}
