//! The body of an answer: nothing, or one piece of bytes, and trailers if gRPC wants them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// The body of an answer.
#[derive(Debug, Default)]
pub struct Reply {
    data: Bytes,
    trailers: Option<HeaderMap>,
}

impl Reply {
    /// No body.
    pub fn empty() -> Reply {
        Reply::default()
    }

    /// `data` and nothing else.
    pub fn of(data: impl Into<Bytes>) -> Reply {
        Reply { data: data.into(), trailers: None }
    }

    /// With `trailers` behind the data.
    #[must_use]
    pub fn then(mut self, trailers: HeaderMap) -> Reply {
        self.trailers = Some(trailers);
        self
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.len() as u64)
    }
}
