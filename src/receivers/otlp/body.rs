//! How the body of a request is read: once, into an allocation of its own size, within limits of size, memory and time.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::future::poll_immediate;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::failure::{Class, Failure};
use crate::flow::Consume;
use crate::units::ByteCount;

use crate::protocol::Protocol;

use super::refusal::{malformed, too_large};
use super::room::{Claim, Room, SMALL};
use super::turn::Turns;

/// The body of a request, as a connection carries it or slower.
pub trait RequestBody: Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static {}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static> RequestBody for B {}

/// Bytes, and the memory that they are accounted for by.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    pub(super) claim: Claim,
}

/// Whether a gRPC message says of itself that it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    Plain,
    Compressed,
}

/// Within which bounds a body is read.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    /// The most that it may be.
    pub(super) limit: ByteCount,
    /// The memory for it.
    pub(super) room: &'a Room,
    /// Where it goes: a large one is not read where it would be refused.
    pub(super) next: &'a dyn Consume,
}

impl Bounds<'_> {
    /// Whether one that says that it has `length` is read. What is small is read in any case: so it can be said how many
    /// items are refused.
    fn admit(&self, protocol: Protocol, length: ByteCount) -> Result<(), Failure> {
        match length {
            length if self.limit < length => Err(too_large(protocol, Some(length.0), self.limit)),
            length if SMALL < length => self.next.is_open(),
            _ => Ok(()),
        }
    }
}

/// Reads an OTLP/HTTP body, where there are `turns` when it is its turn: only then its client has to send all of it
/// within `time`.
pub(super) async fn read_whole(
    body: &mut impl RequestBody,
    bounds: Bounds<'_>,
    turns: Option<&Turns>,
    time: Option<Duration>,
) -> Result<Held, Failure> {
    let declared = body.size_hint();
    bounds.admit(Protocol::Http, ByteCount(declared.lower()))?;
    let announced = declared.exact().map(ByteCount);
    let length = announced.map_or(Length::AtMost(bounds.limit), Length::Announced);
    match turns {
        None => in_time(time, read_frames(body, bounds, length)).await,
        Some(turns) => {
            let turn = turns.wait(announced).await;
            turn.read(in_time(time, read_frames(body, bounds, length))).await
        }
    }
}

async fn read_frames(body: &mut impl RequestBody, bounds: Bounds<'_>, length: Length) -> Result<Held, Failure> {
    let Bounds { limit, room, .. } = bounds;
    let mut buffer = Buffer::new(room)?;
    let began = Instant::now();
    while let Some(data) = next_data(body, began, room).await? {
        if limit < ByteCount::of(buffer.bytes.len() + data.len()) {
            return Err(too_large(Protocol::Http, None, limit));
        }
        buffer.extend(&data, length)?;
    }
    Ok(buffer.finish())
}

/// What `reading` comes to, if the client sends all of it within `limit`.
async fn in_time(
    limit: Option<Duration>,
    reading: impl Future<Output = Result<Held, Failure>>,
) -> Result<Held, Failure> {
    let Some(limit) = limit else { return reading.await };
    tokio::time::timeout(limit, reading).await.unwrap_or_else(|_| {
        let text = format!("the client has not sent its whole request within read_timeout ({limit:?})");
        Err(Failure::new(Class::BodyInterrupted, text))
    })
}

/// Reads the one message that a unary gRPC request consists of (gRPC over HTTP/2, "Length-Prefixed-Message").
pub(super) async fn read_message(body: &mut impl RequestBody, bounds: Bounds<'_>) -> Result<(Flag, Held), Failure> {
    let room = bounds.room;
    let mut prefix = Prefix::default();
    let mut buffer = Buffer::new(room)?;
    let began = Instant::now();
    while let Some(mut data) = next_data(body, began, room).await? {
        if let Some(length) = prefix.complete_from(&mut data) {
            bounds.admit(Protocol::Grpc, length)?;
        }
        if prefix.length() < ByteCount::of(buffer.bytes.len() + data.len()) {
            return Err(malformed("grpc: more than one message in a unary request"));
        }
        buffer.extend(&data, Length::Announced(prefix.length()))?;
    }
    match prefix.flag() {
        Some(flag) if prefix.length() == ByteCount::of(buffer.bytes.len()) => Ok((flag?, buffer.finish())),
        None if prefix.filled == 0 => Err(malformed("grpc: the request has no message")),
        _ => Err(malformed("grpc: the message ends early")),
    }
}

