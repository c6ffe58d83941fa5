//! The body of an answer: nothing, or one piece of bytes, and trailers if gRPC wants them; or whatever a service streams.

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
    /// Comes behind the data.
    stream: Option<tonic::body::Body>,
}

impl Reply {
    /// No body.
    pub fn empty() -> Reply {
        Reply::default()
    }

    /// `data` and nothing else.
    pub fn of(data: impl Into<Bytes>) -> Reply {
        Reply { data: data.into(), ..Reply::default() }
    }

    /// What a gRPC service says, as it says it.
    pub fn streamed(stream: tonic::body::Body) -> Reply {
        Reply { stream: Some(stream), ..Reply::default() }
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

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        if let Some(stream) = &mut self.stream {
            // A stream that fails ends without a verdict, which its reader takes for a failure.
            return Pin::new(stream).poll_frame(cx).map(|frame| frame.and_then(Result::ok).map(Ok));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none() && self.stream.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.stream {
            Some(stream) => stream.size_hint(),
            None => SizeHint::with_exact(self.data.len() as u64),
        }
    }
}
