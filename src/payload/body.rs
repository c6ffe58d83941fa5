//! The bytes of a payload: a list of chunks, or what an earlier cut has left of one.

use std::fmt;

use bytes::Bytes;

use super::chunk::{Chunk, coalesce, concatenate, held, rehome};
use super::schema::MessageType;
use super::split::Level;

/// The bytes of a request.
pub(super) struct Body {
    chunks: Box<[Bytes]>,
    len: u64,
    held: u64,
    form: Form,
}

/// How the chunks lie in the request.
enum Form {
    /// Each chunk is whole fields of the request.
    Aligned(Vec<Chunk>),
    /// The chunks begin within the messages of these levels, outermost (the request) first.
    Open(Vec<Level>),
}

impl Body {
    /// `bytes` are all of the request, in an allocation of their own.
    pub(super) fn whole(bytes: Bytes) -> Body {
        Body::aligned(vec![Chunk::whole(bytes)])
    }

    /// Each of `chunks` is whole fields of the request.
    pub(super) fn aligned(chunks: Vec<Chunk>) -> Body {
        let shown: Box<[Bytes]> = chunks.iter().map(|chunk| chunk.bytes.clone()).collect();
        Body { len: total(&shown), held: held(chunks.iter()), chunks: shown, form: Form::Aligned(chunks) }
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
        Body { len: total(&chunks), held, chunks, form: Form::Open(levels) }
    }

    /// One request of the fields of all `bodies`.
    pub(super) fn join<'a>(bodies: impl Iterator<Item = &'a Body>) -> Body {
        Body::aligned(coalesce(bodies.flat_map(Body::aligned_chunks)))
    }

    /// Concatenated they are the request.
    pub(super) fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// How long the request is, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// How many bytes of memory it keeps alive.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// The request in one piece.
    pub(super) fn to_bytes(&self) -> Bytes {
        match &*self.chunks {
            [only] => only.clone(),
            many => concatenate(many.iter()),
        }
    }

    /// Where cutting goes on.
    pub(super) fn levels(&self, request: MessageType) -> Vec<Level> {
        match &self.form {
            Form::Aligned(chunks) => vec![Level::request(request, chunks.iter().cloned())],
            Form::Open(levels) => levels.clone(),
        }
    }

    fn aligned_chunks(&self) -> Vec<Chunk> {
        match &self.form {
            Form::Aligned(chunks) => chunks.clone(),
            Form::Open(_) => vec![Chunk::whole(self.to_bytes())],
        }
    }
}

impl fmt::Debug for Body {
    /// Sizes only: what is in a request is its sender's business, and too long for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chunks = self.chunks.len();
        f.debug_struct("Body").field("len", &self.len).field("held", &self.held).field("chunks", &chunks).finish()
    }
}

fn total(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
}