/// Reads and drops what is left of `body`, within limits: a client that is still writing would not read the answer, and
/// a connection that is closed with unread bytes takes the answer back.
pub(super) async fn discard(body: &mut impl RequestBody) {
    let all = async {
        let mut left = DISCARDED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARDING_TIME, all).await;
}

/// The next bytes of a body that began to be read at `began`.
async fn next_data(body: &mut impl RequestBody, began: Instant, room: &Room) -> Result<Option<Bytes>, Failure> {
    loop {
        // Whoever holds memory without using it gives way to those who would use it.
        if room.is_scarce() && SCARCE_LONGEST <= began.elapsed() {
            return Err(room.dawdles());
        }
        // What is there already needs no timer.
        let frame = match poll_immediate(body.frame()).await {
            Some(frame) => frame,
            None => awaited(body, began, room).await?,
        };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            None => return Ok(None),
            Some(Err(error)) if is_nonsense(&error) => {
                return Err(malformed("the body is not framed as its headers say").because(error));
            }
            Some(Err(error)) => {
                return Err(Failure::new(Class::BodyInterrupted, "the request ends early").because(error));
            }
        };
        // Trailers of a request mean nothing to OTLP.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

/// The next frame, if it comes in time.
async fn awaited(
    body: &mut impl RequestBody,
    began: Instant,
    room: &Room,
) -> Result<Option<Result<Frame<Bytes>, hyper::Error>>, Failure> {
    let heard = Instant::now();
    let deadline = (heard + STALL).min(began + LONGEST);
    loop {
        match tokio::time::timeout_at(deadline.min(Instant::now() + LOOK_AGAIN), body.frame()).await {
            Ok(frame) => return Ok(frame),
            Err(_) if room.is_scarce() && SCARCE_STALL <= heard.elapsed() => return Err(room.dawdles()),
            Err(_) if room.is_scarce() && SCARCE_LONGEST <= began.elapsed() => return Err(room.dawdles()),
            Err(_) if Instant::now() < deadline => {}
            Err(_) => {
                let text = format!(
                    "the client has sent nothing for {} s, or has not come to the end of its request in {} s",
                    STALL.as_secs(),
                    LONGEST.as_secs()
                );
                return Err(Failure::new(Class::BodyInterrupted, text));
            }
        }
    }
}

/// Whether a client sends what is no body, as told from one that ends early: it would send it again.
fn is_nonsense(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| matches!(source.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}

/// What is known of the length of a body.
#[derive(Clone, Copy, Debug)]
enum Length {
    /// It is this, as its sender says.
    Announced(ByteCount),
    /// It is this at most.
    AtMost(ByteCount),
}

/// Bytes that grow together with their claim.
struct Buffer<'a> {
    room: &'a Room,
    bytes: Vec<u8>,
    claim: Claim,
}

impl<'a> Buffer<'a> {
    fn new(room: &'a Room) -> Result<Buffer<'a>, Failure> {
        Ok(Buffer { room, bytes: Vec::new(), claim: room.claim()? })
    }

    /// Adds `data` to a body of `length`. Room for all of an announced length is made at once only where there is plenty:
    /// it costs its sender nothing, and must not use up the budget.
    fn extend(&mut self, data: &[u8], length: Length) -> Result<(), Failure> {
        let needed = self.bytes.len() + data.len();
        if self.bytes.capacity() < needed && !self.make_all_room(needed, length) {
            let (Length::Announced(most) | Length::AtMost(most)) = length;
            let roomy = needed.max(self.bytes.capacity().saturating_mul(GROWTH)).max(SMALLEST);
            self.resize(ByteCount::of(roomy.min(most.as_len().max(needed))))?;
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Whether there is room for all of the body now.
    fn make_all_room(&mut self, needed: usize, length: Length) -> bool {
        let Length::Announced(length) = length else { return false };
        needed <= length.as_len()
            && self.claim.grow_early(length - ByteCount::of(self.bytes.capacity()))
            && self.bytes.try_reserve_exact(length.as_len() - self.bytes.len()).is_ok()
    }

    fn resize(&mut self, capacity: ByteCount) -> Result<(), Failure> {
        let more = capacity - ByteCount::of(self.bytes.capacity());
        if !self.claim.grow(more) {
            return Err(self.room.used_up());
        }
        let additional = capacity.as_len().saturating_sub(self.bytes.len());
        self.bytes.try_reserve_exact(additional).map_err(|_| self.room.used_up())
    }

    fn finish(mut self) -> Held {
        self.bytes.shrink_to_fit();
        self.claim.shrink_to(ByteCount::of(self.bytes.len()));
        Held { bytes: Bytes::from(self.bytes), claim: self.claim }
    }
}

/// The five bytes before a gRPC message.
#[derive(Default)]
struct Prefix {
    bytes: [u8; PREFIX],
    filled: usize,
}

impl Prefix {
    /// Takes what it still needs from the front of `data`; the message's length as soon as it is known, once.
    fn complete_from(&mut self, data: &mut Bytes) -> Option<ByteCount> {
        let taken = data.len().min(PREFIX - self.filled);
        if taken == 0 {
            return None;
        }
        data.copy_to_slice(&mut self.bytes[self.filled..self.filled + taken]);
        self.filled += taken;
        (self.filled == PREFIX).then(|| self.length())
    }

    /// Zero as long as it is not complete.
    fn length(&self) -> ByteCount {
        let [_, length @ ..] = self.bytes;
        if self.filled == PREFIX { ByteCount(u64::from(u32::from_be_bytes(length))) } else { ByteCount::ZERO }
    }

    fn flag(&self) -> Option<Result<Flag, Failure>> {
        (self.filled == PREFIX).then(|| match self.bytes[0] {
            0 => Ok(Flag::Plain),
            1 => Ok(Flag::Compressed),
            other => Err(malformed(format!("grpc: received unexpected payload format {other}"))),
        })
    }
}

const PREFIX: usize = 5;

/// Room for the first bytes of a body, which most bodies do not exceed.
const SMALLEST: usize = 16 << 10;

/// By how much the room grows when it is used up.
const GROWTH: usize = 4;

/// How long a client may take over the next bytes of a body.
const STALL: Duration = Duration::from_secs(30);

/// How long a client may take over a whole body, however steadily it sends: a largest one needs 70 kB/s.
const LONGEST: Duration = Duration::from_secs(300);

/// The same where memory is scarce.
const SCARCE_STALL: Duration = Duration::from_secs(5);

/// The same where memory is scarce.
const SCARCE_LONGEST: Duration = Duration::from_secs(30);

/// How often a slow body is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const DISCARDED_BYTES: usize = 32 << 20;

const DISCARDING_TIME: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::pin::pin;
    use std::sync::Arc;

    use futures_util::poll;
    use http_body_util::Full;

    use super::*;
    use crate::flow::Taker;
    use crate::memory::Pressure;
    use crate::payload::Budget;

    fn room() -> Arc<Room> {
        Room::new(Budget::new(ByteCount::mib(64)), Budget::new(ByteCount::mib(64)), Pressure::default())
    }

    fn body(length: usize) -> impl RequestBody {
        Full::new(Bytes::from(vec![7; length])).map_err(|never| match never {})
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_is_read_when_it_is_its_turn() {
        let (room, turns) = (room(), Turns::of(ByteCount::mib(2)));
        let bounds = Bounds { limit: ByteCount::mib(8), room: &room, next: &Taker };
        let taken = (
            turns.wait(None).await,
            turns.wait(Some(ByteCount::mib(8))).await,
            turns.wait(Some(ByteCount(960 << 10))).await,
        );
        let mut large = body(1 << 20);
        let mut reading = pin!(read_whole(&mut large, bounds, Some(&turns), None));
        assert!(poll!(&mut reading).is_pending(), "others are read");
        assert_eq!(read_whole(&mut body(1 << 10), bounds, Some(&turns), None).await.unwrap().bytes.len(), 1 << 10);
        assert_eq!(read_whole(&mut body(1 << 20), bounds, None, None).await.unwrap().bytes.len(), 1 << 20);
        drop(taken);
        assert_eq!(reading.await.unwrap().bytes.len(), 1 << 20);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_large_waits_for_no_turn() {
        let (room, turns) = (room(), Turns::of(ByteCount::mib(1)));
        let bounds = Bounds { limit: ByteCount::mib(1), room: &room, next: &Taker };
        let _all = (turns.wait(Some(ByteCount::mib(1))).await, turns.wait(Some(ByteCount::mib(1))).await);
        let mut large = body(2 << 20);
        let mut reading = pin!(read_whole(&mut large, bounds, Some(&turns), None));
        assert!(poll!(&mut reading).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_for_a_client_begins_with_its_turn() {
        let (room, turns) = (room(), Turns::of(ByteCount::mib(1)));
        let bounds = Bounds { limit: ByteCount::mib(8), room: &room, next: &Taker };
        let _all = (turns.wait(Some(ByteCount::mib(1))).await, turns.wait(Some(ByteCount::mib(1))).await);
        let time = Some(Duration::from_millis(100));
        assert!(read_whole(&mut body(1 << 20), bounds, Some(&turns), time).await.is_ok());
    }
}
