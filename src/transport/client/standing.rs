//! What a pool of connections holds, which connection is next, and where one more should go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::connect::in_turn;
use super::connection::Http2;
use super::idle::Idle;
use super::obstacle::Obstacle;
use super::resolve::Host;
use super::settings::Keep;
use crate::config::Balancer;
use crate::failure::Phase;

/// What a pool holds.
#[derive(Debug)]
pub(super) struct State {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) looked_up: Option<Instant>,
    pub(super) turn: usize,
    pub(super) http2: Vec<Arc<Http2>>,
    pub(super) idle: Idle,
    /// Whether someone closes connections that are idle for too long.
    pub(super) sweeping: Background,
    /// The dial that requests wait for.
    pub(super) dial: Option<Arc<watch::Sender<Dialing>>>,
    /// What goes on beside the requests: one thing at a time.
    pub(super) background: Background,
    pub(super) grow_after: Option<Instant>,
    pub(super) speaks_http1: bool,
}

/// Whether something goes on beside the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Background {
    #[default]
    Nothing,
    Busy,
}

/// How far a dial has come that several requests wait for.
#[derive(Clone, Debug)]
pub(super) enum Dialing {
    In(Phase),
    /// Nothing when the connection turned out to be HTTP/1.1, which cannot be shared.
    Done(Result<Option<Arc<Http2>>, Obstacle>),
}

/// Something to do beside the requests.
pub(super) enum Chore {
    LookUp,
    Open(Vec<SocketAddr>),
}

impl State {
    pub(super) fn new(keep: Keep) -> State {
        State {
            addresses: Vec::new(),
            looked_up: None,
            turn: 0,
            http2: Vec::new(),
            idle: Idle::new(keep),
            sweeping: Background::Nothing,
            dial: None,
            background: Background::Nothing,
            grow_after: None,
            speaks_http1: false,
        }
    }

    /// The usable connection whose turn it is: the next with room, else the one with the fewest requests.
    pub(super) fn next_http2(&mut self) -> Option<Arc<Http2>> {
        self.http2.retain(|http2| http2.is_usable());
        self.turn = self.turn.wrapping_add(1);
        let start = self.turn.checked_rem(self.http2.len())?;
        let (before, after) = self.http2.split_at(start);
        let in_turn = || after.iter().chain(before);
        in_turn()
            .find(|http2| http2.streams() < STREAMS_EACH)
            .or_else(|| in_turn().min_by_key(|http2| http2.streams()))
            .cloned()
    }

    /// What should be done in the background now, if anything.
    pub(super) fn chore(&mut self, host: &Host, balancer: Balancer) -> Option<Chore> {
        if self.background == Background::Busy {
            return None;
        }
        let is_stale = self.looked_up.is_some_and(|at| LOOK_UP_AGAIN < at.elapsed());
        let chore =
            if is_stale && matches!(host, Host::Name(_)) { Chore::LookUp } else { Chore::Open(self.growth(balancer)?) };
        self.background = Background::Busy;
        Some(chore)
    }

    /// Where one more connection should go: to an address without one, or anywhere when all are full.
    fn growth(&self, balancer: Balancer) -> Option<Vec<SocketAddr>> {
        let may_grow = self.http2.len() < MAX_CONNECTIONS && self.grow_after.is_none_or(|after| after < Instant::now());
        if !may_grow {
            return None;
        }
        let first = self.http2.first()?.link.peer;
        let are_full = || self.http2.iter().all(|http2| STREAMS_EACH <= http2.streams());
        if balancer == Balancer::PickFirst {
            return are_full().then(|| vec![first]);
        }
        // The other family usually is the same machine.
        let alike = self.addresses.iter().filter(|address| address.is_ipv6() == first.is_ipv6());
        let unused = alike.copied().find(|address| self.http2.iter().all(|http2| http2.link.peer != *address));
        unused.map(|address| vec![address]).or_else(|| are_full().then(|| in_turn(&self.addresses, self.turn)))
    }
}

/// What servers usually allow (RFC 9113, section 6.5.2, recommends no less).
pub(super) const STREAMS_EACH: usize = 100;
const MAX_CONNECTIONS: usize = 16;
const LOOK_UP_AGAIN: Duration = Duration::from_secs(30);
