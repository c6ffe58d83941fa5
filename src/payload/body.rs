//! The bytes of a payload: one allocation, a list of chunks, or what an earlier cut has left of one.

use std::fmt;
use std::slice;
use std::sync::Arc;

use bytes::Bytes;

use super::chunk::{Chunk, coalesce, concatenate, held, rehome};
use super::schema::MessageType;
use super::split::Level;

/// The bytes of a request. Cheap to clone.
#[derive(Clone)]
pub(super) enum Body {
    /// All of the request, in an allocation of its own size: how nearly every request comes, so nothing is kept beside it.
    Whole(Bytes),
    /// In several chunks, or in a part of an allocation.
    Pieces(Arc<Pieces>),
}

/// The bytes of a request that were joined or cut.
pub(super) struct Pieces {
    chunks: Box<[Bytes]>,
    len: u64,
    held: u64,
    form: Form,
}

/// How the chunks lie in the request.
enum Form {
    /// Each chunk is whole fields of the request.
    Aligned(Box<[Chunk]>),
    /// The chunks begin within the messages of these levels, outermost (the request) first.
    Open(Vec<Level>),
}

impl Body {
    /// `bytes` are all of the request, in an allocation of their own.
    pub(super) fn whole(bytes: Bytes) -> Body {
        Body::Whole(bytes)
    }

    /// Each of `chunks` is whole fields of the request.
    pub(super) fn aligned(chunks: Vec<Chunk>) -> Body {
        if let [only] = &chunks[..]
            && only.is_whole()
        {
            return Body::Whole(only.bytes.clone());
        }
        let shown: Box<[Bytes]> = chunks.iter().map(|chunk| chunk.bytes.clone()).collect();
        let (len, held) = (total(&shown), held(chunks.iter()));
        Body::of(Pieces { len, held, chunks: shown, form: Form::Aligned(chunks.into()) })
    }

    /// What is left in `levels`, the request first.
    pub(super) fn left(mut levels: Vec<Level>) -> Body {
        rehome(levels.iter_mut().rev().flat_map(Level::runs_mut));
        if levels.len() < 2 {
            return Body::aligned(levels.into_iter().flat_map(Level::into_runs).collect());
        }
        let lead = Level::lead(&levels);
        let headers: u64 = levels.iter().map(Level::header_len).sum();
        let runs = || levels.iter().rev().flat_map(Level::runs);
        let held = lead.len() as u64 + headers + held(runs());
        let chunks: Box<[Bytes]> = std::iter::once(lead).chain(runs().map(|run| run.bytes.clone())).collect();
        Body::of(Pieces { len: total(&chunks), held, chunks, form: Form::Open(levels) })
    }

    fn of(pieces: Pieces) -> Body {
        Body::Pieces(Arc::new(pieces))
    }

    /// One request of the fields of all `bodies`.
    pub(super) fn join<'a>(bodies: impl Iterator<Item = &'a Body>) -> Body {
        Body::aligned(coalesce(bodies.flat_map(Body::aligned_chunks)))
    }

    /// Concatenated they are the request.
    pub(super) fn chunks(&self) -> &[Bytes] {
        match self {
            Body::Whole(bytes) => slice::from_ref(bytes),
            Body::Pieces(pieces) => &pieces.chunks,
        }
    }

    /// How long the request is, in bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            Body::Whole(bytes) => bytes.len() as u64,
            Body::Pieces(pieces) => pieces.len,
        }
    }

    /// How many bytes of memory it keeps alive.
    pub(super) fn held(&self) -> u64 {
        match self {
            Body::Whole(bytes) => bytes.len() as u64,
            Body::Pieces(pieces) => pieces.held,
        }
    }

    /// The request in one piece.
    pub(super) fn to_bytes(&self) -> Bytes {
        match self.chunks() {
            [only] => only.clone(),
            many => concatenate(many.iter()),
        }
    }

    /// Where cutting goes on.
    pub(super) fn levels(&self, request: MessageType) -> Vec<Level> {
        if let Body::Pieces(pieces) = self
            && let Form::Open(levels) = &pieces.form
        {
            return levels.clone();
        }
        vec![Level::request(request, self.aligned_chunks().into_iter())]
    }

    fn aligned_chunks(&self) -> Vec<Chunk> {
        match self {
            Body::Whole(bytes) => vec![Chunk::whole(bytes.clone())],
            Body::Pieces(pieces) => match &pieces.form {
                Form::Aligned(chunks) => chunks.to_vec(),
                Form::Open(_) => vec![Chunk::whole(self.to_bytes())],
            },
        }
    }
}

impl Pieces {
    /// The memory that it takes.
    pub(super) fn footprint(&self) -> u64 {
        self.held + self.chunks.len() as u64 * EACH
    }
}

/// What a chunk takes beside its bytes.
const EACH: u64 = 160;

impl fmt::Debug for Body {
    /// Sizes only: what is in a request is its sender's business, and too long for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, held, chunks) = (self.len(), self.held(), self.chunks().len());
        f.debug_struct("Body").field("len", &len).field("held", &held).field("chunks", &chunks).finish()
    }
}

fn total(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
}
