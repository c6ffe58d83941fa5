//! A request's body that is read at a certain pace, so that its sender meets flow control.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::units::ByteCount;

/// A body that is handed on piece by piece, or as it comes.
pub(super) struct Paced<B> {
    body: B,
    slowly: Option<Slowly>,
}

struct Slowly {
    /// Bytes of one piece.
    piece: usize,
    /// Seconds that a byte takes.
    per_byte: f64,
    /// What has come and is not handed on yet.
    left: Bytes,
    pause: Pin<Box<Sleep>>,
}

impl<B> Paced<B> {
    /// `body`, of which `rate` bytes are read in a second; none: as they come.
    pub(super) fn new(body: B, rate: Option<ByteCount>) -> Paced<B> {
        let slowly = rate.map(|rate| {
            let (piece, per_byte) = ((rate.as_len() / PIECES).max(1), 1.0 / rate.0.max(1) as f64);
            Slowly { piece, per_byte, left: Bytes::new(), pause: Box::pin(sleep(Duration::ZERO)) }
        });
        Paced { body, slowly }
    }
}

impl Slowly {
    /// The next piece; the one behind it comes when this one has taken its time.
    fn piece(&mut self) -> Bytes {
        let piece = self.left.split_to(self.piece.min(self.left.len()));
        let length = Duration::try_from_secs_f64(self.per_byte * piece.len() as f64).unwrap_or_default();
        self.pause.as_mut().reset(Instant::now() + length);
        piece
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let Some(slowly) = &mut this.slowly else { return Pin::new(&mut this.body).poll_frame(cx) };
        ready!(slowly.pause.as_mut().poll(cx));
        if slowly.left.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => slowly.left = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(slowly.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.slowly.as_ref().is_none_or(|slowly| slowly.left.is_empty()) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What is kept back is not in the inner body's hint: nothing is promised.
        if self.slowly.is_some() { SizeHint::default() } else { self.body.size_hint() }
    }
}

/// Pieces of one second.
const PIECES: usize = 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_the_time_of_its_bytes_and_stays_whole() {
        let text: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let began = Instant::now();
        let body = Paced::new(Full::new(Bytes::from(text.clone())), Some(ByteCount(100)));
        assert_eq!(body.collect().await.unwrap().to_bytes(), text);
        let taken = began.elapsed().as_secs_f64();
        assert!((9.5..10.5).contains(&taken), "{taken}");
    }
}
