//! HTTP/1.1 connections that wait for their next request: how many, and for how long.

use std::time::{Duration, Instant};

use super::connection::Http1;
use super::settings::Keep;
use crate::config::Reuse;

/// The idle connections of one pool.
#[derive(Debug)]
pub(super) struct Idle {
    waiting: Vec<(Http1, Instant)>,
    most: usize,
    limit: Option<Duration>,
}

impl Idle {
    /// No connections, to be kept as `keep` says.
    pub(super) fn new(keep: Keep) -> Idle {
        let most = match keep.reuse {
            Reuse::Keep => keep.max_idle.unwrap_or(MAX_IDLE),
            Reuse::Never => 0,
        };
        Idle { waiting: Vec::new(), most, limit: keep.idle_limit.0 }
    }

    /// Keeps a connection for the next request, if it can take one and there is room.
    pub(super) fn put(&mut self, http1: Http1) {
        self.prune();
        if !http1.sender.is_closed() && self.waiting.len() < self.most {
            self.waiting.push((http1, Instant::now()));
        }
    }

    /// The connection that was used last.
    pub(super) fn take(&mut self) -> Option<Http1> {
        self.prune();
        self.waiting.pop().map(|(http1, _)| http1)
    }

    /// Closes the connections that have been idle for too long.
    pub(super) fn prune(&mut self) {
        let limit = self.limit;
        self.waiting
            .retain(|(http1, since)| !http1.sender.is_closed() && limit.is_none_or(|limit| since.elapsed() < limit));
    }

    /// When there will be something to close, unless it is used before.
    pub(super) fn next_prune(&self) -> Option<Instant> {
        let oldest = self.waiting.iter().map(|(_, since)| *since).min()?;
        oldest.checked_add(self.limit?)
    }
}

const MAX_IDLE: usize = 32;
